//! Where reading begins without a link: at the start, and after Okta refused one.

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::ClockOffset;

use crate::config::Since;
use crate::position::cursor::Cursor;

/// The first `since`. It stays what it was once asked for, so that reading again from the start skips nothing.
#[derive(Debug)]
pub(crate) struct Start {
    since: Since,
    asked: Option<DateTime<Utc>>,
}

impl Start {
    pub(crate) fn new(since: Since) -> Self {
        Self { since, asked: None }
    }

    /// What to ask for.
    pub(crate) fn ask(&mut self, host: DateTime<Utc>, offset: ClockOffset) -> DateTime<Utc> {
        *self
            .asked
            .get_or_insert_with(|| self.since.when(offset.earlier(host)))
    }

    /// True if the answer shows that the host's clock was too late, so that more must be asked for: events of a whole day would be
    /// missing otherwise.
    pub(crate) fn corrected(&mut self, host: DateTime<Utc>, offset: ClockOffset) -> bool {
        let earlier = self.since.when(offset.earlier(host));
        let asked_too_little = self
            .asked
            .is_some_and(|asked| asked.signed_duration_since(earlier) > ClockOffset::TOLERANCE);
        if asked_too_little {
            self.asked = Some(earlier);
        }
        asked_too_little
    }
}

/// Where the source goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    /// Before the first page.
    Start,
    /// In place of a link that was refused.
    Instead(DateTime<Utc>),
    /// AgingBacklog a page.
    Link(Cursor),
    /// AgingBacklog the last page of a bounded range.
    End,
}

impl Position {
    pub(crate) fn behind(cursor: Cursor) -> Self {
        if cursor.is_end() {
            Self::End
        } else {
            Self::Link(cursor)
        }
    }
}

/// What stands in for a stored link that Okta refused.
#[derive(Debug)]
pub(crate) struct Fallback {
    /// The link that was refused.
    pub(crate) link: Cursor,
    /// What is asked for in its place.
    pub(crate) since: DateTime<Utc>,
    /// A link of Okta's has worked since then.
    pub(crate) proven: bool,
}

/// The time that surely lies before the first unread event: the last event that was settled was persisted after it was published.
pub(crate) fn before(published_ms: i64, far: DateTime<Utc>, overlap: TimeDelta) -> DateTime<Utc> {
    let published = DateTime::from_timestamp_millis(published_ms).unwrap_or(far);
    published.min(far) - overlap
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_start_is_pinned_and_only_an_earlier_clock_moves_it() {
        let mut start = Start::new(Since::Ago(Duration::from_secs(3600)));
        let host = at("2026-11-22T10:00:00Z");
        let none = ClockOffset::default();
        assert_eq!(start.ask(host, none), at("2026-11-22T09:00:00Z"));
        let later = at("2026-11-22T12:00:00Z");
        assert_eq!(start.ask(later, none), at("2026-11-22T09:00:00Z"));
        assert!(!start.corrected(later, none));
        let far = ClockOffset::between(host, at("2026-11-22T11:00:00Z"));
        assert!(!start.corrected(host, far), "the host is the earlier one");
        let far = ClockOffset::between(host, at("2026-11-22T08:00:00Z"));
        assert!(start.corrected(host, far));
        assert_eq!(start.ask(host, far), at("2026-11-22T07:00:00Z"));
        assert!(!start.corrected(host, far), "once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fixed_start_needs_no_clock() {
        let mut start = Start::new(Since::At(at("2026-01-01T00:00:00Z")));
        let host = at("2026-11-22T10:00:00Z");
        let far = ClockOffset::between(host, at("2020-11-22T08:00:00Z"));
        assert_eq!(start.ask(host, far), at("2026-01-01T00:00:00Z"));
        assert!(!start.corrected(host, far));
    }

    #[test]
    fn the_fallback_lies_before_the_last_event_and_not_in_the_future() {
        let (far, overlap) = (at("2026-11-22T10:00:00Z"), TimeDelta::minutes(10));
        let published = at("2026-11-22T09:00:00Z").timestamp_millis();
        assert_eq!(before(published, far, overlap), at("2026-11-22T08:50:00Z"));
        let future = at("2030-01-01T00:00:00Z").timestamp_millis();
        assert_eq!(before(future, far, overlap), at("2026-11-22T09:50:00Z"));
    }
}
