//! The settings of a source, their defaults and bounds.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{Error, Result};

use crate::api::org_url::OrgUrl;
use crate::api::query::Query;

const LOOKBACK: Duration = Duration::from_secs(24 * 60 * 60);
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Okta keeps its log for 90 days: a longer pause would miss events.
const MAX_INTERVAL: Duration = Duration::from_secs(30 * 24 * 3600);
/// The largest page that Okta gives. (Okta developer docs, System Log API, 2026.)
const PAGE_SIZE: u16 = 1000;
const RATE_SHARE: f64 = 0.5;
/// 64 MiB: 1,000 events of 64 KiB each; real ones take 1 to 4 KB.
const MAX_BODY_BYTES: usize = 64 << 20;
/// How far the fallback goes back before the last settled event.
const OVERLAP: Duration = Duration::from_secs(10 * 60);
/// Coralogix takes no older events, so that a longer overlap brings nothing.
const MAX_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// The share of the budget for a backlog that is nearly too old, and the age from which it is.
const CATCH_UP_SHARE: f64 = 0.8;
const CATCH_UP_AGE: Duration = Duration::from_secs(20 * 3600);
/// An org whose log is empty for a day has most likely a fault somewhere.
const SILENCE: Duration = Duration::from_secs(24 * 3600);
/// Okta keeps its log for 90 days, and refuses to be asked for more than 180. (Okta developer docs, "System Log query", 2026.)
pub(crate) const LOG_RETENTION: TimeDelta = TimeDelta::days(90);
pub(crate) const MAX_START_AGE: TimeDelta = TimeDelta::days(180);

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

const INTERVALS: &str = "a time above zero and up to 30 days, such as 30 s";
const OVERLAPS: &str = "a time above zero and up to 24 hours, such as 10 minutes";
const SHARES: &str = "a share above 0 and up to 1, such as 0.5";

/// The settings of a source, as the builder collects them.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) since: Since,
    pub(crate) poll_interval: Duration,
    pub(crate) page_size: u16,
    pub(crate) once: bool,
    pub(crate) dedup_capacity: usize,
    pub(crate) rate_share: f64,
    pub(crate) max_body_bytes: usize,
    pub(crate) query: Query,
    pub(crate) restart_on_changed_query: bool,
    /// What the org was called before.
    pub(crate) renamed_from: Option<OrgUrl>,
    pub(crate) overlap: Duration,
    pub(crate) reread_every: Option<Duration>,
    pub(crate) catch_up_share: f64,
    pub(crate) catch_up_age: Duration,
    pub(crate) silence: Option<Duration>,
    /// Beside that of the pipeline.
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// Set: a bounded range, its start included.
    pub(crate) range: Option<Range<DateTime<Utc>>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            since: Since::default(),
            poll_interval: POLL_INTERVAL,
            page_size: PAGE_SIZE,
            once: false,
            dedup_capacity: DedupWindow::DEFAULT_CAPACITY,
            rate_share: RATE_SHARE,
            max_body_bytes: MAX_BODY_BYTES,
            query: Query::default(),
            restart_on_changed_query: false,
            renamed_from: None,
            overlap: OVERLAP,
            reread_every: None,
            catch_up_share: CATCH_UP_SHARE,
            catch_up_age: CATCH_UP_AGE,
            silence: Some(SILENCE),
            observer: None,
            range: None,
        }
    }
}

impl Settings {
    /// # Errors
    /// `Config`, which names the setting.
    pub(crate) fn validate(&self) -> Result<()> {
        self.query.validate()?;
        let is_time = |time: Duration| !time.is_zero() && time <= MAX_INTERVAL;
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        let may_be_time = |time: Option<Duration>| time.is_none_or(is_time);
        let is_overlap = is_time(self.overlap) && self.overlap <= MAX_OVERLAP;
        for (setting, is_valid, valid) in [
            (
                "page_size",
                (1..=PAGE_SIZE).contains(&self.page_size),
                "1 to 1000",
            ),
            ("poll_interval", is_time(self.poll_interval), INTERVALS),
            ("rate_share", is_share(self.rate_share), SHARES),
            ("overlap", is_overlap, OVERLAPS),
            ("catch_up", is_share(self.catch_up_share), SHARES),
            ("reread_every", may_be_time(self.reread_every), INTERVALS),
            ("silence_alarm", may_be_time(self.silence), INTERVALS),
        ] {
            if !is_valid {
                let what = format!("is out of range; write {valid}");
                return Err(Error::config(setting, what));
            }
        }
        Ok(())
    }

    pub(crate) fn overlap(&self) -> TimeDelta {
        TimeDelta::from_std(self.overlap).unwrap_or(TimeDelta::MAX)
    }
}

/// Where a source begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartPoint {
    /// Behind the saved position.
    Checkpoint {
        /// The latest `published` behind it; `None`: there was no event yet.
        published: Option<DateTime<Utc>>,
    },
    /// At this time, since no position is saved.
    Since(DateTime<Utc>),
    /// At this time, to which the saved position was [moved](crate::StoredPosition::move_to).
    Moved(DateTime<Utc>),
}

/// Warns of a start before the oldest event that Okta keeps.
///
/// # Errors
/// `Config` for one that Okta refuses, and for one in the future by the host's clock, behind which no earlier event would be read.
pub(crate) fn check_start(since: Since, now: DateTime<Utc>) -> Result<()> {
    let start = since.when(now);
    if start > now {
        let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let what = format!(
            "is in the future by the clock of this host, which says {now}: no event before it would ever be read; write a time that has \
             passed, or set the clock"
        );
        return Err(Error::config("since", what));
    }
    let ago = now.signed_duration_since(start);
    if ago > MAX_START_AGE {
        let what = "is more than 180 days ago, which Okta refuses; write at most 90 days, which is how long Okta keeps its log";
        return Err(Error::config("since", what));
    }
    if ago > LOG_RETENTION {
        tracing::warn!(
            days = ago.num_days(),
            "reading begins more than 90 days ago, but Okta keeps its log for 90 days: older events are missing"
        );
    }
    Ok(())
}
