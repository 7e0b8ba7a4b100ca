//! The results of events that were sent.

use std::time::Duration;

use bytes::Bytes;

/// An event that the endpoint accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invoked {
    /// How often it was sent again.
    pub retry_attempts: u32,
    /// How long the response to the last attempt took.
    pub answered_in: Duration,
}

/// An event that it did not accept: the record in the dead-letter queue. Its body is the event, the rest are the message's attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The event.
    pub event: Bytes,
    /// `ERROR_CODE`.
    pub error_code: ErrorCode,
    /// `ERROR_MESSAGE`: the body of the last response, or the error of the connection.
    pub error_message: String,
    /// `EXHAUSTED_RETRY_CONDITION`; `None` if the response ended the retries.
    pub exhausted: Option<Exhausted>,
    /// `RETRY_ATTEMPTS`.
    pub retry_attempts: u32,
}

/// Why the last attempt failed. AWS does not document the codes of API destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The response had this status.
    Status(u16),
    /// No response in time.
    Timeout,
    /// No connection, or it broke.
    Network,
}

/// The limit that ended the retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exhausted {
    /// `MaximumRetryAttempts`.
    Attempts,
    /// `MaximumEventAgeInSeconds`.
    Age,
}

/// The results of many events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The accepted events.
    pub invoked: Vec<Invoked>,
    /// The others.
    pub undelivered: Vec<Undelivered>,
}

impl Report {
    /// Attempts after the first ones.
    #[must_use]
    pub fn retries(&self) -> u64 {
        let invoked = self.invoked.iter().map(|one| one.retry_attempts);
        let undelivered = self.undelivered.iter().map(|one| one.retry_attempts);
        invoked.chain(undelivered).map(u64::from).sum()
    }

    /// The response time that this share (0 to 1) of the accepted events stayed at or below.
    #[must_use]
    pub fn answered_within(&self, share: f64) -> Duration {
        let mut times: Vec<_> = self.invoked.iter().map(|one| one.answered_in).collect();
        times.sort_unstable();
        let index = (times.len() as f64 * share).ceil() as usize;
        times
            .get(index.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }
}
