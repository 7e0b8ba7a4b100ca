//! The settings of a source, and what they are when nothing is said.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::{Error, Result};

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
pub(crate) const OVERLAP: Duration = Duration::from_secs(10 * 60);
/// A longer overlap would not be one: Okta gives an event a day at most to be delivered here.
pub(crate) const LONGEST_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// The share of the budget for a backlog that is nearly too old, and the age from which it is.
pub(crate) const CATCH_UP_SHARE: f64 = 0.8;
pub(crate) const CATCH_UP_AGE: Duration = Duration::from_secs(20 * 3600);
/// An org whose log is empty for a day has most likely a fault somewhere.
pub(crate) const SILENCE: Duration = Duration::from_secs(24 * 3600);
/// Okta keeps its log for 90 days, and refuses to be asked for more than 180. (Okta developer docs, "System Log query", 2026.)
pub(crate) const KEPT: TimeDelta = TimeDelta::days(90);
pub(crate) const REFUSED: TimeDelta = TimeDelta::days(180);

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
    pub(crate) page_size: u16,
    pub(crate) once: bool,
    pub(crate) overlap: TimeDelta,
    pub(crate) rate_share: f64,
    pub(crate) catch_up_share: f64,
    /// Set: a bounded range, from the start up to there.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// Warns of a start that Okta has forgotten.
///
/// # Errors
/// `Config` for one that Okta refuses.
pub(crate) fn check_start(since: Since, now: DateTime<Utc>) -> Result<()> {
    let ago = now.signed_duration_since(since.when(now));
    if ago > REFUSED {
        let what = "is more than 180 days ago, which Okta refuses; write at most 90 days, which is how long Okta keeps its log";
        return Err(Error::config("since", what));
    }
    if ago > KEPT {
        tracing::warn!(
            days = ago.num_days(),
            "reading begins more than 90 days ago, but Okta keeps its log for 90 days: what is older does not come"
        );
    }
    Ok(())
}
