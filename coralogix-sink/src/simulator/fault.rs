//! Scripted faults.

use std::time::Duration;

/// A fault of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with a status and accepts nothing.
    Status {
        /// The status.
        status: u16,
        /// The `Retry-After` header.
        retry_after: Option<RetryAfter>,
        /// The body: an HTML page, or JSON.
        html: bool,
    },
    /// Breaks the connection before the body is read. It accepts nothing.
    ResetBeforeReading,
    /// Reads the request, accepts nothing, and does not answer.
    Silence,
    /// Accepts the entries, then breaks the connection instead of answering.
    ResetAfterAccepting,
    /// Accepts the entries, then breaks the connection in the middle of the answer.
    HalfAnswer,
    /// Accepts the entries, sends half an answer, and then nothing more, without breaking the connection.
    StalledAnswer,
    /// Accepts the entries at once, and answers as usual, this much later.
    Slow(Duration),
    /// Begins to read the body this much later, so that writing a large one blocks, and then answers as usual. If the client
    /// disconnects before, it accepts nothing.
    SlowReading(Duration),
    /// Answers with a status, a 2xx accepting the entries as usual, and with a gzip body of zeros that the client did not ask for.
    GzipBomb {
        /// The status.
        status: u16,
        /// Bytes of the body after decompression, about a thousand times those on the wire.
        uncompressed_bytes: usize,
    },
    /// Redirects to this URL. It accepts nothing.
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
#[non_exhaustive]
pub enum RetryAfter {
    /// Whole seconds.
    Seconds(u64),
    /// The date this much after the simulator's clock, to the second.
    Date(Duration),
}
