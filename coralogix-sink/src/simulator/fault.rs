//! What can go wrong, on request.

use std::time::Duration;

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with a status and takes nothing.
    Status {
        /// The status.
        status: u16,
        /// The `Retry-After` header.
        retry_after: Option<RetryAfter>,
        /// The body: an HTML page, or JSON.
        html: bool,
    },
    /// Breaks the connection before the body is read. Nothing is taken.
    ResetBeforeReading,
    /// Takes the entries, then breaks the connection instead of answering.
    ResetAfterAccepting,
    /// Takes the entries, then breaks the connection in the middle of the answer.
    HalfAnswer,
    /// Takes the entries, sends half an answer, and then nothing more, without breaking the connection.
    StalledAnswer,
    /// Takes the entries at once, and answers as usual, this much later.
    Slow(Duration),
    /// Begins to read the body this much later, so that a large one jams, and then answers as usual. If the caller goes
    /// away before, nothing is taken.
    SlowReading(Duration),
    /// Answers with a status, a 2xx taking the entries as usual, and with a gzip body of zeros that nobody asked for.
    GzipBomb {
        /// The status.
        status: u16,
        /// Bytes that the body unfolds to; about a thousandth of that goes over the wire.
        unfolds_to: usize,
    },
    /// Redirects to this URL. Nothing is taken.
    Redirect(String),
}

impl Fault {
    /// A status without a `Retry-After`.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
            html: false,
        }
    }

    /// A status with a `Retry-After`.
    #[must_use]
    pub fn retry_after(status: u16, retry_after: RetryAfter) -> Self {
        Self::Status {
            status,
            retry_after: Some(retry_after),
            html: false,
        }
    }

    /// A status with a web page.
    #[must_use]
    pub fn html(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
            html: true,
        }
    }
}

/// The two forms of `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Whole seconds.
    Seconds(u64),
    /// The date this much after the simulator's clock, to the second.
    Date(Duration),
}
