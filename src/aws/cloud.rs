//! The account: clients, identity and names, made once a run.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudfrontkeyvaluestore as kvs;
use serde::{Deserialize, Serialize};

use super::content::Publication;
use super::error::{CallError, answer};
use super::names::Names;
use super::network::ec2::Ec2;
use super::visit::Check;
use crate::deploy::StepError;

/// The region in which CloudFront's certificates, firewalls and metrics live.
///
/// Source: CloudFront developer guide, "Monitoring"; WAF and ACM developer guides.
pub const EDGE_REGION: &str = "us-east-1";

/// How long is waited for what others must do, unless told otherwise.
const WAIT: Duration = Duration::from_secs(10 * 60);

/// Which of the two regions of a site something is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The region of arq.toml: bucket, API, data.
    Home,
    /// [`EDGE_REGION`]: what belongs to CloudFront.
    Edge,
}

/// A client for either region.
#[derive(Clone)]
pub struct Both<C> {
    home: C,
    edge: C,
}

impl<C> Both<C> {
    /// The client of that region.
    pub fn at(&self, place: Place) -> &C {
        match place {
            Place::Home => &self.home,
            Place::Edge => &self.edge,
        }
    }
}

/// The account as one site and stage sees it; its clients are shared by every copy.
#[derive(Clone)]
pub struct Cloud {
    /// Names and tags of everything.
    pub names: Names,
    /// ARN of whoever calls.
    pub caller: String,
    /// S3, in the region of the site.
    pub s3: aws_sdk_s3::Client,
    /// CloudFront's control plane.
    pub cloudfront: aws_sdk_cloudfront::Client,
    /// The data plane of CloudFront's KeyValueStore.
    pub store: kvs::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// CloudWatch Logs.
    pub logs: Both<aws_sdk_cloudwatchlogs::Client>,
    /// CloudWatch: alarms and dashboards.
    pub cloudwatch: Both<aws_sdk_cloudwatch::Client>,
    /// SNS.
    pub sns: Both<aws_sdk_sns::Client>,
    /// EventBridge.
    pub events: Both<aws_sdk_eventbridge::Client>,
    /// EventBridge Scheduler.
    pub scheduler: aws_sdk_scheduler::Client,
    /// ACM, in [`EDGE_REGION`].
    pub acm: aws_sdk_acm::Client,
    /// WAF, in [`EDGE_REGION`].
    pub waf: aws_sdk_wafv2::Client,
    /// Route 53.
    pub route53: aws_sdk_route53::Client,
    /// EC2: the network.
    pub ec2: Ec2,
    /// RDS.
    pub rds: aws_sdk_rds::Client,
    /// The Data API of RDS.
    pub rdsdata: aws_sdk_rdsdata::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// CloudTrail.
    pub trail: aws_sdk_cloudtrail::Client,
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// API Gateway v2.
    pub gateway: aws_sdk_apigatewayv2::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// What is to be published; `None` when nothing is (`status`, `destroy`).
    pub publication: Option<Arc<Publication>>,
    /// What is asked of a release before it is live and after; `None` when nothing is.
    pub check: Option<Arc<Check>>,
    /// How long to wait for what others must do: a registrar's delegation, the records of a
    /// domain that is kept elsewhere. What AWS does by itself is not meant.
    pub wait: Duration,
}

/// Why the account could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither arq.toml nor the AWS configuration names a region.
    #[error("no AWS region is set")]
    NoRegion,
    /// The chain of credential providers found nothing.
    #[error("no AWS credentials were found")]
    NoCredentials(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// AWS does not accept the credentials.
    #[error("AWS does not accept the credentials")]
    Refused(#[source] CallError),
    /// Nobody answered.
    #[error("AWS could not be reached{}", .endpoint.as_ref().map(|e| format!(" at {e}")).unwrap_or_default())]
    Unreachable {
        /// `AWS_ENDPOINT_URL`, when it is set.
        endpoint: Option<String>,
        /// What the connection said.
        #[source]
        source: CallError,
    },
}

impl Cloud {
    /// Reads the AWS configuration as every AWS tool does, and asks STS whose account it is.
    ///
    /// `region` is that of arq.toml; without it the profile's or `AWS_REGION`.
    pub async fn connect(site: &str, stage: &str, region: Option<&str>) -> Result<Self, ConnectError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = with_attempts(&loader.load().await);
        let Some(region) = config.region().map(ToString::to_string) else { return Err(ConnectError::NoRegion) };
        require_credentials(&config).await?;
        let (account, caller) = caller_of(&config).await?;
        Ok(Self::new(&config, Names::new(site, stage, &account, &region), caller))
    }

    fn new(config: &SdkConfig, names: Names, caller: String) -> Self {
        let local = config.endpoint_url().is_some();
        let edge = config.to_builder().region(Region::from_static(EDGE_REGION)).build();
        Self {
            names,
            caller,
            // A custom endpoint seldom answers to bucket names before its host name.
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(config).force_path_style(local).build(),
            ),
            cloudfront: aws_sdk_cloudfront::Client::new(config),
            store: store_client(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: Both {
                home: aws_sdk_cloudwatchlogs::Client::new(config),
                edge: aws_sdk_cloudwatchlogs::Client::new(&edge),
            },
            cloudwatch: Both {
                home: aws_sdk_cloudwatch::Client::new(config),
                edge: aws_sdk_cloudwatch::Client::new(&edge),
            },
            sns: Both { home: aws_sdk_sns::Client::new(config), edge: aws_sdk_sns::Client::new(&edge) },
            events: Both {
                home: aws_sdk_eventbridge::Client::new(config),
                edge: aws_sdk_eventbridge::Client::new(&edge),
            },
            scheduler: aws_sdk_scheduler::Client::new(config),
            acm: aws_sdk_acm::Client::new(&edge),
            waf: aws_sdk_wafv2::Client::new(&edge),
            route53: aws_sdk_route53::Client::new(config),
            ec2: Ec2::new(config),
            rds: aws_sdk_rds::Client::new(config),
            rdsdata: aws_sdk_rdsdata::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            trail: aws_sdk_cloudtrail::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            gateway: aws_sdk_apigatewayv2::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            publication: None,
            check: None,
            wait: WAIT,
        }
    }

    /// The same account, about to be given `publication`.
    pub fn with(mut self, publication: Publication) -> Self {
        self.publication = Some(Arc::new(publication));
        self
    }

    /// The same account, where a release that becomes live is asked.
    pub fn with_check(mut self, check: Option<Check>) -> Self {
        self.check = check.map(Arc::new);
        self
    }

    /// The same account, which waits for `wait` for what others must do.
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// What is to be published.
    pub fn publication(&self) -> Result<&Arc<Publication>, StepError> {
        self.publication.as_ref().ok_or_else(|| StepError::bug("there is nothing to publish"))
    }
}

/// Tries of a call that is throttled or fails in passing. The SDK's three do not outlast a bucket
/// or a control plane that asks for less (`SlowDown`, 503); more can be asked for by `AWS_MAX_ATTEMPTS`.
const ATTEMPTS: u32 = 6;

fn with_attempts(config: &SdkConfig) -> SdkConfig {
    let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let attempts = retries.max_attempts().max(ATTEMPTS);
    config.to_builder().retry_config(retries.with_max_attempts(attempts)).build()
}

/// Tells a missing profile or an expired sign-in from a refusal, before anything is called.
async fn require_credentials(config: &SdkConfig) -> Result<(), ConnectError> {
    use aws_sdk_sts::config::ProvideCredentials;
    let Some(provider) = config.credentials_provider() else {
        return Err(ConnectError::NoCredentials("no provider is configured".into()));
    };
    provider.provide_credentials().await.map(|_| ()).map_err(|e| ConnectError::NoCredentials(e.into()))
}

/// Account and ARN of whoever calls.
async fn caller_of(config: &SdkConfig) -> Result<(String, String), ConnectError> {
    let identity = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    match answer("GetCallerIdentity", identity) {
        Ok(identity) => Ok((identity.account.unwrap_or_default(), identity.arn.unwrap_or_default())),
        Err(source) if source.unreachable() => {
            Err(ConnectError::Unreachable { endpoint: config.endpoint_url().map(str::to_owned), source })
        }
        Err(source) => Err(ConnectError::Refused(source)),
    }
}

/// The store's client puts the account id before the host name; at a custom endpoint such a name
/// does not resolve, so the request is sent to the endpoint itself, after it was signed.
fn store_client(config: &SdkConfig) -> kvs::Client {
    let mut builder = kvs::config::Builder::from(config);
    if let Some(endpoint) = config.endpoint_url() {
        builder = builder.interceptor(SendTo { endpoint: endpoint.to_owned() });
    }
    kvs::Client::from_conf(builder.build())
}

#[derive(Debug)]
struct SendTo {
    endpoint: String,
}

impl kvs::config::Intercept for SendTo {
    fn name(&self) -> &'static str {
        "SendTo"
    }

    fn modify_before_transmit(
        &self,
        context: &mut kvs::config::interceptors::BeforeTransmitInterceptorContextMut<'_>,
        _: &kvs::config::RuntimeComponents,
        _: &mut kvs::config::ConfigBag,
    ) -> Result<(), kvs::error::BoxError> {
        let request = context.request_mut();
        let signed: http::Uri = request.uri().parse()?;
        let host = signed.authority().map(ToString::to_string);
        let path = signed.path_and_query().map_or("/", |p| p.as_str());
        let uri = format!("{}{path}", self.endpoint.trim_end_matches('/'));
        request.set_uri(uri)?;
        if let Some(host) = host {
            request.headers_mut().insert("host", host);
        }
        Ok(())
    }
}
