//! The offset of the wall clock from the clock of a remote.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// How far the clock of a remote (Okta, Coralogix) is ahead of the host's (negative: behind), and when that was seen.
///
/// With a wrong host clock the age rule would drop a day of events. Where the two clocks differ by
/// more than [`ClockOffset::TOLERANCE`], an event is too old only if it is so by both, which is the same as judging it
/// by the earlier of the two: [`ClockOffset::earlier`].
///
/// The remote clock is assumed to go on with the process's monotonic clock, which cannot be set. So a step of the host's clock is
/// detected before the remote responds again.
///
/// The default: there is no remote clock, and age is judged by the host's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockOffset(RemoteClock);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum RemoteClock {
    #[default]
    Unavailable,
    /// Not seen yet.
    Unknown,
    Seen(Seen),
}

/// What both clocks showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    host: DateTime<Utc>,
    remote: DateTime<Utc>,
    at: Instant,
}

impl ClockOffset {
    /// Differences up to this (5 minutes) are latency and the one-second `Date` header, not a wrong clock.
    pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

    /// The offset, from the remote time (a `Date` header) and the host's at the same moment, which is now.
    #[must_use]
    pub fn between(host: DateTime<Utc>, remote: DateTime<Utc>) -> Self {
        let at = Instant::now();
        Self(RemoteClock::Seen(Seen { host, remote, at }))
    }

    /// The remote clock is not known until the remote answers. Until then the pipeline hands back events that look expired by the
    /// host's clock alone.
    #[must_use]
    pub fn unknown() -> Self {
        Self(RemoteClock::Unknown)
    }

    /// True if the remote clock is not known yet.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self.0 == RemoteClock::Unknown
    }

    /// Remote minus host, when both were seen.
    #[must_use]
    pub fn get(self) -> TimeDelta {
        let between = |seen: Seen| seen.remote.signed_duration_since(seen.host);
        self.seen().map(between).unwrap_or_default()
    }

    /// True if the clocks were further apart than [`ClockOffset::TOLERANCE`].
    #[must_use]
    pub fn is_significant(self) -> bool {
        self.get().abs() > Self::TOLERANCE
    }

    /// `host`, which is the host's time now, or the remote time if that is significantly later.
    #[must_use]
    pub fn later(self, host: DateTime<Utc>) -> DateTime<Utc> {
        let remote = self.remote_now();
        remote
            .filter(|remote| remote.signed_duration_since(host) > Self::TOLERANCE)
            .unwrap_or(host)
    }

    /// `host`, which is the host's time now, or the remote time if that is significantly earlier.
    #[must_use]
    pub fn earlier(self, host: DateTime<Utc>) -> DateTime<Utc> {
        let remote = self.remote_now();
        remote
            .filter(|remote| host.signed_duration_since(*remote) > Self::TOLERANCE)
            .unwrap_or(host)
    }

    fn remote_now(self) -> Option<DateTime<Utc>> {
        let seen = self.seen()?;
        let passed = TimeDelta::from_std(seen.at.elapsed()).ok()?;
        seen.remote.checked_add_signed(passed)
    }

    fn seen(self) -> Option<Seen> {
        match self.0 {
            RemoteClock::Seen(seen) => Some(seen),
            RemoteClock::Unavailable | RemoteClock::Unknown => None,
        }
    }
}

/// The offset that a sink or source saw last, for a component without a remote clock of its own. Clones share it.
#[derive(Debug, Clone)]
pub struct SharedClockOffset(Arc<Mutex<ClockOffset>>);

impl SharedClockOffset {
    /// Before the first answer of the remote: see [`ClockOffset::unknown`].
    #[must_use]
    pub fn unknown() -> Self {
        Self(Arc::new(Mutex::new(ClockOffset::unknown())))
    }

    /// Stores an offset.
    pub fn set(&self, offset: ClockOffset) {
        *self.last() = offset;
    }

    /// The remote answered without its time. Unless its clock was seen before, there is none to wait for.
    pub fn set_unavailable(&self) {
        let mut last = self.last();
        if last.is_unknown() {
            *last = ClockOffset::default();
        }
    }

    /// The last one stored; unknown at first.
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
    async fn host_clock_step_is_noticed_before_the_remote_answers_again() {
        let seen = at("2026-01-02T12:00:00Z");
        let offset = ClockOffset::between(seen, seen);
        tokio::time::advance(Duration::from_secs(600)).await;
        let remote = at("2026-01-02T12:10:00Z");
        assert_eq!(offset.earlier(remote), remote);
        assert_eq!(offset.earlier(at("2026-01-04T12:10:00Z")), remote, "ahead");
        let behind = at("2025-12-31T12:10:00Z");
        assert_eq!(offset.earlier(behind), behind);
        assert_eq!(offset.later(behind), remote);
    }

    #[tokio::test(start_paused = true)]
    async fn clock_offset_applies_only_beyond_five_minutes() {
        let host = at("2026-01-02T12:00:00Z");
        let remote = |text| ClockOffset::between(host, at(text)).earlier(host);
        assert_eq!(remote("2026-01-01T12:00:00Z"), at("2026-01-01T12:00:00Z"));
        assert_eq!(
            remote("2026-01-02T11:55:00Z"),
            host,
            "5 minutes are tolerated"
        );
        assert_eq!(
            remote("2026-01-03T12:00:00Z"),
            host,
            "the host is the earlier one"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn shared_offset_is_the_last_one_stored() {
        let shared = SharedClockOffset::unknown();
        let (sink, source) = (shared.clone(), shared);
        assert!(source.get().is_unknown());
        let (host, remote) = (at("2026-01-02T12:00:00Z"), at("2026-01-01T12:00:00Z"));
        sink.set(ClockOffset::between(host, remote));
        sink.set_unavailable();
        assert_eq!(source.get().earlier(host), remote);
    }

    #[test]
    fn remote_without_a_clock_is_not_waited_for() {
        let shared = SharedClockOffset::unknown();
        shared.set_unavailable();
        assert_eq!(shared.get(), ClockOffset::default());
    }
}
