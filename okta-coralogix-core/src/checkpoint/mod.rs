//! Where a source's position is kept.

mod file;
mod record;

pub use file::FileCheckpoint;

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
    /// What the position belongs to: the source's kind, org and query. A record of something else is never used.
    pub owner: String,
    /// The position, as the source writes it.
    pub cursor: String,
    /// The latest `published` that was settled, in ms since 1970, for the fallback when the far side forgets the cursor.
    pub published_ms: Option<i64>,
    /// The uuids of recently settled events.
    #[serde(rename = "seen")]
    pub dedup: DedupSnapshot,
}

impl Checkpoint {
    /// A record.
    #[must_use]
    pub fn new(owner: impl Into<String>, cursor: impl Into<String>, dedup: DedupSnapshot) -> Self {
        Self {
            owner: owner.into(),
            cursor: cursor.into(),
            published_ms: None,
            dedup,
        }
    }
}

/// The version of a stored record, as its store counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// A record and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The record.
    pub value: T,
    /// The version that a following save expects.
    pub version: Version,
}

/// A place for one checkpoint. Implemented by stores, called by sources.
///
/// # Implementing
/// 1. A save is atomic and durable: when it returns the new record is there, and before that the old one, never half.
/// 2. A save that expects another version than the stored one fails with `Conflict` and changes nothing.
/// 3. A record that cannot be read is an error (`Corrupt`), never `None`.
///
/// The conformance suite in `testing` checks these.
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
    /// `Conflict` if somebody else has written since, `Storage` if the disk fails.
    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> Result<Version>;
}

#[async_trait]
impl<S: CheckpointStore + ?Sized> CheckpointStore for Arc<S> {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        (**self).load().await
    }

    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> Result<Version> {
        (**self).save(checkpoint, expected).await
    }
}
