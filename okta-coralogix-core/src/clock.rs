//! The wall clock, and how far it is from the far side's.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Where the wall-clock time comes from. Waiting is not its business: the pipeline and the
/// sources wait on `tokio::time`, which tests pause.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where time enters")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// How far the far side's clock is ahead of the host's (negative: behind).
///
/// Judging age by a wrong host clock would drop a day of events. Where the two clocks differ by
/// more than [`ClockOffset::TOLERANCE`], an event is too old only if it is so by both, which is the same as judging it
/// by the earlier of the two: [`ClockOffset::earlier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockOffset(TimeDelta);

impl ClockOffset {
    /// Differences up to this (5 minutes) are latency and the one-second `Date` header, not a wrong clock.
    pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

    /// The offset, from the far side's time (a `Date` header) and the host's at the same moment.
    #[must_use]
    pub fn between(host: DateTime<Utc>, far: DateTime<Utc>) -> Self {
        Self(far.signed_duration_since(host))
    }

    /// Far side minus host.
    #[must_use]
    pub fn get(self) -> TimeDelta {
        self.0
    }

    /// True if the clocks are further apart than [`ClockOffset::TOLERANCE`].
    #[must_use]
    pub fn is_significant(self) -> bool {
        self.0.abs() > Self::TOLERANCE
    }

    /// `host`, or the far side's time if that is significantly later.
    #[must_use]
    pub fn later(self, host: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_significant() && self.0 > TimeDelta::zero() {
            host.checked_add_signed(self.0).unwrap_or(host)
        } else {
            host
        }
    }

    /// `host`, or the far side's time if that is significantly earlier.
    #[must_use]
    pub fn earlier(self, host: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_significant() && self.0 < TimeDelta::zero() {
            host.checked_add_signed(self.0).unwrap_or(host)
        } else {
            host
        }
    }
}

/// The offset of a far side's clock, as it was last seen: from who hears that side to who asks. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SharedClockOffset(Arc<AtomicI64>);

impl SharedClockOffset {
    /// Notes an offset, to the millisecond.
    pub fn set(&self, offset: ClockOffset) {
        self.0
            .store(offset.get().num_milliseconds(), Ordering::Relaxed);
    }

    /// The last one noted; none at first.
    #[must_use]
    pub fn get(&self) -> ClockOffset {
        let offset = TimeDelta::try_milliseconds(self.0.load(Ordering::Relaxed));
        ClockOffset(offset.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_earlier_clock_judges_only_when_they_are_minutes_apart() {
        let host = at("2026-01-02T12:00:00Z");
        let far = |text| ClockOffset::between(host, at(text)).earlier(host);
        assert_eq!(far("2026-01-01T12:00:00Z"), at("2026-01-01T12:00:00Z"));
        assert_eq!(far("2026-01-02T11:55:00Z"), host, "5 minutes are tolerated");
        assert_eq!(
            far("2026-01-03T12:00:00Z"),
            host,
            "the host is the earlier one"
        );
    }

    #[test]
    fn a_shared_offset_is_the_last_one_noted() {
        let shared = SharedClockOffset::default();
        let (hears, asks) = (shared.clone(), shared);
        assert_eq!(asks.get(), ClockOffset::default());
        let (host, far) = (at("2026-01-02T12:00:00Z"), at("2026-01-01T12:00:00Z"));
        hears.set(ClockOffset::between(host, far));
        assert_eq!(asks.get().earlier(host), far);
    }
}
