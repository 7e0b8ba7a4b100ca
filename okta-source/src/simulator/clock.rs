//! A wall clock for paused time.

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::Clock;
use tokio::time::Instant;

/// A wall clock that goes on with `tokio::time`, so that pausing and advancing that moves this one too.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    start: DateTime<Utc>,
    since: Instant,
}

impl TokioClock {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self {
            start,
            since: Instant::now(),
        }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.since.elapsed()).unwrap_or(TimeDelta::MAX)
    }
}
