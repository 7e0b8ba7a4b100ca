//! Start times for reading without a link: the first start, and the fallback after Okta refused a link. Both look back from the earlier
//! clock.

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::ClockOffset;
use okta_coralogix_core::checkpoint::Checkpoint;
use okta_coralogix_core::text::sanitize;

use super::cursor::Cursor;
use crate::config::{LOG_RETENTION, MAX_START_AGE, Settings, Since, StartPoint};

/// The first `since`: 24 hours ago unless set. It stays as it was asked for, so that reading again from the start skips nothing.
#[derive(Debug)]
pub(crate) struct StartTime {
    since: Since,
    is_moved: bool,
    asked: Option<DateTime<Utc>>,
}

impl StartTime {
    pub(crate) fn new(since: Since) -> Self {
        Self {
            since,
            is_moved: false,
            asked: None,
        }
    }

    /// To which a person has moved the position.
    pub(crate) fn moved(since: Since) -> Self {
        Self {
            is_moved: true,
            ..Self::new(since)
        }
    }

    /// The cursor of the first request, to be stored.
    pub(crate) fn cursor(&self, first_request: &str) -> Cursor {
        match self.is_moved {
            true => Cursor::moved(first_request),
            false => Cursor::start(first_request),
        }
    }

    /// Where reading begins.
    pub(crate) fn point(&self, now: DateTime<Utc>) -> StartPoint {
        match self.is_moved {
            true => StartPoint::Moved(self.peek(now)),
            false => StartPoint::Since(self.peek(now)),
        }
    }

    /// The time that will be asked for.
    fn peek(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.asked.unwrap_or_else(|| self.since.when(now))
    }

    /// The time to ask for. `now`: the earlier time of the two clocks.
    pub(crate) fn get(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        *self.asked.get_or_insert_with(|| self.since.when(now))
    }

    /// The time that was asked for; `None`: reading did not begin here.
    pub(crate) fn asked(&self) -> Option<DateTime<Utc>> {
        self.asked
    }

    /// Moves the start back if an answer showed that the host's clock is ahead; events of a whole day could be missing otherwise. True
    /// if the start has to be asked for again.
    pub(crate) fn correct(&mut self, now: DateTime<Utc>) -> bool {
        let earlier = self.since.when(now);
        let asked_too_little = self
            .asked
            .is_some_and(|asked| asked.signed_duration_since(earlier) > ClockOffset::TOLERANCE);
        if asked_too_little {
            self.asked = Some(earlier);
        }
        asked_too_little
    }
}

/// A start time guaranteed to precede the first unread event: Okta stored the last settled event after it was published.
pub(crate) fn overlap_start(
    published_ms: i64,
    now: DateTime<Utc>,
    overlap: TimeDelta,
) -> DateTime<Utc> {
    let published = DateTime::from_timestamp_millis(published_ms).unwrap_or(now);
    let start = published.min(now).checked_sub_signed(overlap);
    start.unwrap_or(DateTime::UNIX_EPOCH)
}

/// The oldest event that Okta still keeps. `now`: the org's time.
pub(crate) fn oldest_kept(now: DateTime<Utc>) -> DateTime<Utc> {
    now - LOG_RETENTION
}

/// The start for another query: the overlap before the last event that was settled with the old one; without one, `start`.
pub(crate) fn restart_since(
    record: &Checkpoint,
    start: Since,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Since {
    let since = match record.published_ms {
        Some(published) => {
            let since = overlap_start(published, now, settings.overlap());
            match now.signed_duration_since(since) > MAX_START_AGE {
                true => oldest_kept(now).into(),
                false => since.into(),
            }
        }
        None => start,
    };
    tracing::warn!(
        old = sanitize(&record.identity),
        since = %since.when(now),
        "the query was changed: reading on with the new one; repeats are removed by their uuid"
    );
    since
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn start_time_is_pinned_until_an_earlier_clock_moves_it() {
        let mut start = StartTime::new(Since::Ago(Duration::from_secs(3600)));
        let host = at("2026-11-22T10:00:00Z");
        let none = ClockOffset::default();
        assert_eq!(start.get(none.earlier(host)), at("2026-11-22T09:00:00Z"));
        let later = at("2026-11-22T12:00:00Z");
        assert_eq!(start.get(none.earlier(later)), at("2026-11-22T09:00:00Z"));
        assert!(!start.correct(none.earlier(later)));
        let far = ClockOffset::between(host, at("2026-11-22T11:00:00Z"));
        assert!(
            !start.correct(far.earlier(host)),
            "the host is the earlier one"
        );
        let far = ClockOffset::between(host, at("2026-11-22T08:00:00Z"));
        assert!(start.correct(far.earlier(host)));
        assert_eq!(start.get(far.earlier(host)), at("2026-11-22T07:00:00Z"));
        assert!(!start.correct(far.earlier(host)), "once");
    }

    #[tokio::test(start_paused = true)]
    async fn fixed_start_time_needs_no_clock() {
        let mut start = StartTime::new(Since::At(at("2026-01-01T00:00:00Z")));
        let host = at("2026-11-22T10:00:00Z");
        let far = ClockOffset::between(host, at("2020-11-22T08:00:00Z"));
        assert_eq!(start.get(far.earlier(host)), at("2026-01-01T00:00:00Z"));
        assert!(!start.correct(far.earlier(host)));
    }

    #[test]
    fn overlap_start_precedes_the_last_event_and_the_present_time() {
        let (far, overlap) = (at("2026-11-22T10:00:00Z"), TimeDelta::minutes(10));
        let published = at("2026-11-22T09:00:00Z").timestamp_millis();
        assert_eq!(
            overlap_start(published, far, overlap),
            at("2026-11-22T08:50:00Z")
        );
        let future = at("2030-01-01T00:00:00Z").timestamp_millis();
        assert_eq!(
            overlap_start(future, far, overlap),
            at("2026-11-22T09:50:00Z")
        );
    }
}
