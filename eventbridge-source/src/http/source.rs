//! The source: each request of an API destination is one delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::Reporter;
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::{AckOrder, Delivery, Error, EventSource, LogSink, Pipeline, Result};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::builder::{HttpSourceBuilder, Settings};
use super::handle::EndpointHandle;
use super::router::router;
use super::server;
use super::service::{HttpService, PendingRequest};
use super::sink_probe::SinkProbe;
use crate::receiver::OneshotAcker;

/// Between two attempts at the sink.
const MAX_RETRY_WAIT: Duration = Duration::from_secs(5);

/// Events from API destinations. One request is one delivery.
///
/// Mount [`router`](Self::router), or run [`serve`](Self::serve), and give the source itself to a
/// [`pipeline`](Self::pipeline). When that ends, every request is answered 503.
pub struct HttpSource {
    queue: mpsc::Receiver<PendingRequest>,
    pub(super) service: Arc<HttpService>,
}

impl HttpSource {
    /// A builder with the defaults. A credential is required.
    pub fn builder() -> HttpSourceBuilder {
        HttpSourceBuilder::new()
    }

    pub(super) fn new(settings: Settings, sink: SinkProbe) -> Self {
        let (sender, queue) = mpsc::channel(settings.max_waiting_requests);
        let service = Arc::new(HttpService::new(settings, sink, sender));
        Self { queue, service }
    }

    /// The endpoint, to mount into a server of your own: the path of the events, `/healthz` (alive) and `/readyz`.
    ///
    /// That server must bound headers, time and connections, as [`serve`](Self::serve) does.
    pub fn router(&self) -> Router {
        router(Arc::clone(&self.service))
    }

    /// Serves the endpoint until `shutdown` resolves. Then it accepts no more connections, answers the
    /// requests in flight, and ends the source. Resolves when that is done.
    ///
    /// Run it beside the pipeline, not after it.
    pub fn serve<F>(
        &self,
        listener: TcpListener,
        shutdown: F,
    ) -> impl Future<Output = ()> + Send + use<F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        server::serve(listener, Arc::clone(&self.service), shutdown)
    }

    /// Shows what the endpoint holds, also while a pipeline has the source.
    #[must_use]
    pub fn handle(&self) -> EndpointHandle {
        EndpointHandle::new(Arc::clone(&self.service))
    }

    /// A pipeline with bounds for single events: as many deliveries in flight as requests may wait; a linger of 50 ms, so that hundreds of
    /// requests per second become a few requests to the sink; and at most 5 s between two attempts, so that a sink that recovers is found
    /// before EventBridge waits for even longer.
    pub fn pipeline(self, sink: impl LogSink) -> PipelineBuilder<Self> {
        let Settings {
            max_waiting_requests,
            linger,
            ..
        } = self.service.settings;
        Pipeline::builder(self, sink)
            .max_in_flight_deliveries(max_waiting_requests)
            .max_in_flight_events(max_waiting_requests.saturating_mul(2))
            .linger(linger)
            .backoff(BackoffPolicy::default().with_cap(MAX_RETRY_WAIT))
    }
}

#[async_trait]
impl EventSource for HttpSource {
    fn name(&self) -> &str {
        "eventbridge"
    }

    fn attach(&mut self, reporter: &Reporter) {
        self.service.attach(reporter);
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    fn dedup_window(&self) -> DedupWindow {
        self.service.settings.dedup_window.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            let request = tokio::select! {
                biased;
                error = self.service.sink.failure() => {
                    return Err(Error::clone(&error));
                }
                request = self.queue.recv() => request,
                () = self.service.closed() => None,
            };
            let Some(PendingRequest {
                items,
                deadline,
                outcomes,
            }) = request
            else {
                return Ok(None);
            };
            // The client is gone, or will be answered 503: it sends the event again.
            if outcomes.is_closed() || deadline <= Instant::now() {
                continue;
            }
            let mut delivery = Delivery::new(items, Box::new(OneshotAcker(outcomes)));
            delivery.deadline = Some(deadline.into_std());
            delivery.clock_offset = self.service.sink.clock_offset();
            return Ok(Some(delivery));
        }
    }
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource")
            .field("settings", &self.service.settings)
            .field("waiting", &self.queue.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn closed_service_takes_no_request() {
        let mut source = HttpSource::builder().api_key("key").build().unwrap();
        let deadline = Instant::now() + Duration::from_secs(4);
        let waiting = source.service.enqueue(Vec::new(), deadline);
        assert!(waiting.is_some());
        source.service.close();
        assert!(source.service.enqueue(Vec::new(), deadline).is_none());
        let delivery = source.next().await.unwrap();
        assert!(delivery.is_some(), "it was taken before");
        assert!(source.next().await.unwrap().is_none());
    }
}
