//! The record of requests.

use chrono::{DateTime, Utc};
use http::Method;

/// A request that the org received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Its method.
    pub method: Method,
    /// Path and query, as they came.
    pub path_and_query: String,
    /// The first word of its `Authorization`: `SSWS`, `Bearer`, `DPoP` or `Basic`.
    pub scheme: Option<String>,
    /// True if any credential came with it.
    pub had_credential: bool,
    /// True if it was the right one.
    pub authorized: bool,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
    /// Its `X-Okta-Retry-For`.
    pub retry_for: Option<String>,
    /// Its `X-Okta-Retry-Count`.
    pub retry_count: Option<u32>,
    /// When, by the org's clock.
    pub at: DateTime<Utc>,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
}
