//! The state that all requests share: settings, bounds on buffered bytes and waiting requests, and the queue to the source.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use okta_coralogix_core::observe::{PipelineEvent, Reporter};
use okta_coralogix_core::{MalformedEvent, Outcome, RawEvent};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::builder::Settings;
use super::sink_probe::SinkProbe;

/// The unit of the semaphore of buffered bytes: on 32-bit machines it counts to 2^29 only.
const KIB: usize = 1024;

pub(super) type Item = Result<RawEvent, MalformedEvent>;

/// Accepts events of requests for the source until it is closed.
#[derive(Debug)]
pub(super) struct HttpService {
    pub(super) settings: Settings,
    pub(super) sink: Arc<SinkProbe>,
    queue: mpsc::Sender<PendingRequest>,
    buffer: Semaphore,
    /// The permits of `buffer` when nothing is held.
    buffer_kib: usize,
    connections: AtomicUsize,
    closed: watch::Sender<bool>,
    /// To the observer of the pipeline, once there is one.
    reporter: OnceLock<Reporter>,
}

/// Counts as an open connection until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<HttpService>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The items of a request that waits for their outcomes.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) items: Vec<Item>,
    pub(super) deadline: Instant,
    pub(super) outcomes: oneshot::Sender<Vec<Outcome>>,
}

impl HttpService {
    pub(super) fn new(
        settings: Settings,
        sink: SinkProbe,
        queue: mpsc::Sender<PendingRequest>,
    ) -> Self {
        let buffer = (settings.max_buffered_bytes / KIB).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            settings,
            sink: Arc::new(sink),
            queue,
            buffer: Semaphore::new(buffer),
            buffer_kib: buffer,
            connections: AtomicUsize::new(0),
            closed: watch::Sender::new(false),
            reporter: OnceLock::new(),
        }
    }

    /// A pipeline takes the source: what requests meet is reported there.
    pub(super) fn attach(&self, reporter: &Reporter) {
        // A source has one pipeline.
        self.reporter.set(reporter.clone()).ok();
    }

    /// A request with events, or one that was to be one, has this answer.
    pub(super) fn answered(&self, response: &Response, began: Instant) {
        if let Some(reporter) = self.reporter.get() {
            let status = response.status().as_u16();
            let took = began.elapsed();
            reporter.report(&PipelineEvent::RequestAnswered { status, took });
        }
    }

    pub(super) fn open_connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Bytes that are held, and the most that may be.
    pub(super) fn buffered(&self) -> (usize, usize) {
        let free = self.buffer.available_permits();
        let held = self.buffer_kib.saturating_sub(free);
        (held * KIB, self.buffer_kib * KIB)
    }

    /// From now on no event is accepted.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Resolves when no event is accepted any more.
    pub(super) async fn closed(&self) {
        // The sender lives as long as `self`.
        let mut closed = self.closed.subscribe();
        closed.wait_for(|closed| *closed).await.ok();
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.closed.borrow() || self.queue.is_closed()
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.capacity() > 0 && self.buffer.available_permits() > 0
    }

    /// Reserves room for a body of the declared length; `None` if there is none.
    pub(super) fn reserve(&self, declared: Option<u64>) -> Option<SemaphorePermit<'_>> {
        let limit = self.settings.max_body_bytes as u64;
        let bytes = usize::try_from(declared.unwrap_or(limit).min(limit)).ok()?;
        let permits = u32::try_from(bytes.div_ceil(KIB).max(1)).ok()?;
        self.buffer.try_acquire_many(permits).ok()
    }

    /// Queues items for the source. `None` if it is closed, or too many requests wait.
    pub(super) fn enqueue(
        &self,
        items: Vec<Item>,
        deadline: Instant,
    ) -> Option<oneshot::Receiver<Vec<Outcome>>> {
        let (sender, outcomes) = oneshot::channel();
        let request = PendingRequest {
            items,
            deadline,
            outcomes: sender,
        };
        let is_taken = !*self.closed.borrow() && self.queue.try_send(request).is_ok();
        is_taken.then_some(outcomes)
    }

    pub(super) fn unauthorized(&self) -> Response {
        let challenge = [(WWW_AUTHENTICATE, self.settings.authenticator.challenge())];
        let reason = "the credential is missing or wrong\n";
        (StatusCode::UNAUTHORIZED, challenge, reason).into_response()
    }

    /// A 503, after which EventBridge sends the event again.
    pub(super) fn unavailable(&self, reason: &'static str) -> Response {
        let wait = HeaderValue::from(self.settings.retry_after.as_secs());
        let wait = [(RETRY_AFTER, wait)];
        (StatusCode::SERVICE_UNAVAILABLE, wait, reason).into_response()
    }
}
