//! The org's request limit, and the part of it that one token gets.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A window that begins with the first request after the last one, as Okta's do: not at the minute of the clock.
#[derive(Debug)]
pub(super) struct RateLimit {
    limit: u32,
    length: TimeDelta,
    /// The part of the limit that one token gets, 0 to 1.
    token_share: f64,
    ends: Option<DateTime<Utc>>,
    used: u32,
    by_token: HashMap<u64, u32>,
}

/// The rate-limit headers of a response: the figures of the org, the same for every token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Seconds since 1970.
    pub(super) reset: i64,
}

impl RateLimit {
    pub(super) fn new(limit: u32, length: Duration, token_share: f64) -> Self {
        Self {
            limit,
            length: TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX),
            token_share,
            ends: None,
            used: 0,
            by_token: HashMap::new(),
        }
    }

    /// One more request with a token (its hash); true if it is within both limits.
    pub(super) fn take(&mut self, now: DateTime<Utc>, token: u64) -> (bool, Rate) {
        let ends = self.spend(now, 1);
        let own = self.by_token.entry(token).or_default();
        *own = own.saturating_add(1);
        let rate = Rate {
            limit: self.limit,
            remaining: self.limit.saturating_sub(self.used),
            reset: (ends + TimeDelta::milliseconds(999)).timestamp(),
        };
        let ceiling = (f64::from(self.limit) * self.token_share).max(1.0);
        (self.used <= self.limit && f64::from(*own) <= ceiling, rate)
    }

    /// Counts requests without a token. Returns the end of the window.
    pub(super) fn spend(&mut self, now: DateTime<Utc>, requests: u32) -> DateTime<Utc> {
        let ends = match self.ends.filter(|ends| *ends > now) {
            Some(ends) => ends,
            None => {
                self.used = 0;
                self.by_token.clear();
                now + self.length
            }
        };
        self.ends = Some(ends);
        self.used = self.used.saturating_add(requests);
        ends
    }
}
