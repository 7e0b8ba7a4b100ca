//! The settings of a source, and what they are when nothing is said.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) const LOOKBACK: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Okta's log goes back 90 days: a longer pause would not be a poll.
pub(crate) const LONGEST_POLL_INTERVAL: Duration = Duration::from_secs(30 * 24 * 3600);
/// The largest page that Okta gives. (Okta developer docs, System Log API, 2026.)
pub(crate) const PAGE_LIMIT: u16 = 1000;
pub(crate) const RATE_SHARE: f64 = 0.5;
/// 64 MiB: 1,000 events of 64 KiB each; real ones take 1 to 4 KB.
pub(crate) const BODY_LIMIT: usize = 64 << 20;
/// How far the fallback goes back behind the last event that was settled.
pub(crate) const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// Where reading begins when there is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Since {
    /// So long before the first request, by the earlier of the host's and the org's clock.
    Ago(Duration),
    /// At a fixed time.
    At(DateTime<Utc>),
}

impl Default for Since {
    /// 24 hours ago.
    fn default() -> Self {
        Self::Ago(LOOKBACK)
    }
}

impl From<Duration> for Since {
    fn from(ago: Duration) -> Self {
        Self::Ago(ago)
    }
}

impl From<DateTime<Utc>> for Since {
    fn from(at: DateTime<Utc>) -> Self {
        Self::At(at)
    }
}

impl Since {
    /// The time to ask for when it is `now`.
    pub(crate) fn when(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => TimeDelta::from_std(ago)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

/// What [`OktaSource`](crate::OktaSource) is told once and for all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) since: Since,
    pub(crate) poll_interval: Duration,
    pub(crate) page_limit: u16,
    pub(crate) once: bool,
}
