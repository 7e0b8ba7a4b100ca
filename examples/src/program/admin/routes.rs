//! The paths of the listener.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;

use super::health::{Health, live, ready};
use super::status::status;
use crate::program::metrics::{CONTENT_TYPE as METRICS, Registry};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Answers the requests of operators and of their tools.
#[derive(Debug, Clone)]
pub(super) struct Routes {
    registry: Registry,
    turn: Duration,
}

impl Routes {
    pub(super) fn new(registry: Registry, turn: Duration) -> Self {
        Self { registry, turn }
    }

    pub(super) async fn answer(&self, method: &Method, uri: &Uri) -> Response<Full<Bytes>> {
        if ![Method::GET, Method::HEAD].contains(method) {
            let text = "only GET and HEAD are answered\n".to_owned();
            let mut response = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let is_verbose = uri
            .query()
            .is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
        match uri.path() {
            "/metrics" => {
                let text = self.registry.scrape(self.turn).await;
                response(StatusCode::OK, METRICS, text)
            }
            "/livez" => probe(&live(&self.registry, self.turn).await, is_verbose),
            "/readyz" => probe(&ready(&self.registry), is_verbose),
            "/status" => {
                let text = format!("{:#}\n", status(&self.registry).await);
                response(StatusCode::OK, JSON, text)
            }
            _ => {
                let text = "the paths are /metrics, /livez, /readyz and /status\n".to_owned();
                response(StatusCode::NOT_FOUND, TEXT, text)
            }
        }
    }
}

fn probe(health: &Health, is_verbose: bool) -> Response<Full<Bytes>> {
    let status = match health.is_good {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let lines = match (is_verbose, health.is_good) {
        (true, _) => health.lines.join("\n"),
        (false, true) => "ok".to_owned(),
        (false, false) => health.faults.join("\n"),
    };
    response(status, TEXT, lines + "\n")
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
