//! The 24-hour rule.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{DropReason, EventFilter};
use crate::RawEvent;

/// Drops events older than a limit from their *original event time*, `published`.
///
/// The default limit is 24 hours, as Coralogix accepts. An event that is exactly as old as the limit is kept, one
/// millisecond more is too old; events of the future are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeFilter {
    limit: TimeDelta,
    policy: AgePolicy,
}

/// What the pipeline does with an event that is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AgePolicy {
    /// Dropped, and counted.
    #[default]
    Drop,
    /// Put into the dead letters, and counted there.
    DeadLetter,
    /// Delivered with the time of its arrival as the entry's timestamp; `published` in the event stays as it is.
    Restamp,
}

impl AgeFilter {
    /// 24 hours.
    pub const DEFAULT_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

    /// A filter with the given limit and policy.
    #[must_use]
    pub fn new(limit: Duration, policy: AgePolicy) -> Self {
        let limit = TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX);
        Self { limit, policy }
    }

    /// What the pipeline does with an event that is too old.
    #[must_use]
    pub fn policy(&self) -> AgePolicy {
        self.policy
    }

    /// True if something that happened at `published` is too old at `now`.
    #[must_use]
    pub fn is_too_old(&self, published: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(published) > self.limit
    }
}

impl Default for AgeFilter {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT, AgePolicy::Drop)
    }
}

impl EventFilter for AgeFilter {
    fn check(&self, event: &RawEvent, now: DateTime<Utc>) -> Option<DropReason> {
        self.is_too_old(event.published(), now)
            .then_some(DropReason::TooOld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_filter_keeps_exactly_24_hours_and_nothing_older() {
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let filter = AgeFilter::default();
        let day = TimeDelta::hours(24);
        assert!(!filter.is_too_old(now - day, now));
        assert!(filter.is_too_old(now - day - TimeDelta::milliseconds(1), now));
        assert!(!filter.is_too_old(now + day, now));
    }
}
