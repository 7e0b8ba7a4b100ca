//! The position of a source, and the stores that keep it.

mod committer;
#[cfg(feature = "fs")]
mod file;
mod paged_source;
#[cfg(feature = "fs")]
mod record;
#[cfg(feature = "fs")]
mod record_v1;

pub use committer::{Committer, ResumePoint};
#[cfg(feature = "fs")]
pub use file::FileCheckpoint;
pub use paged_source::{Page, PagedSource, Pages};

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::filter::DedupSnapshot;

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

/// The version of a stored record, in its store's own form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// A record and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The stored value.
    pub value: T,
    /// The version that a following save expects.
    pub version: Version,
}

/// A place for one checkpoint. Implemented by stores, called by sources.
///
/// # Implementing
/// 1. **A save is atomic and durable.** The new record is stored when it returns, and the old one until then, never half of one.
/// 2. **A save that expects another version fails with `Conflict`.** Than the stored one; it changes nothing.
/// 3. **Of concurrent saves that expect the same version one succeeds.** To read the version and to replace the record are one
///    step: a condition of the write (`WHERE version = …`, `If-Match`), or under a lock. To look first and write then lets both
///    win.
/// 4. **A record that cannot be read is an error.** `Corrupt`, never `None`.
///
/// The suite `conformance::checkpoint_store` in `testing` checks all of these but the fourth.
#[async_trait]
pub trait CheckpointStore: Debug + Send + Sync + 'static {
    /// The stored record; `None` if there has never been one.
    ///
    /// # Errors
    /// `Storage` if it cannot be read, `Corrupt` if it is torn or foreign.
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>>;

    /// Replaces the record of version `expected` (`None`: there must be none yet).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the old or the new record.
    ///
    /// # Errors
    /// `Conflict` if the stored record has another version, `Storage` if the disk fails.
    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> Result<Version>;
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<S: CheckpointStore + ?Sized> CheckpointStore for $pointer<S> {
            async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
                (**self).load().await
            }

            async fn save(
                &self,
                checkpoint: &Checkpoint,
                expected: Option<&Version>,
            ) -> Result<Version> {
                (**self).save(checkpoint, expected).await
            }
        }
    )*};
}

forward!(Arc Box);
