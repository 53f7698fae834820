//! The listener: actix-web, and an end within a second.

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServiceRequest, ServiceResponse, fn_service};
use actix_web::{App, HttpMessage as _, HttpServer};

use super::answer::answer;
use super::state::State;

/// How long an idle connection stays open: longer than a reader takes for a page.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long requests may still take when the server stops.
const LAST_ANSWERS: Duration = Duration::from_millis(800);
/// How often it is looked whether they are answered, and how long their last bytes take to leave.
const MOMENT: Duration = Duration::from_millis(20);

/// A server on these listeners, with a worker for each core.
pub fn server(listeners: Vec<TcpListener>, state: Arc<State>) -> std::io::Result<Server> {
    let mut server = HttpServer::new(move || {
        let state = state.clone();
        App::new().default_service(fn_service(move |mut request: ServiceRequest| {
            let state = state.clone();
            async move {
                let payload = request.take_payload();
                let _answering = state.answering();
                let response = answer(&state, request.request(), payload).await;
                Ok::<ServiceResponse, actix_web::Error>(request.into_response(response))
            }
        }))
    })
    .disable_signals()
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD)
    .tcp_nodelay(true);
    for listener in listeners {
        server = server.listen(listener)?;
    }
    Ok(server.run())
}

/// Runs the server until `stop`, then lets it finish the requests it has begun.
///
/// actix's own graceful end looks only once a second whether all is done, so it is not used.
pub async fn until(server: Server, state: &State, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let handle = server.handle();
    tokio::pin!(server);
    let finished = async {
        stop.await;
        let latest = Instant::now() + LAST_ANSWERS;
        tokio::time::sleep(MOMENT).await;
        while state.is_answering() && Instant::now() < latest {
            tokio::time::sleep(MOMENT).await;
        }
    };
    tokio::select! {
        ended = &mut server => return ended,
        () = finished => {}
    }
    tokio::join!(handle.stop(false), server).1
}
