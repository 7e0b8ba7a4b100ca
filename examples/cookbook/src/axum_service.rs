//! A service with the pull route inside, its metrics and its health.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Router, serve};
use okta_coralogix_core::pipeline::{PipelineHandle, PipelineState};
use okta_coralogix_core::{EventSource, Pipeline, Result, Summary};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Delivers until `stop`, and answers on `listener` meanwhile. The routes stand beside those of the service.
pub async fn run(
    pipeline: Pipeline<impl EventSource>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<Summary> {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(pipeline.handle());
    let server = tokio::spawn(async move { serve(listener, routes).await });
    let ended = pipeline.run(stop).await;
    server.abort();
    Ok(ended?)
}

/// Each way in which an event can end, as Prometheus reads it: `dead_lettered` and `handed_back` are for alerts.
async fn metrics(State(pipeline): State<PipelineHandle>) -> String {
    let status = pipeline.status();
    let ends = serde_json::to_value(status.summary).unwrap_or_default();
    let ends = ends.as_object().into_iter().flatten();
    ends.map(|(end, count)| format!("okta_events_total{{end=\"{end}\"}} {count}\n"))
        .chain([format!("okta_events_pending {}\n", status.pending)])
        .collect()
}

/// The loop of the run turns, whatever Okta and Coralogix do: restart the process if not.
async fn livez(State(pipeline): State<PipelineHandle>) -> StatusCode {
    match timeout(Duration::from_secs(5), pipeline.turn()).await {
        Ok(true) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Something fails and is retried: the body says what.
async fn readyz(State(pipeline): State<PipelineHandle>) -> (StatusCode, String) {
    let status = pipeline.status();
    let faults = status.faults.iter();
    let faults = faults.map(|fault| format!("{}: {}\n", fault.stage, fault.error));
    match status.state {
        PipelineState::Running => (StatusCode::OK, String::new()),
        _ => (StatusCode::SERVICE_UNAVAILABLE, faults.collect()),
    }
}
