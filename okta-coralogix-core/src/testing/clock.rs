//! A wall clock that advances with `tokio::time`.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::Clock;

/// A wall clock that starts at a given time and advances with `tokio::time`, which tests pause. It can be set wrong.
#[derive(Debug)]
pub struct TestClock {
    start: DateTime<Utc>,
    since: Instant,
    offset_ms: AtomicI64,
}

impl TestClock {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self {
            start,
            since: Instant::now(),
            offset_ms: AtomicI64::new(0),
        }
    }

    /// Sets the clock wrong by `offset`.
    pub fn set_offset(&self, offset: TimeDelta) {
        self.offset_ms
            .store(offset.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.since.elapsed()).unwrap_or(TimeDelta::MAX);
        let offset = TimeDelta::milliseconds(self.offset_ms.load(Ordering::Relaxed));
        self.start + elapsed + offset
    }
}
