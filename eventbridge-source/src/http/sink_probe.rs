//! Checks whether the sink can be reached, which also makes it note the offset of its clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use okta_coralogix_core::{ClockOffset, Error, ErrorKind, Result, SharedClockOffset};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

/// How long a result is reused, so that clients cannot make the source check the sink at will.
const REUSE_TIME: Duration = Duration::from_secs(10);

/// For a check that has no timeout of its own.
const TIMEOUT: Duration = Duration::from_secs(60);

type Check = dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync;
type CheckResult = Result<(), Arc<Error>>;

/// The probe belongs to the source, not to a request: an event in flight outlives the deadline of its request.
#[derive(Default)]
pub(super) struct SinkProbe {
    pub(super) check: Option<Box<Check>>,
    /// The sink notes it at each answer. `None`: events are judged by the host's clock.
    pub(super) clock_offset: Option<SharedClockOffset>,
    /// Locked while the sink is asked, so that it is asked once at a time.
    last: Arc<Mutex<Option<(Instant, CheckResult)>>>,
    /// A permanent error of the sink, which would refuse every request. The sink is not asked for its clock meanwhile.
    failure: watch::Sender<Option<Arc<Error>>>,
    /// The pipeline was told of the failure.
    is_reported: AtomicBool,
    has_warned: AtomicBool,
}

impl SinkProbe {
    /// Whether the sink can be reached; true if there is no check.
    ///
    /// # Cancel safety
    /// A check that was begun goes on, so that callers who give up do not make it begin again.
    pub(super) async fn ask(&self) -> CheckResult {
        let Some(check) = &self.check else {
            return Ok(());
        };
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some((asked, result)) = &*last
            && asked.elapsed() < REUSE_TIME
        {
            return result.clone();
        }
        let no_answer = || {
            let detail = "the sink does not answer";
            Err(Arc::new(Error::temporary(ErrorKind::Network, detail)))
        };
        let check = timeout(TIMEOUT, check());
        let asked = tokio::spawn(async move {
            let result = match check.await {
                Ok(result) => result.map_err(Arc::new),
                Err(_) => no_answer(),
            };
            if let Err(error) = &result {
                tracing::warn!(%error, "not ready: the sink cannot be reached");
            }
            *last = Some((Instant::now(), result.clone()));
            result
        });
        asked.await.unwrap_or_else(|_| no_answer())
    }

    /// The offset of the sink's clock. While it is unknown, this checks the sink: if every event looks expired, no delivery would reach it.
    pub(super) fn clock_offset(self: &Arc<Self>) -> ClockOffset {
        let Some(offset) = &self.clock_offset else {
            return ClockOffset::default();
        };
        self.ask_unless_known();
        offset.get()
    }

    fn ask_unless_known(self: &Arc<Self>) {
        let is_unknown = self
            .clock_offset
            .as_ref()
            .is_some_and(|offset| offset.get().is_unknown());
        let is_asked = self.last.try_lock().is_err();
        let has_failed = self.failure.borrow().is_some();
        if is_unknown && !is_asked && !has_failed {
            tokio::spawn(Arc::clone(self).ask_for_the_clock());
        }
    }

    async fn ask_for_the_clock(self: Arc<Self>) {
        match self.ask().await {
            // The sink has noted its clock now, if it has one.
            Ok(()) => {}
            Err(error) if !error.is_temporary() => {
                self.failure.send_replace(Some(error));
            }
            Err(_) if self.has_warned.swap(true, Ordering::Relaxed) => {}
            Err(_) => tracing::warn!(
                "Coralogix's clock is not known yet: events that look expired by the local clock are answered 503"
            ),
        }
    }

    /// Resolves when the sink would refuse every request. The pipeline may wait and call again: then an earlier refusal tells nothing
    /// any more, and the sink is asked anew.
    pub(super) async fn failure(self: &Arc<Self>) -> Arc<Error> {
        if self.is_reported.swap(false, Ordering::Relaxed) {
            self.failure.send_replace(None);
            self.ask_unless_known();
        }
        let mut failure = self.failure.subscribe();
        let error = failure.wait_for(Option::is_some).await;
        let error = error.ok().and_then(|error| (*error).clone());
        self.is_reported.store(true, Ordering::Relaxed);
        error.expect("the sender lives as long as `self`, and the error was waited for")
    }
}

impl fmt::Debug for SinkProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkProbe")
            .field("check", &self.check.is_some())
            .field("clock_offset", &self.clock_offset)
            .finish_non_exhaustive()
    }
}
