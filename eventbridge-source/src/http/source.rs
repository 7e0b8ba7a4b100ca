//! The source of what requests bring, and how their senders hear of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use okta_coralogix_core::backoff::BackoffPolicy;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::{
    AckOrder, Acker, Delivery, Error, EventSource, LogSink, MalformedEvent, Outcome, Pipeline,
    RawEvent, Result,
};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::builder::{HttpSourceBuilder, Settings};
use super::handler::{Endpoint, router};
use super::server;

/// The longest wait between two attempts at the sink.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What API destinations send. One request is one delivery.
///
/// Mount [`router`](Self::router), or run [`serve`](Self::serve), and give the source itself to a
/// [`pipeline`](Self::pipeline). When that ends, every request is answered 503.
pub struct HttpSource {
    queue: mpsc::Receiver<Waiting>,
    /// What the sink has said that it would say to every request.
    failures: mpsc::Receiver<Arc<Error>>,
    endpoint: Arc<Endpoint>,
}

/// The events of a request, and who waits for their outcome.
pub(super) struct Waiting {
    pub(super) items: Vec<Result<RawEvent, MalformedEvent>>,
    pub(super) deadline: Instant,
    pub(super) sender: oneshot::Sender<bool>,
}

impl HttpSource {
    /// A builder with the defaults. A credential is required.
    pub fn builder() -> HttpSourceBuilder {
        HttpSourceBuilder::new()
    }

    pub(super) fn assemble(settings: Settings) -> Self {
        let (sender, queue) = mpsc::channel(settings.max_waiting_requests);
        let (fails, failures) = mpsc::channel(1);
        let endpoint = Arc::new(Endpoint::new(settings, sender, fails));
        Self {
            queue,
            failures,
            endpoint,
        }
    }

    /// The endpoint, to be mounted into somebody else's server: the path of the events, `/healthz` (alive) and `/readyz`.
    ///
    /// The other server must bound headers, time and connections; [`serve`](Self::serve) does.
    pub fn router(&self) -> Router {
        router(Arc::clone(&self.endpoint))
    }

    /// Serves the endpoint until `shutdown` resolves. Then nothing more is accepted, what is in flight is answered, and the
    /// source has no more. Resolves when that is done.
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
        server::serve(listener, Arc::clone(&self.endpoint), shutdown)
    }

    /// A pipeline with the bounds that push asks for: as many deliveries in flight as may wait here; a linger of 50 ms,
    /// so that hundreds of requests per second become a few requests to the sink; and at most 5 s between two attempts, since a sink that
    /// is back should be found before EventBridge waits for even longer.
    pub fn pipeline(self, sink: impl LogSink) -> PipelineBuilder<Self> {
        let Settings {
            max_waiting_requests,
            linger,
            ..
        } = self.endpoint.settings;
        Pipeline::builder(self, sink)
            .max_in_flight_deliveries(max_waiting_requests)
            .max_in_flight_events(max_waiting_requests.saturating_mul(2))
            .linger(linger)
            .backoff(BackoffPolicy {
                cap: LONGEST_WAIT,
                ..BackoffPolicy::default()
            })
    }
}

#[async_trait]
impl EventSource for HttpSource {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    fn dedup_window(&self) -> DedupWindow {
        self.endpoint.settings.dedup.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            let waiting = tokio::select! {
                biased;
                Some(error) = self.failures.recv() => {
                    return Err(Error::new(error.kind(), error.detail()));
                }
                waiting = self.queue.recv() => waiting,
                () = self.endpoint.closed() => None,
            };
            let Some(waiting) = waiting else {
                return Ok(None);
            };
            // Who has gone away, or cannot be answered in time, sends again.
            if waiting.sender.is_closed() || waiting.deadline <= Instant::now() {
                continue;
            }
            let mut delivery = Delivery::new(waiting.items, Box::new(Answer(waiting.sender)));
            delivery.deadline = Some(waiting.deadline);
            delivery.clock_offset = self.endpoint.clock_offset();
            return Ok(Some(delivery));
        }
    }
}

/// Tells the handler of a request that waits. Dropped, it tells it too.
struct Answer(oneshot::Sender<bool>);

#[async_trait]
impl Acker for Answer {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let settled = outcomes.iter().all(|outcome| *outcome == Outcome::Settled);
        // A sender that has gone away sends again; the copy is a duplicate then.
        self.0.send(settled).ok();
        Ok(())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource")
            .field("settings", &self.endpoint.settings)
            .field("waiting", &self.queue.len())
            .finish()
    }
}
