//! The metrics of a source.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The metrics of one source. They can be read at any time, also while a pipeline has the source. Clones are handles to the same.
#[derive(Debug, Clone)]
pub struct SourceMetrics(Arc<Mutex<Counted>>);

#[derive(Debug)]
pub(super) struct Counted {
    pub(super) metrics: MetricsSnapshot,
    opened: Instant,
    pub(super) last_answer: Option<Instant>,
    pub(super) last_event: Option<Instant>,
}

/// The metrics of a source since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// Requests, failed ones included.
    pub requests: u64,
    /// Good answers.
    pub pages: u64,
    /// Good answers with room for more.
    pub short_pages: u64,
    /// Events and malformed elements in them, repeats included.
    pub items: u64,
    /// Late events that reading the overlap again has found: polling had not given them.
    pub late: u64,
    /// Waits for the request budget.
    pub waits: u64,
    /// The sum of these waits.
    pub waited: Duration,
    /// Requests that may still be made in the current window, where it is known.
    pub budget_left: Option<u32>,
    /// From the latest `published` of the last answer that had events to when it came.
    pub lag: Option<Duration>,
    /// Since the last good answer.
    pub since_response: Option<Duration>,
    /// Since the last answer with events, or since the source was opened.
    pub since_event: Duration,
}

impl SourceMetrics {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Counted {
            metrics: MetricsSnapshot::default(),
            opened: Instant::now(),
            last_answer: None,
            last_event: None,
        })))
    }

    /// The metrics now.
    #[must_use]
    pub fn snapshot(&self) -> MetricsSnapshot {
        let counted = self.counted();
        let last_event = counted.last_event.unwrap_or(counted.opened);
        MetricsSnapshot {
            since_response: counted.last_answer.map(|at| at.elapsed()),
            since_event: last_event.elapsed(),
            ..counted.metrics.clone()
        }
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    pub(super) fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
