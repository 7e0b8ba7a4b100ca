//! The checkpoint store that the suite of sources hands out.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::task::yield_now;

use crate::checkpoint::{Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned};
use crate::testing::MemoryCheckpoint;
use crate::{Error, ErrorKind, Result};

/// A store in memory whose next save can fail. It yields before and after it saves, so that a save can be cancelled on either side.
#[derive(Debug, Default)]
pub(super) struct ScriptedCheckpoint {
    store: MemoryCheckpoint,
    loads: AtomicUsize,
    next_save: Mutex<Option<SaveFault>>,
    next_load_fails: AtomicBool,
}

/// What happens to a save that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaveFault {
    NotStored,
    StoredAllTheSame,
    /// Stored all the same, and the next load fails too.
    StoredUnread,
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
        let saved = match self.store.load().await.ok().flatten() {
            Some(found) => self.store.replace(record, &found.version).await,
            None => self.store.create(record).await,
        };
        let saved = saved.saved();
        saved.expect("the memory checkpoint saves what expects its version");
    }

    async fn scripted(&self, save: impl Future<Output = SaveOutcome>) -> SaveOutcome {
        yield_now().await;
        let fault = self.fault().take();
        if fault == Some(SaveFault::NotStored) {
            return SaveOutcome::Unknown(failed());
        }
        let saved = save.await;
        let unread = fault == Some(SaveFault::StoredUnread);
        self.next_load_fails.store(unread, Ordering::Relaxed);
        yield_now().await;
        match fault {
            Some(_) => SaveOutcome::Unknown(failed()),
            None => saved,
        }
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
        if self.next_load_fails.swap(false, Ordering::Relaxed) {
            return Err(failed());
        }
        self.store.load().await
    }

    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
        self.scripted(self.store.create(checkpoint)).await
    }

    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.scripted(self.store.replace(checkpoint, expected))
            .await
    }
}

fn failed() -> Error {
    Error::temporary(ErrorKind::Storage, "the disk fails once")
}
