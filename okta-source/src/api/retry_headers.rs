//! The headers by which a repeated request names its first attempt.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The id of the first attempt, as Okta's own clients send it. (okta-sdk-nodejs README, 2026.)
const RETRY_FOR: HeaderName = HeaderName::from_static("x-okta-retry-for");
const RETRY_COUNT: HeaderName = HeaderName::from_static("x-okta-retry-count");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-okta-request-id");

/// Longer ones are not sent back.
const LONGEST_ID: usize = 128;

/// Failed attempts of one request.
#[derive(Debug, Default)]
pub(crate) struct RetryHeaders {
    first: Option<HeaderValue>,
    failed: u32,
}

impl RetryHeaders {
    /// Okta answered one more attempt with a fault.
    pub(crate) fn failed(&mut self, answer: &HeaderMap) {
        self.failed = self.failed.saturating_add(1);
        if self.first.is_none() {
            let id = answer.get(REQUEST_ID);
            self.first = id.filter(|id| id.len() <= LONGEST_ID).cloned();
        }
    }

    /// One more attempt had no answer.
    pub(crate) fn lost(&mut self) {
        self.failed = self.failed.saturating_add(1);
    }

    /// The request is done with.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }

    /// What to send with the next one: nothing, unless an earlier one was answered with an id.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(first) = &self.first {
            headers.insert(RETRY_FOR, first.clone());
            headers.insert(RETRY_COUNT, HeaderValue::from(self.failed));
        }
        headers
    }
}
