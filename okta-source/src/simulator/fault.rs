//! Scripted faults.

use std::time::Duration;

use bytes::Bytes;

/// A fault of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Any status, with any body.
    Status(u16, String),
    /// 429 with nothing remaining and a window that ends after this time.
    RateLimited(Duration),
    /// 429 with a `Retry-After` of so many seconds, and requests remaining all the same.
    RetryAfter(u32),
    /// 429 with a limit of 0 and 0 remaining, as Okta answers too many requests at the same time.
    Concurrency,
    /// 429 without any rate-limit header.
    RateLimitedSilently,
    /// 503 `E0000181`.
    Unavailable,
    /// A maintenance page in HTML, with status 200.
    Html,
    /// The right page with bytes in it that are not UTF-8.
    NotUtf8,
    /// A redirect to this URL.
    Redirect(String),
    /// The right page, but its `next` link has this target.
    NextLink(String),
    /// The right page without a `next` link.
    NoNextLink,
    /// The right page without any `Link` header, as if a proxy had removed it.
    NoLinkHeader,
    /// The right page, but after half of it the connection breaks.
    HalfBody,
    /// The right page, but after half of it nothing more comes, ever.
    StalledBody,
    /// The right page, a byte at a time, with so long before each.
    SlowBody(Duration),
    /// An array of events that never ends.
    EndlessArray,
    /// The right page in UTF-16, and the header says so.
    WrongCharset,
    /// A gzip body that breaks off.
    TruncatedGzip,
    /// Nothing for 30 s, then 500 `E0000009`: the query took too long.
    QueryTimeout,
    /// No answer, ever.
    Silence,
    /// Something before the org, a proxy or a filter, answers in its place. The org sees nothing of the request, and the response has
    /// these headers and none of Okta's.
    Gateway {
        /// Its status.
        status: u16,
        /// Its headers. A name or value that HTTP does not allow is left out.
        headers: Vec<(&'static str, String)>,
        /// Its body.
        body: Bytes,
    },
    /// The org is down: in memory connecting fails; on a socket the connection breaks before the first byte of the body.
    Unreachable,
}

impl Fault {
    /// [`Gateway`](Self::Gateway) with a web page of this title.
    #[must_use]
    pub fn web_page(status: u16, title: &str) -> Self {
        let page = format!("<!DOCTYPE html><html><head><title>{title}</title></head></html>");
        Self::Gateway {
            status,
            headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
            body: page.into(),
        }
    }
}
