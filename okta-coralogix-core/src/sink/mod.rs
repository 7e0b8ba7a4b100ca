//! Sinks: the trait, what they send, and how requests are encoded, sent and split.

mod compress;
mod concurrency;
mod fill;
mod isolation;
mod learned_limits;
#[cfg(feature = "fs")]
mod ndjson;
mod request;
mod sender;
mod size_limit;
mod state;
mod transfer;

#[cfg(feature = "fs")]
pub use ndjson::NdjsonSink;
pub use sender::{EntrySender, EntrySenderBuilder, SendError, SendOutcome};
pub use state::SinkState;

pub(crate) use isolation::{Isolation, Patience};
pub(crate) use learned_limits::LearnedLimits;
pub(crate) use request::{Encoded, Item, Request};
pub(crate) use transfer::{AgeCheck, DeliveryHooks, Endpoint, Refused, Suspect, Transfer};

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use crate::dead_letter::DeadLetterReason;
use crate::{Error, ErrorKind, InvalidEntry, LogEntry, Result};

/// A sink of log entries, in steps, so that a retry sends the same bytes again. Implemented by adapters, called by the
/// [`Pipeline`](crate::Pipeline) and by [`EntrySender`], which retry, split and dead-letter.
///
/// # Implementing
/// 1. **`encode` takes a non-empty prefix of the entries.** Or it says why the first one cannot be sent at all.
/// 2. **A batch keeps the limits.** Those of [`limits`](Self::limits), which do not change: in entries, and in bytes before
///    compression.
/// 3. **An entry that fits no request is an error of `encode`, or is made smaller.** The error is [`EncodeError::TooLarge`], with
///    which the pipeline dead-letters it; one that was made smaller counts in [`Batch::truncated`].
/// 4. **`Ok` means that the remote has accepted the whole batch.** [`send`](Self::send) makes one attempt.
/// 5. **A refusal means that the remote has accepted none of the batch.** The [`ErrorKind`] of an error decides
///    what follows: after `TooLarge` and `Rejected` a smaller batch is tried, and a single entry is dead-lettered; a temporary
///    error is retried with the same batch; every other permanent error ends the run and consumes nothing.
/// 6. **A lost answer is temporary and ambiguous.** Where the remote may have accepted the batch, and its answer did not come, the
///    error [says so](crate::Error::with_ambiguity): as a refusal it would put into the dead letters what has arrived.
/// 7. **Batches may be sent at the same time.** Each `send` has its own batch and its own result.
/// 8. **A batch may be sent again.** With the same bytes, as often as the pipeline likes. A remote that has an event already may
///    keep one copy.
/// 9. **A sink takes batches after `close` too.** What was accepted before stays accepted.
///
/// The suite `conformance::sink` in `testing` checks these. A sink that passes it:
///
/// ```
/// use async_trait::async_trait;
/// use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
/// use okta_coralogix_core::{LogEntry, LogSink, Result};
/// # use std::sync::Mutex;
/// # #[derive(Debug, Default)]
/// # struct Remote(Mutex<Vec<u8>>);
/// # impl Remote { async fn post(&self, lines: &[u8]) -> Result<()> { self.0.lock().unwrap().extend(lines); Ok(()) } }
///
/// /// Sends each document as a line.
/// #[derive(Debug)]
/// struct Lines(Remote);
///
/// #[async_trait]
/// impl LogSink for Lines {
///     fn limits(&self) -> BatchLimits {
///         BatchLimits::new(100, 1_000_000)
///     }
///
///     fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
///         Batch::fill(entries, self.limits(), |entry, body| {
///             body.extend_from_slice(entry.text.document());
///             body.push(b'\n');
///             Ok(())
///         })
///     }
///
///     async fn send(&self, batch: &Batch) -> Result<()> {
///         self.0.post(&batch.body).await
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let sink = Lines(Remote::default());
/// # let arrived = || String::from_utf8(sink.0.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect();
/// # okta_coralogix_core::testing::conformance::sink_that_accepts_everything(&sink, &arrived).await;
/// # });
/// ```
///
/// No sink can send to two remotes and keep rules 4 and 5: [`fan_out`](crate::fan_out) says why, and is what to use.
#[async_trait]
pub trait LogSink: Send + Sync + 'static {
    /// What fits into one request.
    fn limits(&self) -> BatchLimits;

    /// Takes as many of the first `entries` as fit one request, like `io::Write::write`.
    ///
    /// # Errors
    /// [`EncodeError`] if not even the first entry can be sent.
    ///
    /// # Panics
    /// May panic if `entries` is empty.
    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError>;

    /// Compresses the body of a batch, if the sink does that. Separate from `encode` because it is CPU-bound and may run on a
    /// blocking thread. A batch that was not compressed can be sent too. It is not called for one that `encode` has compressed.
    fn compress(&self, batch: Batch) -> Batch {
        batch
    }

    /// Asks the remote, without sending an entry, whether it answers itself and takes the credential; the error is one of
    /// [`send`](Self::send), without `TooLarge` and `Rejected`. The pipeline asks so, at most twice a minute, to tell a request that the
    /// remote cannot take from a remote that takes none. Default: `None`, the sink has no such test.
    async fn check(&self) -> Option<Result<()>> {
        None
    }

    /// Makes the next request go out on a fresh connection, since the present one may be at fault. Default: nothing.
    fn reconnect(&self) {}

    /// Where it sends to, without a credential, for messages and dead letters: a URL. Default: empty, it is not told.
    fn address(&self) -> String {
        String::new()
    }

    /// Sends one batch, once.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the remote accepted the batch.
    ///
    /// # Errors
    /// By kind, as the trait says.
    async fn send(&self, batch: &Batch) -> Result<()>;

    /// Finishes what outlives [`send`](Self::send): a producer that works in the background, a session at the remote. Called at the
    /// end of each run of a pipeline, once that sends nothing more, while its source is closed. One attempt. Other pipelines may
    /// share the sink and send meanwhile, or come after this one: it takes batches then too, and waits for none of theirs. Default:
    /// there is nothing to finish.
    ///
    /// # Cancel safety
    /// It is dropped after 5 s with all attempts, and may be called again. What [`send`](Self::send) has returned `Ok` for stays
    /// accepted.
    ///
    /// # Errors
    /// A temporary error is retried for a few seconds. What was accepted stays so; the run ends with the error, unless it has one
    /// already.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

debug_by_name!(LogSink);

/// The most that fits into one request of a sink. The pipeline gathers up to here before it calls `encode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchLimits {
    /// Maximum number of entries.
    pub entries: usize,
    /// Maximum body size in bytes, before compression.
    pub bytes: usize,
}

impl BatchLimits {
    /// At most so many entries, and so many bytes before compression.
    #[must_use]
    pub const fn new(entries: usize, bytes: usize) -> Self {
        Self { entries, bytes }
    }
}

/// The `Content-Encoding` of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ContentEncoding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip (RFC 1952).
    Gzip,
}

/// One request's body, ready to be sent as often as needed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Batch {
    /// How many of the entries it holds: the first ones.
    pub entries: usize,
    /// The bytes as they go over the wire.
    pub body: Bytes,
    /// Their compression.
    pub content_encoding: ContentEncoding,
    /// Bytes before compression.
    pub uncompressed_len: usize,
    /// How many of the entries were made smaller to fit a limit of the sink.
    pub truncated: usize,
}

impl Batch {
    /// A batch of `entries` that is not compressed.
    #[must_use]
    pub fn new(entries: &[LogEntry], body: Bytes) -> Self {
        Self {
            entries: entries.len(),
            uncompressed_len: body.len(),
            body,
            content_encoding: ContentEncoding::Identity,
            truncated: 0,
        }
    }

    /// Replaces the body by a compressed one.
    #[must_use]
    pub fn compressed(mut self, body: Bytes, encoding: ContentEncoding) -> Self {
        self.body = body;
        self.content_encoding = encoding;
        self
    }
}

/// An entry that cannot be sent at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It alone is larger than a request, or an entry, may be.
    #[error("the entry takes {bytes} bytes, at most {limit} can be sent")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It cannot be written in the sink's format.
    #[error("{0}")]
    Invalid(String),
}

impl From<InvalidEntry> for EncodeError {
    fn from(error: InvalidEntry) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        let kind = match &error {
            EncodeError::TooLarge { .. } => ErrorKind::TooLarge,
            EncodeError::Invalid(_) => ErrorKind::InvalidEvent,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

impl EncodeError {
    pub(crate) fn reason(&self) -> DeadLetterReason {
        match self {
            Self::TooLarge { .. } => DeadLetterReason::TooLarge,
            Self::Invalid(_) => DeadLetterReason::Unmappable,
        }
    }
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: LogSink + ?Sized> LogSink for $pointer<S> {
            fn limits(&self) -> BatchLimits {
                (**self).limits()
            }

            fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
                (**self).encode(entries)
            }

            fn compress(&self, batch: Batch) -> Batch {
                (**self).compress(batch)
            }

            async fn check(&self) -> Option<Result<()>> {
                (**self).check().await
            }

            fn reconnect(&self) {
                (**self).reconnect();
            }

            fn address(&self) -> String {
                (**self).address()
            }

            async fn send(&self, batch: &Batch) -> Result<()> {
                (**self).send(batch).await
            }

            async fn close(&self) -> Result<()> {
                (**self).close().await
            }
        }
    )*};
}

forward!(Arc Box);
