//! Dead letters: events that cannot be delivered, kept with their bytes.

#[cfg(feature = "fs")]
mod file;
#[cfg(feature = "fs")]
mod names;
#[cfg(feature = "fs")]
mod reading;
#[cfg(feature = "fs")]
mod record;
#[cfg(feature = "fs")]
mod replay;
#[cfg(feature = "fs")]
mod stored;
mod target;

#[cfg(feature = "fs")]
pub use file::{FileDeadLetters, FileDeadLettersBuilder};
#[cfg(feature = "fs")]
pub use record::DeadLetterRecord;
#[cfg(feature = "fs")]
pub use replay::{DeadLetterSource, LetterCounts};
#[cfg(feature = "fs")]
pub use stored::{ObjectDeadLetters, StoredLetterSource};
pub use target::DeadLetterTarget;

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::event::Origin;
use crate::{Error, ErrorKind, Result};

/// Why an event was dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// It could not be read as an event.
    Malformed,
    /// It is too old and the age policy says to keep such events.
    TooOld,
    /// The mapping could not make an entry of it.
    Unmappable,
    /// Its entry alone is larger than a request may be.
    TooLarge,
    /// The sink's remote rejected it permanently.
    Rejected,
    /// Requests with it failed each time, while others were accepted: something refuses it, or the remote fails at it.
    Blocked,
}

impl DeadLetterReason {
    /// Its name, in stored letters, metric labels and logs: it stays as it is.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooOld => "too_old",
            Self::Unmappable => "unmappable",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::Blocked => "blocked",
        }
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One event that cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// When it was dead-lettered.
    pub time: DateTime<Utc>,
    /// The kind of failure.
    pub reason: DeadLetterReason,
    /// The reason in words: what is wrong with the bytes, or the answer of the remote.
    pub detail: String,
    /// Where the event came from.
    pub origin: Arc<Origin>,
    /// The event's bytes as they came. They need not be UTF-8.
    pub bytes: Bytes,
    /// True if the answer to a request with it was lost, so that it may have arrived all the same.
    pub may_have_arrived: bool,
    /// Where it belongs; `None`: not known.
    pub target: Option<DeadLetterTarget>,
}

impl DeadLetter {
    /// The first fields, in their order.
    #[must_use]
    pub fn new(
        time: DateTime<Utc>,
        reason: DeadLetterReason,
        detail: impl Into<String>,
        origin: Arc<Origin>,
        bytes: Bytes,
    ) -> Self {
        Self {
            time,
            reason,
            detail: detail.into(),
            origin,
            bytes,
            may_have_arrived: false,
            target: None,
        }
    }
}

/// Keeps dead letters. Implemented by stores, called by the pipeline before it settles the events.
///
/// # Implementing
/// 1. **The letters are durable when `write` returns.** The pipeline settles their events after that, and nobody gives them again.
/// 2. **A letter is kept as it is.** All fields, and the bytes also where they are no UTF-8, no line, or empty.
///    [`DeadLetterRecord`] writes a letter as JSON.
/// 3. **A write that fails is an error.** Never `Ok`.
/// 4. **After an error the letters are written again.** None, some or all of them may be in the store by then; the letters of
///    before are.
/// 5. **Letters may be written at the same time.** By several pipelines: each letter is kept once, and whole.
///
/// The suite `conformance::dead_letters` in `testing` checks these.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// Keeps all of `letters`, which are not empty.
    ///
    /// # Errors
    /// `Storage`: ends the pipeline rather than lose an event.
    async fn write(&self, letters: &[DeadLetter]) -> Result<()>;

    /// Where they are kept, for messages: the path of a file. Default: empty, it is not said.
    fn location(&self) -> String {
        String::new()
    }
}

debug_by_name!(DeadLetters);

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<D: DeadLetters + ?Sized> DeadLetters for $pointer<D> {
            async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
                (**self).write(letters).await
            }

            fn location(&self) -> String {
                (**self).location()
            }
        }
    )*};
}

forward!(Arc Box);

/// The default of a pipeline: the first event to be dead-lettered ends the run with an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDeadLetters;

#[async_trait]
impl DeadLetters for NoDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        let first = letters.first().map_or("", |letter| &letter.detail);
        Err(Error::new(
            ErrorKind::NoDeadLetters,
            format!(
                "an event has to be dead-lettered ({first}) and no dead letters are configured"
            ),
        ))
    }
}
