//! A request for a page.

use chrono::{DateTime, SecondsFormat, Utc};

use super::cursor::{Cursor, LOGS};
use crate::api::page_size::PageSize;
use crate::api::query::Query;

/// Which events a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageRequest {
    /// Events that Okta stored since then. Polling: no `until`, ascending. (Okta developer docs, "System Log query", 2026.)
    Since(DateTime<Utc>),
    /// Events that were published from the one to the other, ascending.
    Range(DateTime<Utc>, DateTime<Utc>),
    /// The events behind a page.
    Link(Cursor),
}

impl PageRequest {
    /// Path and query. A link is used as it was given, unless a smaller page is wanted.
    pub(crate) fn path(&self, size: PageSize, query: &Query) -> String {
        let time = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let times = match self {
            Self::Since(since) => format!("since={}", time(since)),
            Self::Range(since, until) => format!("since={}&until={}", time(since), time(until)),
            Self::Link(cursor) => {
                return match size.reduced() {
                    Some(limit) => cursor.with_limit(limit.into()).as_str().to_owned(),
                    None => cursor.as_str().to_owned(),
                };
            }
        };
        let (limit, rest) = (size.get(), query.parameters());
        format!("{LOGS}?{times}&sortOrder=ASCENDING&limit={limit}{rest}")
    }

    /// How many events a full page has.
    pub(crate) fn limit(&self, size: PageSize) -> usize {
        let usual = usize::from(size.get());
        match (self, size.reduced()) {
            (Self::Link(cursor), None) => cursor.limit().unwrap_or(usual),
            _ => usual,
        }
    }

    /// The link behind the page as it is to be followed: with the page size from before, if it was made smaller for this page.
    pub(crate) fn follow(&self, next: Cursor, size: PageSize) -> Cursor {
        if size.reduced().is_none() {
            return next;
        }
        next.with_limit(self.limit(size.restored()))
    }
}

/// Path and query for one event of the last seven days, Okta's default without `since`, so that no clock is needed.
pub(crate) fn check_path(query: &Query) -> String {
    format!("{LOGS}?sortOrder=ASCENDING&limit=1{}", query.parameters())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgUrl;

    fn org() -> OrgUrl {
        OrgUrl::parse("https://example.okta.com").unwrap()
    }

    #[test]
    fn first_request_polls_from_since() {
        let since = "2026-11-22T10:00:00.123456Z".parse().unwrap();
        let (size, all) = (PageSize::new(1000), Query::default());
        assert_eq!(
            PageRequest::Since(since).path(size, &all),
            "/api/v1/logs?since=2026-11-22T10:00:00.123Z&sortOrder=ASCENDING&limit=1000"
        );
        let some = Query {
            filter: Some("severity eq \"WARN\"".to_owned()),
            q: Some("ann".to_owned()),
        };
        assert_eq!(
            PageRequest::Range(since, since).path(size, &some),
            "/api/v1/logs?since=2026-11-22T10:00:00.123Z&until=2026-11-22T10:00:00.123Z&sortOrder=ASCENDING&limit=1000\
             &filter=severity%20eq%20%22WARN%22&q=ann"
        );
    }

    #[test]
    fn smaller_page_changes_only_the_limit_of_a_link() {
        let mut size = PageSize::new(1000);
        for (link, smaller) in [
            (
                "/api/v1/logs?after=1_1&limit=700&filter=a%20limit=%2Bb",
                "/api/v1/logs?after=1_1&filter=a%20limit=%2Bb&limit=350",
            ),
            ("/api/v1/logs?limit=700", "/api/v1/logs?limit=350"),
            ("/api/v1/logs", "/api/v1/logs?limit=350"),
        ] {
            size.restore();
            let request = PageRequest::Link(Cursor::restore(link, &org()).unwrap());
            assert_eq!(request.path(size, &Query::default()), link);
            size.halve(700);
            assert_eq!(request.path(size, &Query::default()), smaller);
            assert_eq!(request.limit(size), 350);
        }
        let request =
            PageRequest::Link(Cursor::restore("/api/v1/logs?after=1&limit=700", &org()).unwrap());
        let next = Cursor::restore("/api/v1/logs?after=2&limit=350", &org()).unwrap();
        assert_eq!(
            request.follow(next, size).as_str(),
            "/api/v1/logs?after=2&limit=700"
        );
    }
}
