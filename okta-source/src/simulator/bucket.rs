//! The org's request limit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A window that begins with the first request after the last one, as Okta's do: not at the minute of the clock.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: u32,
    length: TimeDelta,
    ends: Option<DateTime<Utc>>,
    used: u32,
}

/// What the headers of a response say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Seconds since 1970.
    pub(super) reset: i64,
}

impl Bucket {
    pub(super) fn new(limit: u32, length: Duration) -> Self {
        Self {
            limit,
            length: TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX),
            ends: None,
            used: 0,
        }
    }

    /// One more request; true if it is within the limit.
    pub(super) fn take(&mut self, now: DateTime<Utc>) -> (bool, Rate) {
        let ends = match self.ends.filter(|ends| *ends > now) {
            Some(ends) => ends,
            None => {
                self.used = 0;
                now + self.length
            }
        };
        self.ends = Some(ends);
        self.used = self.used.saturating_add(1);
        let rate = Rate {
            limit: self.limit,
            remaining: self.limit.saturating_sub(self.used),
            reset: (ends + TimeDelta::milliseconds(999)).timestamp(),
        };
        (self.used <= self.limit, rate)
    }
}
