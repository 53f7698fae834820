//! The engine inside Lambda: events of API Gateway and of schedules in, answers out, no socket
//! between. The same package is the operator's function too: [`ROLE`] says which one this is.

mod apis;
mod event;
mod guard;
mod log;
pub mod schedule;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use bytes::Bytes;
use http::Response;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

use crate::api::{Engine, Problem, SystemClock, Tokens, respond};
use crate::config::security::Security;
use crate::release::edge::STRICT_TRANSPORT_SECURITY;
use crate::store::Files;
use crate::store::aws::{DynamoStore, S3Files};
use crate::store::files::NoFiles;
use apis::Apis;
use guard::Guard;
use schedule::Scheduled;

/// Variable that says what this function is for; without it, it answers the API.
pub const ROLE: &str = "ARQ_ROLE";

/// Header in which the edge says which API bundle belongs to the release it serves.
const API_HEADER: &str = "x-arq-api";

/// What every request needs.
struct Function {
    guard: Guard,
    apis: Apis,
    headers: Vec<(String, String)>,
}

/// Takes events until Lambda ends the process.
pub fn run() -> ExitCode {
    log::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(as_role(&std::env::var(ROLE).unwrap_or_default())),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::failed("the function cannot start", &*error);
            ExitCode::FAILURE
        }
    }
}

async fn as_role(role: &str) -> Result<(), lambda_runtime::Error> {
    match role {
        "" => serve().await,
        #[cfg(feature = "publish")]
        role => crate::operator::serve(role).await,
        #[cfg(not(feature = "publish"))]
        role => Err(format!("this build cannot be the function {role}").into()),
    }
}

async fn serve() -> Result<(), lambda_runtime::Error> {
    let function = Arc::new(Function::load().await?);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let function = function.clone();
        async move { function.take(event.payload).await }
    }))
    .await
}

impl Function {
    /// Reads the environment, and the bundle that lies beside the program.
    async fn load() -> Result<Self, lambda_runtime::Error> {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(elsewhere(&config));
        let documents = DynamoStore::new(aws_sdk_dynamodb::Client::new(&config), variable("ARQ_TABLE_PREFIX")?);
        let security = Security { csp: variable("ARQ_CSP")?, ..Security::default() };
        let (name, value) = STRICT_TRANSPORT_SECURITY;
        let mut headers = vec![(name.to_owned(), value.to_owned())];
        headers.extend(security.headers().into_iter().map(|(name, value)| (name.to_owned(), value)));
        let tokens = Arc::new(Tokens::default());
        let (documents, shown) = (Arc::new(documents), headers.clone());
        let client = aws_sdk_s3::Client::from_conf(s3.build());
        let (files, clock) = (files(&client), Arc::new(SystemClock));
        let build = Box::new(move |bundle| {
            let (documents, files, tokens) = (documents.clone(), files.clone(), tokens.clone());
            Arc::new(Engine::new(bundle, documents, files, tokens, clock.clone(), &shown))
        });
        let root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
        let apis = Apis::new(client, variable("ARQ_BUCKET")?, build, std::fs::read(root.join("api.json")).ok());
        let guard = Guard::new(&std::env::var("ARQ_ORIGIN_SHA256").unwrap_or_default());
        Ok(Self { guard, apis, headers })
    }

    async fn take(&self, event: Value) -> Result<Value, lambda_runtime::Error> {
        if event.get("schedule").is_some() {
            // SECURITY: only who may invoke the function itself can send this; API Gateway's events
            // are objects of its own making, in which a visitor chooses no key at the top.
            return self.run(serde_json::from_value(event)?).await;
        }
        let answer = event::from_response(self.respond(serde_json::from_value(event)?).await);
        Ok(serde_json::to_value(answer)?)
    }

    /// Makes a schedule's request. An answer of 500 or more is an error, so that it is tried again.
    async fn run(&self, event: Scheduled) -> Result<Value, lambda_runtime::Error> {
        let engine = self.apis.get(Some(&event.api)).await?;
        let response = engine.handle(event.request()?).await;
        let status = response.status().as_u16();
        if status >= 400 {
            tracing::warn!(schedule = event.schedule, status, "a schedule's request was refused");
        }
        if status >= 500 {
            return Err(format!("{} {} was answered with {status}", event.method, event.path).into());
        }
        Ok(json!({"status": status}))
    }

    async fn respond(&self, event: ApiGatewayV2httpRequest) -> Response<Bytes> {
        // SECURITY: before anything else is looked at.
        if !self.guard.admits(&event.headers) {
            return self.refuse(&Problem::around());
        }
        let mut request = match event::to_request(event) {
            Ok(request) => request,
            Err(problem) => return self.refuse(&problem),
        };
        let named = request.headers().get(API_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        event::strip(request.headers_mut());
        match self.apis.get(named.as_deref()).await {
            Ok(engine) => engine.handle(request).await,
            Err(error) => {
                log::failed("the API bundle cannot be had", &error);
                self.refuse(&Problem::unavailable())
            }
        }
    }

    fn refuse(&self, problem: &Problem) -> Response<Bytes> {
        let headers = self.headers.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        respond::finish(respond::problem(problem, false), &headers.collect::<Vec<_>>())
    }
}

/// The bucket of files, when the API has collections of them.
fn files(client: &aws_sdk_s3::Client) -> Arc<dyn Files> {
    match std::env::var("ARQ_FILES_BUCKET") {
        Ok(bucket) if !bucket.is_empty() => Arc::new(S3Files::new(client.clone(), bucket)),
        _ => Arc::new(NoFiles),
    }
}

/// Whether S3 is asked at an address of its own, where a bucket's name is no host's name.
fn elsewhere(config: &aws_config::SdkConfig) -> bool {
    config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some()
}

fn variable(name: &'static str) -> Result<String, lambda_runtime::Error> {
    std::env::var(name).map_err(|_| format!("the variable {name} is not set").into())
}
