//! The routes of the endpoint: events, health, readiness, and requests that an API destination sends by mistake.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, get, on};
use tokio::time::{Instant, timeout};

use super::handler::{authenticate, discard, receive};
use super::service::HttpService;

pub(super) fn router(service: Arc<HttpService>) -> Router {
    // An API destination can be set up with any of these.
    let methods = MethodFilter::POST
        .or(MethodFilter::PUT)
        .or(MethodFilter::PATCH);
    Router::new()
        .route(
            &service.settings.path,
            on(methods, receive).fallback(wrong_method),
        )
        .route("/healthz", get(async || "alive\n").fallback(wrong_method))
        .route("/readyz", get(ready).fallback(wrong_method))
        .with_state(service)
}

/// The routes of a server of its own, which answers wrong paths too.
pub(super) fn server_router(service: Arc<HttpService>) -> Router {
    let wrong_path = any(wrong_path).with_state(Arc::clone(&service));
    router(service).fallback_service(wrong_path)
}

/// Within the response deadline, however long the sink takes: without a credential no request may occupy its connection for longer.
async fn ready(State(service): State<Arc<HttpService>>) -> Response {
    let is_reached = async { service.sink.ask().await.is_ok() };
    let is_reached = timeout(service.settings.response_deadline, is_reached);
    let reason = match (service.is_closed(), service.has_room()) {
        (true, _) => "stopping\n",
        (_, false) => "too much is in flight\n",
        _ if is_reached.await == Ok(true) => return "ready\n".into_response(),
        _ => "the sink cannot be reached\n",
    };
    service.unavailable(reason)
}

async fn wrong_method(State(service): State<Arc<HttpService>>, request: Request) -> Response {
    let reason = "wrong method: the API destination's must be POST, PUT or PATCH, and its path that of the events\n";
    send_again(&service, request, reason).await
}

async fn wrong_path(State(service): State<Arc<HttpService>>, request: Request) -> Response {
    let reason = "wrong path: set the API destination's endpoint to the path of the events\n";
    send_again(&service, request, reason).await
}

/// A 503 in place of 404 or 405, after which EventBridge would drop the event: it sends the event again until the API destination is
/// corrected.
async fn send_again(service: &HttpService, request: Request, reason: &'static str) -> Response {
    let began = Instant::now();
    let response = answer(service, request, reason, began).await;
    service.answered(&response, began);
    response
}

async fn answer(
    service: &HttpService,
    request: Request,
    reason: &'static str,
    began: Instant,
) -> Response {
    let deadline = began + service.settings.response_deadline;
    let request = match authenticate(service, request, deadline).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    tracing::warn!(
        method = %request.method(),
        path = request.uri().path(),
        "an event cannot be taken: {}",
        reason.trim_end()
    );
    discard(request.into_body(), deadline).await;
    service.unavailable(reason)
}
