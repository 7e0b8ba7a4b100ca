//! The wall clock, and how far it is from the far side's.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// Where the wall-clock time comes from. Waiting is not its business: the pipeline and the
/// sources wait on `tokio::time`, which tests pause.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
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

/// How far the far side's clock is ahead of the host's (negative: behind), and when that was seen.
///
/// Judging age by a wrong host clock would drop a day of events. Where the two clocks differ by
/// more than [`ClockOffset::TOLERANCE`], an event is too old only if it is so by both, which is the same as judging it
/// by the earlier of the two: [`ClockOffset::earlier`].
///
/// The far side's clock is taken to go on as the process's own time does, which nobody can set. So a step of the host's clock is
/// noticed before the far side has answered again.
///
/// The default: there is no far side that shows a clock, and the host's judges alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockOffset(FarSide);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum FarSide {
    #[default]
    ShowsNone,
    Unknown,
    Seen(Seen),
}

/// What both clocks showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    host: DateTime<Utc>,
    far: DateTime<Utc>,
    at: Instant,
}

impl ClockOffset {
    /// Differences up to this (5 minutes) are latency and the one-second `Date` header, not a wrong clock.
    pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

    /// The offset, from the far side's time (a `Date` header) and the host's at the same moment, which is now.
    #[must_use]
    pub fn between(host: DateTime<Utc>, far: DateTime<Utc>) -> Self {
        let at = Instant::now();
        Self(FarSide::Seen(Seen { host, far, at }))
    }

    /// The far side has not answered yet, and will show its clock when it does. Until then nothing is too old by the
    /// host's clock alone: an event that seems so is handed back.
    #[must_use]
    pub fn unknown() -> Self {
        Self(FarSide::Unknown)
    }

    /// True if the far side's clock has not been seen yet, and will be.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self.0 == FarSide::Unknown
    }

    /// Far side minus host, when it was seen.
    #[must_use]
    pub fn get(self) -> TimeDelta {
        let between = |seen: Seen| seen.far.signed_duration_since(seen.host);
        self.seen().map(between).unwrap_or_default()
    }

    /// True if the clocks were further apart than [`ClockOffset::TOLERANCE`].
    #[must_use]
    pub fn is_significant(self) -> bool {
        self.get().abs() > Self::TOLERANCE
    }

    /// `host`, which is the host's time now, or the far side's time if that is significantly later.
    #[must_use]
    pub fn later(self, host: DateTime<Utc>) -> DateTime<Utc> {
        let far = self.far_side();
        far.filter(|far| far.signed_duration_since(host) > Self::TOLERANCE)
            .unwrap_or(host)
    }

    /// `host`, which is the host's time now, or the far side's time if that is significantly earlier.
    #[must_use]
    pub fn earlier(self, host: DateTime<Utc>) -> DateTime<Utc> {
        let far = self.far_side();
        far.filter(|far| host.signed_duration_since(*far) > Self::TOLERANCE)
            .unwrap_or(host)
    }

    /// The far side's time now.
    fn far_side(self) -> Option<DateTime<Utc>> {
        let seen = self.seen()?;
        let passed = TimeDelta::from_std(seen.at.elapsed()).ok()?;
        seen.far.checked_add_signed(passed)
    }

    fn seen(self) -> Option<Seen> {
        match self.0 {
            FarSide::Seen(seen) => Some(seen),
            FarSide::ShowsNone | FarSide::Unknown => None,
        }
    }
}

/// The offset of a far side's clock, as it was last seen: from who hears that side to who asks. Clones share it.
#[derive(Debug, Clone)]
pub struct SharedClockOffset(Arc<Mutex<ClockOffset>>);

impl SharedClockOffset {
    /// That of a far side that has not answered yet: see [`ClockOffset::awaited`].
    #[must_use]
    pub fn unknown() -> Self {
        Self(Arc::new(Mutex::new(ClockOffset::unknown())))
    }

    /// Notes an offset.
    pub fn set(&self, offset: ClockOffset) {
        *self.last() = offset;
    }

    /// Notes an answer of a far side that shows no clock: if it has shown none before, none is awaited any more.
    pub fn set_absent(&self) {
        let mut last = self.last();
        if last.is_unknown() {
            *last = ClockOffset::default();
        }
    }

    /// The last one noted; awaited at first.
    #[must_use]
    pub fn get(&self) -> ClockOffset {
        *self.last()
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn last(&self) -> MutexGuard<'_, ClockOffset> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_of_the_host_clock_is_noticed_before_the_far_side_answers_again() {
        let seen = at("2026-01-02T12:00:00Z");
        let offset = ClockOffset::between(seen, seen);
        tokio::time::advance(Duration::from_secs(600)).await;
        let far = at("2026-01-02T12:10:00Z");
        assert_eq!(offset.earlier(far), far);
        assert_eq!(offset.earlier(at("2026-01-04T12:10:00Z")), far, "ahead");
        let behind = at("2025-12-31T12:10:00Z");
        assert_eq!(offset.earlier(behind), behind);
        assert_eq!(offset.later(behind), far);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_clock_judges_only_when_they_are_minutes_apart() {
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

    #[tokio::test(start_paused = true)]
    async fn a_shared_offset_is_the_last_one_noted() {
        let shared = SharedClockOffset::unknown();
        let (hears, asks) = (shared.clone(), shared);
        assert!(asks.get().is_unknown());
        let (host, far) = (at("2026-01-02T12:00:00Z"), at("2026-01-01T12:00:00Z"));
        hears.set(ClockOffset::between(host, far));
        hears.set_absent();
        assert_eq!(asks.get().earlier(host), far);
    }

    #[test]
    fn a_far_side_that_shows_no_clock_is_not_awaited_for_ever() {
        let shared = SharedClockOffset::unknown();
        shared.set_absent();
        assert_eq!(shared.get(), ClockOffset::default());
    }
}
