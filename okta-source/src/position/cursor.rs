//! Where the next page is.

use chrono::{DateTime, SecondsFormat, Utc};
use okta_coralogix_core::{Error, ErrorKind, Result};
use url::{Position, Url};

use crate::api::org_url::OrgUrl;
use crate::api::page_size::PageSize;
use crate::api::query::Query;
use okta_coralogix_core::text::sanitize;

const LOGS: &str = "/api/v1/logs";

/// No path, so that it is no link either.
const END: &str = "end";

/// The longest link that is followed, in bytes: what HTTP servers commonly take, and far above Okta's.
const LONGEST: usize = 8 << 10;

/// Asks for one event of the last seven days, which is what Okta takes without `since`: no clock is needed for it.
pub(crate) const CHECK: &str = "/api/v1/logs?sortOrder=ASCENDING&limit=1";

/// A `next` link without the org it belongs to: path and query, as Okta wrote them.
///
/// The org is put in front of it again for each request, so that no stored text can send the token elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor(String);

impl Cursor {
    /// From the target of a `next` link, which must stay on the org.
    pub(crate) fn from_link(target: &str, org: &OrgUrl) -> Result<Self> {
        let url = org.url().join(target).map_err(|_| {
            Error::temporary(
                ErrorKind::UnexpectedAnswer,
                "the org sent a next link that is no URL",
            )
        })?;
        if url.origin() != org.url().origin()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(Error::new(
                ErrorKind::HostileLink,
                format!(
                    "the next link leads to {}, away from {org}, and is not followed so that the token goes nowhere else: \
                     check whether a proxy rewrites the org's answers, or use the domain that Okta writes into its links",
                    sanitize(&url.origin().ascii_serialization()),
                ),
            ));
        }
        let link = &url[Position::BeforePath..Position::AfterQuery];
        if url.path() != LOGS || link.len() > LONGEST {
            let detail = "the org sent a next link that does not lead to its System Log";
            return Err(Error::temporary(ErrorKind::UnexpectedAnswer, detail));
        }
        Ok(Self(link.to_owned()))
    }

    /// Behind the last page of a bounded range.
    pub(crate) fn end() -> Self {
        Self(END.to_owned())
    }

    pub(crate) fn is_end(&self) -> bool {
        self.0 == END
    }

    /// From a checkpoint.
    pub(crate) fn restore(text: &str, org: &OrgUrl) -> Option<Self> {
        let url = Url::parse(&format!("{}{text}", org.as_str())).ok()?;
        let same = text.starts_with('/') && url.origin() == org.url().origin();
        same.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same link with another page size; nothing else in it is touched.
    pub(crate) fn with_limit(&self, limit: usize) -> Self {
        let (path, query) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let others = query
            .split('&')
            .filter(|part| !part.is_empty() && !part.starts_with("limit="));
        let query: String = others.map(|part| format!("{part}&")).collect();
        Self(format!("{path}?{query}limit={limit}"))
    }

    /// The page size that the link asks for.
    fn limit(&self) -> Option<usize> {
        let (_, query) = self.0.split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "limit")
            .and_then(|(_, value)| value.parse().ok())
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageRequest {
    /// What was persisted since then. Polling: no `until`, ascending. (Okta developer docs, "System Log query", 2026.)
    Since(DateTime<Utc>),
    /// What was published from the one to the other, ascending.
    Range(DateTime<Utc>, DateTime<Utc>),
    /// What comes behind a page.
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
                    Some(limit) => cursor.with_limit(limit.into()).0,
                    None => cursor.0.clone(),
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
    pub(crate) fn follow(&self, next: Cursor, size: PageSize, usual: u16) -> Cursor {
        if size.reduced().is_none() {
            return next;
        }
        let usual = match self {
            Self::Link(cursor) => cursor.limit().unwrap_or(usual.into()),
            _ => usual.into(),
        };
        next.with_limit(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org() -> OrgUrl {
        OrgUrl::parse("https://example.okta.com").unwrap()
    }

    #[test]
    fn a_link_within_the_org_is_kept_as_path_and_query() {
        let path = "/api/v1/logs?after=1627500044869_1&limit=20&filter=a%20eq%20%22b%22";
        for target in [
            format!("https://example.okta.com{path}"),
            format!("https://EXAMPLE.okta.com:443{path}#top"),
            path.to_owned(),
        ] {
            let cursor = Cursor::from_link(&target, &org()).unwrap();
            assert_eq!(cursor.as_str(), path);
            assert_eq!(PageRequest::Link(cursor).limit(PageSize::new(1000)), 20);
        }
    }

    #[test]
    fn a_link_away_from_the_org_is_hostile() {
        for target in [
            "https://evil.example/api/v1/logs",
            "//evil.example/api/v1/logs",
            "http://example.okta.com/api/v1/logs",
            "https://example.okta.com:8443/api/v1/logs",
            "https://example.okta.com.evil.example/",
            "https://example.okta.com@evil.example/",
            "https://user@example.okta.com/api/v1/logs",
            "https://user:pass@example.okta.com/api/v1/logs",
            "https://example-okta.com/",
            "https://ехample.okta.com/",
            "ftp://example.okta.com/",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ] {
            let error = Cursor::from_link(target, &org()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::HostileLink, "{target}");
            assert!(!error.is_temporary());
        }
    }

    #[test]
    fn nothing_stored_can_lead_away_from_the_org() {
        for text in [
            "",
            "api/v1/logs",
            "@evil.example/",
            ".evil.example/",
            ":8443/",
            "https://evil.example/",
        ] {
            assert_eq!(Cursor::restore(text, &org()), None, "{text}");
        }
        let odd = Cursor::restore("//evil.example/", &org()).unwrap();
        let url = Url::parse(&format!("{}{}", org(), odd.as_str())).unwrap();
        assert_eq!(url.host_str(), Some("example.okta.com"));
    }

    #[test]
    fn the_first_request_polls() {
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
    fn a_smaller_page_changes_nothing_in_a_link_but_its_limit() {
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
            let ask = PageRequest::Link(Cursor::restore(link, &org()).unwrap());
            assert_eq!(ask.path(size, &Query::default()), link);
            size.halve(700);
            assert_eq!(ask.path(size, &Query::default()), smaller);
            assert_eq!(ask.limit(size), 350);
        }
        let ask =
            PageRequest::Link(Cursor::restore("/api/v1/logs?after=1&limit=700", &org()).unwrap());
        let next = Cursor::restore("/api/v1/logs?after=2&limit=350", &org()).unwrap();
        assert_eq!(
            ask.follow(next, size, 1000).as_str(),
            "/api/v1/logs?after=2&limit=700"
        );
    }
}
