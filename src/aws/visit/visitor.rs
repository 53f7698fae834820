//! Asking the edge as a visitor does, over the SDK's own HTTP client.

use std::error::Error as StdError;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use md5::{Digest, Md5};

use crate::release::preview;
use crate::release::sample::{Question, Seen, Want};

/// Where the edge answers, when it is not at the distribution's own name.
const ENDPOINT: &str = "ARQ_EDGE_ENDPOINT";
/// How long a page may take. An API's route may take as long as API Gateway lets it: 30 seconds.
const PAGE: Duration = Duration::from_secs(10);
const ROUTE: Duration = Duration::from_secs(30);

/// Somebody who visits the site of one distribution.
#[derive(Debug, Clone)]
pub struct Visitor {
    connector: SharedHttpConnector,
    /// Scheme and authority.
    base: String,
    /// The distribution's name.
    host: String,
    /// Token of a release that is not live.
    token: Option<String>,
}

/// There was no answer; why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// `ARQ_EDGE_ENDPOINT`, without a slash at its end.
pub fn endpoint() -> Option<String> {
    let endpoint = std::env::var(ENDPOINT).ok().filter(|endpoint| !endpoint.is_empty())?;
    Some(endpoint.trim_end_matches('/').to_owned())
}

impl Visitor {
    /// A visitor of the distribution with this host name, who sees the release of `token`, or else the live one.
    pub fn new(domain: &str, token: Option<String>) -> Self {
        let crypto = tls::rustls_provider::CryptoMode::AwsLc;
        // As the SDK itself goes out. One that is at hand is asked directly.
        let proxy = if endpoint().is_some() { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
        let connector = Connector::builder().proxy_config(proxy).tls_provider(tls::Provider::Rustls(crypto)).build();
        Self {
            connector: SharedHttpConnector::new(connector),
            base: endpoint().unwrap_or_else(|| format!("https://{domain}")),
            host: domain.to_owned(),
            token,
        }
    }

    /// The URL of a path, for people.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.host)
    }

    /// Asks, and looks at the answer.
    pub async fn ask(&self, question: &Question) -> Result<Seen, NoAnswer> {
        let limit = if question.want == Want::Api { ROUTE } else { PAGE };
        match tokio::time::timeout(limit, self.send(question)).await {
            Ok(result) => result,
            Err(_) => Err(NoAnswer(format!("no answer within {} seconds", limit.as_secs()))),
        }
    }

    async fn send(&self, question: &Question) -> Result<Seen, NoAnswer> {
        let bytes = question.wants_bytes();
        let request = self.request(question, if bytes { "GET" } else { "HEAD" })?;
        let answer = self.connector.call(request).await.map_err(|error| NoAnswer(innermost(&error)))?;
        let status = answer.status().as_u16();
        // Source: CloudFront developer guide, "x-edge-result-type": what the origin refused is an Error.
        let refused = answer.headers().get("x-cache").is_some_and(|cache| cache.starts_with("Error from"));
        let etag = answer.headers().get("etag").map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
        let md5 = if bytes { Some(hash(answer.into_body()).await?) } else { None };
        Ok(Seen { status, etag, md5, refused })
    }

    fn request(&self, question: &Question, method: &str) -> Result<HttpRequest, NoAnswer> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{}", self.base, question.path))
            // WAF's common rules refuse who does not say who they are.
            .header("user-agent", concat!("arqsite/", env!("CARGO_PKG_VERSION")))
            // The ETag of the object itself is what the manifest lists.
            .header("accept-encoding", "identity");
        if endpoint().is_some() {
            request = request.header("host", &self.host);
        }
        if let Some(token) = &self.token {
            request = request.header("cookie", format!("{}={token}", preview::COOKIE));
        }
        let request = request.body(SdkBody::empty()).map_err(|error| NoAnswer(error.to_string()))?;
        HttpRequest::try_from(request).map_err(|error| NoAnswer(error.to_string()))
    }
}

/// MD5 of a body, in lower-case hexadecimal.
async fn hash(body: SdkBody) -> Result<String, NoAnswer> {
    let mut stream = ByteStream::new(body);
    let mut hash = Md5::new();
    while let Some(bytes) = stream.try_next().await.map_err(|error| NoAnswer(innermost(&error)))? {
        hash.update(&bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The last cause is the one that tells: "Connection refused", not "dispatch failure".
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
