//! Where the next page is.

use chrono::{DateTime, SecondsFormat, Utc};
use okta_coralogix_core::{Error, ErrorKind, Result};
use url::{Position, Url};

use crate::error::foreign;
use crate::org::OrgUrl;

const LOGS: &str = "/api/v1/logs";

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
                    foreign(&url.origin().ascii_serialization()),
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

    /// From a checkpoint.
    pub(crate) fn restore(text: &str, org: &OrgUrl) -> Option<Self> {
        let url = Url::parse(&format!("{}{text}", org.as_str())).ok()?;
        let same = text.starts_with('/') && url.origin() == org.url().origin();
        same.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
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
pub(crate) enum Ask {
    /// What was persisted since then. Polling: no `until`, ascending. (Okta developer docs, "System Log query", 2026.)
    Since(DateTime<Utc>),
    /// What comes behind a page.
    Behind(Cursor),
}

impl Ask {
    /// Path and query.
    pub(crate) fn path(&self, limit: u16) -> String {
        match self {
            Self::Since(since) => {
                let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
                format!("{LOGS}?since={since}&sortOrder=ASCENDING&limit={limit}")
            }
            Self::Behind(cursor) => cursor.0.clone(),
        }
    }

    /// How many events a full page has.
    pub(crate) fn limit(&self, limit: u16) -> usize {
        match self {
            Self::Since(_) => usize::from(limit),
            Self::Behind(cursor) => cursor.limit().unwrap_or(usize::from(limit)),
        }
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
            assert_eq!(Ask::Behind(cursor).limit(1000), 20);
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
        assert_eq!(
            Ask::Since(since).path(1000),
            "/api/v1/logs?since=2026-11-22T10:00:00.123Z&sortOrder=ASCENDING&limit=1000"
        );
    }
}
