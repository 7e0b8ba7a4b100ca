//! The cursor: the link to the next page.

use chrono::{DateTime, Utc};
use okta_coralogix_core::{Error, ErrorKind, Result};
use url::{Position, Url};

use crate::api::org_url::OrgUrl;
use okta_coralogix_core::text::sanitize;

pub(super) const LOGS: &str = "/api/v1/logs";

/// No path, so that it is no link either.
const END: &str = "end";

/// Fragments, which no link of Okta keeps, and no request sends: of a start that settings have given, and of one to which the position was moved.
const START: &str = "#start";
const MOVED: &str = "#moved";

/// The longest link that is followed, in bytes: a common limit of HTTP servers, far above Okta's links.
const MAX_LINK_BYTES: usize = 8 << 10;

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
                ErrorKind::UnexpectedResponse,
                "the org sent a next link that is no URL",
            )
        })?;
        if url.origin() != org.url().origin()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(leads_away(&url, org));
        }
        let link = &url[Position::BeforePath..Position::AfterQuery];
        if url.path() != LOGS || link.len() > MAX_LINK_BYTES {
            let detail = "the org sent a next link that does not lead to its System Log";
            return Err(Error::temporary(ErrorKind::UnexpectedResponse, detail));
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

    /// In place of a link while none is committed: the first request. A version that does not know this follows it as it follows a link.
    pub(super) fn start(first_request: &str) -> Self {
        Self(format!("{first_request}{START}"))
    }

    /// In place of a link, where a person has moved the position: as [`start`](Self::start), and no setting changes it.
    pub(super) fn moved(first_request: &str) -> Self {
        Self(format!("{first_request}{MOVED}"))
    }

    pub(super) fn is_moved(&self) -> bool {
        self.0.ends_with(MOVED)
    }

    /// The time from which this is to be read on; `None`: it is a link of Okta.
    pub(super) fn start_time(&self) -> Option<DateTime<Utc>> {
        let start = self.0.strip_suffix(START);
        let (_, query) = start.or(self.0.strip_suffix(MOVED))?.split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "since")
            .and_then(|(_, since)| since.parse().ok())
    }

    /// The text of a checkpoint as it is, to be looked at and not to be followed.
    pub(super) fn stored(text: &str) -> Self {
        Self(text.to_owned())
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
    pub(super) fn limit(&self) -> Option<usize> {
        let (_, query) = self.0.split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "limit")
            .and_then(|(_, value)| value.parse().ok())
    }
}

/// The error of a link to another origin. An org with a custom domain writes that into its links, whatever domain it was asked by.
fn leads_away(link: &Url, org: &OrgUrl) -> Error {
    let origin = sanitize(&link.origin().ascii_serialization());
    let may_be_a_domain_of_the_org = link.scheme() == "https"
        && link.port().is_none()
        && link.domain().is_some_and(|domain| domain.contains('.'))
        && link.username().is_empty()
        && link.password().is_none()
        && link.path() == LOGS;
    let advice = match may_be_a_domain_of_the_org {
        true => format!(
            "if {origin} is a domain of this org, such as its custom domain, set OKTA_ORG_URL (org_url) to {origin}; if it is not, find \
             the proxy that rewrites the org's answers"
        ),
        false => "find the proxy that rewrites the org's answers, or set OKTA_ORG_URL (org_url) to the domain that Okta writes into \
                  its links"
            .to_owned(),
    };
    let detail = format!(
        "the next link leads to {origin}, away from {org}, and is not followed so that the token goes nowhere else: {advice}"
    );
    Error::new(ErrorKind::HostileLink, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org() -> OrgUrl {
        OrgUrl::parse("https://example.okta.com").unwrap()
    }

    #[test]
    fn cursor_keeps_path_and_query_of_an_org_link() {
        let path = "/api/v1/logs?after=1627500044869_1&limit=20&filter=a%20eq%20%22b%22";
        for target in [
            format!("https://example.okta.com{path}"),
            format!("https://EXAMPLE.okta.com:443{path}#top"),
            path.to_owned(),
        ] {
            let cursor = Cursor::from_link(&target, &org()).unwrap();
            assert_eq!(cursor.as_str(), path);
            assert_eq!(cursor.limit(), Some(20));
        }
    }

    #[test]
    fn link_to_another_origin_is_hostile() {
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
    fn stored_cursor_cannot_lead_to_another_origin() {
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
}
