//! Where entries go.

mod compress;
mod concurrency;
mod learned_limits;
mod ndjson;
mod request;
mod sender;
mod transfer;

pub use ndjson::NdjsonSink;
pub use sender::{EntrySender, EntrySenderBuilder, SendError, SendOutcome};

pub(crate) use learned_limits::LearnedLimits;
pub(crate) use request::{Encoded, Item, Request};
pub(crate) use transfer::{AgeCheck, DeliveryHooks, Endpoint, Transfer};

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::dead_letter::DeadLetterReason;
use crate::{LogEntry, Result};

/// A sink of log entries, in steps, so that a retry re-sends the very same bytes. Implemented by adapters, called
/// by the [`Pipeline`](crate::Pipeline), which retries, splits what is too large or refused, and dead-letters.
///
/// # Implementing
/// 1. [`encode`](Self::encode) takes a non-empty prefix of the entries, or says why the first one cannot be sent at all.
/// 2. [`send`](Self::send) makes one attempt. It returns `Ok` only if the far side accepted the batch, apart from the
///    entries it names in [`Sent::rejected`].
/// 3. Its errors tell by [`ErrorKind`](crate::ErrorKind) what to do: `TooLarge` and `Rejected` mean that *none* of the batch was taken and that a
///    smaller one may be; temporary ones are retried with the same batch; every other permanent one stops the pipeline
///    and consumes nothing.
///
/// The conformance suite in `testing` checks these.
#[async_trait]
pub trait LogSink: Debug + Send + Sync + 'static {
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

    /// Compresses the body of a batch, if the sink does that. A step of its own since it may take milliseconds, which a
    /// thread that many tasks share must not be kept for: the pipeline runs it elsewhere if the body is large. A batch that was not
    /// compressed can be sent too.
    fn compress(&self, batch: Batch) -> Batch {
        batch
    }

    /// Sends one batch, once.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the far side took the batch.
    ///
    /// # Errors
    /// As said above, by kind.
    async fn send(&self, batch: &Batch) -> Result<()>;
}

/// The most that fits into one request of a sink. The pipeline gathers up to here before it calls `encode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Entries.
    pub entries: usize,
    /// Bytes before compression.
    pub bytes: usize,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Coding {
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
    /// How they are compressed.
    pub coding: Coding,
    /// Bytes before compression.
    pub uncompressed_len: usize,
    /// The oldest timestamp in it: how late the far side would be to take it.
    pub oldest: Option<DateTime<Utc>>,
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
            coding: Coding::Identity,
            oldest: entries.iter().filter_map(|entry| entry.timestamp).min(),
            truncated: 0,
        }
    }

    /// Replaces the body by a compressed one.
    #[must_use]
    pub fn compressed(mut self, body: Bytes, coding: Coding) -> Self {
        self.body = body;
        self.coding = coding;
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
        /// Bytes of it.
        bytes: usize,
        /// The most bytes.
        limit: usize,
    },
    /// It cannot be written in the sink's format.
    #[error("{0}")]
    Invalid(String),
}

impl EncodeError {
    pub(crate) fn reason(&self) -> DeadLetterReason {
        match self {
            Self::TooLarge { .. } => DeadLetterReason::TooLarge,
            Self::Invalid(_) => DeadLetterReason::Unmappable,
        }
    }
}

#[async_trait]
impl<S: LogSink + ?Sized> LogSink for Arc<S> {
    fn limits(&self) -> BatchLimits {
        (**self).limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        (**self).encode(entries)
    }

    fn compress(&self, batch: Batch) -> Batch {
        (**self).compress(batch)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        (**self).send(batch).await
    }
}
