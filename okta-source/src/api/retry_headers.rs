//! The headers by which a repeated request names its first attempt.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The id of the first attempt, as Okta's own clients send it. (okta-sdk-nodejs README, 2026.)
const RETRY_FOR: HeaderName = HeaderName::from_static("x-okta-retry-for");
const RETRY_COUNT: HeaderName = HeaderName::from_static("x-okta-retry-count");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-okta-request-id");

/// A longer request id is not sent.
const MAX_ID_BYTES: usize = 128;

/// Failed attempts of one request.
#[derive(Debug, Default)]
pub(crate) struct RetryHeaders {
    first: Option<HeaderValue>,
    failed: u32,
}

impl RetryHeaders {
    /// One more attempt failed, with this answer or without any.
    pub(crate) fn failed(&mut self, answer: Option<&HeaderMap>) {
        self.failed = self.failed.saturating_add(1);
        if self.first.is_none() {
            let id = answer.and_then(|headers| headers.get(REQUEST_ID));
            self.first = id.filter(|id| id.len() <= MAX_ID_BYTES).cloned();
        }
    }

    /// The request has succeeded or is given up.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }

    /// The headers of the next one: none, unless an earlier one was answered with an id.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(first) = &self.first {
            headers.insert(RETRY_FOR, first.clone());
            headers.insert(RETRY_COUNT, HeaderValue::from(self.failed));
        }
        headers
    }
}
