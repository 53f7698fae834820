//! The listener: actix-web, and an end within a second.

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServiceRequest, ServiceResponse, fn_service};
use actix_web::{App, HttpMessage as _, HttpServer};

use super::answer::answer;
use super::state::State;

/// How long an idle connection stays open: longer than a reader takes for a page.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long requests may still take when the server stops, in seconds.
const STOP_SECONDS: u64 = 1;

/// A server on these listeners, with a worker for each core.
pub fn server(listeners: Vec<TcpListener>, state: Arc<State>) -> std::io::Result<Server> {
    let mut server = HttpServer::new(move || {
        let state = state.clone();
        App::new().default_service(fn_service(move |mut request: ServiceRequest| {
            let state = state.clone();
            async move {
                let payload = request.take_payload();
                let response = answer(&state, request.request(), payload).await;
                Ok::<ServiceResponse, actix_web::Error>(request.into_response(response))
            }
        }))
    })
    .disable_signals()
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD)
    .tcp_nodelay(true)
    .shutdown_timeout(STOP_SECONDS);
    for listener in listeners {
        server = server.listen(listener)?;
    }
    Ok(server.run())
}

/// Runs the server until `stop`, then lets it finish what it has begun.
pub async fn until(server: Server, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let handle = server.handle();
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = stop => {}
    }
    tokio::join!(handle.stop(true), server).1
}
