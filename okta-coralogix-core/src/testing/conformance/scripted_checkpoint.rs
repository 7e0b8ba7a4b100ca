//! The checkpoint store that the suite of sources hands out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::task::yield_now;

use crate::checkpoint::{Checkpoint, CheckpointStore, Version, Versioned};
use crate::testing::MemoryCheckpoint;
use crate::{Error, ErrorKind, Result};

/// A store in memory whose next save can fail. It yields before and after it saves, so that a save can be cancelled on either side.
#[derive(Debug, Default)]
pub(super) struct ScriptedCheckpoint {
    store: MemoryCheckpoint,
    loads: AtomicUsize,
    next_save: Mutex<Option<SaveFault>>,
}

/// What happens to a save that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaveFault {
    NotStored,
    StoredAllTheSame,
}

impl ScriptedCheckpoint {
    pub(super) fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }

    pub(super) fn fail_next(&self, fault: SaveFault) {
        *self.fault() = Some(fault);
    }

    pub(super) fn stored(&self) -> Option<Checkpoint> {
        self.store.stored()
    }

    /// Another process saves a record.
    pub(super) async fn overwrite(&self, record: &Checkpoint) {
        let found = self.store.load().await.ok().flatten();
        let version = found.map(|found| found.version);
        let saved = self.store.save(record, version.as_ref()).await;
        saved.expect("the memory checkpoint saves what expects its version");
    }

    fn fault(&self) -> std::sync::MutexGuard<'_, Option<SaveFault>> {
        self.next_save
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CheckpointStore for ScriptedCheckpoint {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.store.load().await
    }

    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> Result<Version> {
        yield_now().await;
        let fault = self.fault().take();
        if fault == Some(SaveFault::NotStored) {
            return Err(failed());
        }
        let version = self.store.save(checkpoint, expected).await?;
        yield_now().await;
        match fault {
            Some(_) => Err(failed()),
            None => Ok(version),
        }
    }
}

fn failed() -> Error {
    Error::temporary(ErrorKind::Storage, "the disk fails once")
}
