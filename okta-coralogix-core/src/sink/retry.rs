//! A sink that repeats what fails for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::{Batch, BatchLimits, EncodeError, LogSink, Sent};
use crate::backoff::{Backoff, BackoffPolicy};
use crate::{LogEntry, Result};

/// Repeats the requests of a sink as long as their errors are temporary: the very same bytes, with backoff, for as long as
/// it takes or a stated time.
///
/// For those who call a sink themselves. A [`Pipeline`](crate::Pipeline) and an [`EntrySender`](super::EntrySender) repeat
/// on their own, and with more care: they hear of a shutdown, and judge the age of what waits.
#[derive(Debug)]
pub struct Retry<S> {
    sink: S,
    policy: BackoffPolicy,
    give_up: Option<Duration>,
    seed: AtomicU64,
}

impl<S: LogSink> Retry<S> {
    /// Repeats for as long as it takes. `seed` determines the waits.
    #[must_use]
    pub fn new(sink: S, policy: BackoffPolicy, seed: u64) -> Self {
        Self {
            sink,
            policy,
            give_up: None,
            seed: AtomicU64::new(seed),
        }
    }

    /// Returns the last error once the next attempt would begin later than this after the first.
    #[must_use]
    pub fn give_up_after(mut self, after: Duration) -> Self {
        self.give_up = Some(after);
        self
    }
}

#[async_trait]
impl<S: LogSink> LogSink for Retry<S> {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    fn compress(&self, batch: Batch) -> Batch {
        self.sink.compress(batch)
    }

    /// The error is ambiguous if that of any attempt was.
    async fn send(&self, batch: &Batch) -> Result<Sent> {
        let mut backoff = Backoff::new(self.policy, self.seed.fetch_add(1, Ordering::Relaxed));
        let began = Instant::now();
        let mut ambiguous = false;
        loop {
            let error = match self.sink.send(batch).await {
                Ok(sent) => return Ok(sent),
                Err(error) => error,
            };
            ambiguous |= error.is_ambiguous();
            let in_time = |wait: &Duration| {
                self.give_up
                    .is_none_or(|after| began.elapsed().saturating_add(*wait) <= after)
            };
            let Some(wait) = backoff.next(error.retry()).filter(in_time) else {
                return Err(error.with_ambiguity(ambiguous));
            };
            tracing::warn!(%error, entries = batch.entries, ?wait, "a request failed and is sent again");
            sleep(wait).await;
        }
    }
}
