//! The position of a source, and the stores that keep it.

mod committer;
#[cfg(feature = "fs")]
mod file;
mod paged_source;
#[cfg(feature = "fs")]
mod record;
#[cfg(feature = "fs")]
mod record_v1;
#[cfg(feature = "fs")]
pub mod shared;
mod stored_window;

pub use committer::{Committer, ResumePoint};
#[cfg(feature = "fs")]
pub use file::FileCheckpoint;
pub use paged_source::{Page, PagedSource, Pages};
pub use stored_window::StoredWindow;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::filter::DedupSnapshot;
use crate::{Error, ErrorKind, Result};

/// The position of a cumulative source and the window of recent uuids: one record, written as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Checkpoint {
    /// What the position belongs to: the source's kind, org and query. A source uses no record of another identity.
    #[serde(rename = "owner")]
    pub identity: String,
    /// The position, as the source writes it.
    pub cursor: String,
    /// The latest `published` that was settled, in ms since 1970, to read on from where the remote refuses the cursor.
    pub published_ms: Option<i64>,
    /// The uuids of recently settled events.
    #[serde(rename = "seen")]
    pub dedup: DedupSnapshot,
}

impl Checkpoint {
    /// A record without a `published_ms`.
    #[must_use]
    pub fn new(
        identity: impl Into<String>,
        cursor: impl Into<String>,
        dedup: DedupSnapshot,
    ) -> Self {
        Self {
            identity: identity.into(),
            cursor: cursor.into(),
            published_ms: None,
            dedup,
        }
    }
}

/// The version of a stored record or object. Only its store knows what it means; others compare it, and give it back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// In the store's own form.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// What the store made it of.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A record and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Versioned<T> {
    /// The stored value.
    pub value: T,
    /// The version that a following save expects.
    pub version: Version,
}

impl<T> Versioned<T> {
    /// What is stored under this version.
    #[must_use]
    pub fn new(value: T, version: Version) -> Self {
        Self { value, version }
    }
}

/// What is known of a save. There is nothing else that it can come to.
#[derive(Debug, Clone)]
#[must_use = "a save may be lost, or its end not known"]
pub enum SaveOutcome {
    /// The record is stored, and has this version.
    Saved(Version),
    /// Nothing was changed: another record is stored than was expected, or (`None`) none where one was.
    Lost(Option<Versioned<Checkpoint>>),
    /// The record may be stored, by now or later: the disk, the remote or the connection to it failed. [`CheckpointStore::load`] tells.
    Unknown(Error),
}

impl SaveOutcome {
    /// For a caller that does not go on after anything else: the version.
    ///
    /// # Errors
    /// `Conflict` for a save that was lost; the error of one that may have been stored.
    pub fn saved(self) -> Result<Version> {
        match self {
            Self::Saved(version) => Ok(version),
            Self::Lost(_) => Err(changed_elsewhere(None)),
            Self::Unknown(error) => Err(error),
        }
    }
}

fn changed_elsewhere(location: Option<String>) -> Error {
    let at = location.map_or_else(String::new, |location| format!(" {location}"));
    let detail =
        format!("another process changed the checkpoint{at}: let only one process read with it");
    Error::new(ErrorKind::Conflict, detail)
}

/// A place for one checkpoint. Implemented by stores, called by sources.
///
/// A save says which version it replaces, always: there is none that overwrites whatever is there.
///
/// # Implementing
/// 1. **A save is atomic and durable.** After `Saved` each handle loads the new record, also one that is opened only then and also
///    after a power cut; until then the old one, never half of one.
/// 2. **A save that expects another version is lost.** It changes nothing, and its answer is what is stored. To `create` expects that
///    nothing is.
/// 3. **Of concurrent saves that expect the same version one succeeds.** Also of those that create, and whatever thread, handle or
///    process they come from. To read the version and to replace the record are one step: a condition of the write
///    (`WHERE version = …`, `If-Match`, `If-None-Match: *`), or under a lock that each handle takes. To look first and write then
///    lets both win.
/// 4. **Each save has a version of its own.** Also one of an equal record: an ETag that is a digest of the bytes comes again, so that
///    a nonce or a counter has to be among the bytes.
/// 5. **A save that may have been stored is `Unknown`.** No error of a write is evidence of anything: a time-out, a lost connection or
///    a 5xx may follow a write that was done, and if a client repeats it by itself, its own first attempt makes it look `Lost`. A
///    store over a network finds out by a nonce in what it stores: if it reads its own back, the record is saved; if it still reads the
///    expected version, it may try again, as long as the caller waits; if it cannot read, the end is not known.
/// 6. **A record that cannot be read is an error.** `Corrupt`, never `None`.
///
/// The suite `conformance::checkpoint_store` in `testing` checks the first four.
#[async_trait]
pub trait CheckpointStore: Send + Sync + 'static {
    /// The stored record; `None` if there is none.
    ///
    /// # Errors
    /// `Storage` if it cannot be read, `Corrupt` if it is torn or foreign.
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>>;

    /// Stores the first record.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no record or the new one.
    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome;

    /// Replaces the record of version `expected`.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the old or the new record.
    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome;

    /// Where it is, for messages: a file, or an address without a credential.
    fn location(&self) -> Option<String> {
        None
    }
}

debug_by_name!(CheckpointStore);

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<S: CheckpointStore + ?Sized> CheckpointStore for $pointer<S> {
            async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
                (**self).load().await
            }

            async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
                (**self).create(checkpoint).await
            }

            async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
                (**self).replace(checkpoint, expected).await
            }

            fn location(&self) -> Option<String> {
                (**self).location()
            }
        }
    )*};
}

forward!(Arc Box);
