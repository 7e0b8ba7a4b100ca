//! Checkpoint stores that break one rule each do not pass.

use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned,
};
use okta_coralogix_core::testing::{MemoryCheckpoint, conformance};
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::task::yield_now;

use super::violates;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// Loads the version, compares it, and then writes.
    CheckThenWrite,
    /// So does this one, without giving way to another save of its thread.
    BlockingCheckThenWrite,
    /// So does this one, under a lock that each handle has for itself.
    LockOfTheHandle,
    /// Writes whatever is expected.
    Unconditional,
    StaleIsUnknown,
    StaleIsStored,
    LostWithoutRecord,
    OneVersion,
    /// As the ETag of some object stores is.
    VersionIsDigest,
    NotDurable,
    /// A new handle loads what was acknowledged only once the next record is.
    WriteBehind,
}

/// What the handles share.
#[derive(Debug, Default)]
struct Shared {
    memory: MemoryCheckpoint,
    alone: tokio::sync::Mutex<()>,
    /// How many saves are between their look and their write.
    inside: Mutex<usize>,
    entered: Condvar,
    /// What was loaded before the last save, and the number of saves.
    before: Mutex<(Option<Versioned<Checkpoint>>, u64)>,
}

#[derive(Debug)]
struct Broken {
    shared: Arc<Shared>,
    flaw: Flaw,
    lock: tokio::sync::Mutex<()>,
    /// The number of saves when it was opened.
    opened: u64,
}

impl Broken {
    fn open(shared: &Arc<Shared>, flaw: Flaw) -> Self {
        Self {
            shared: Arc::clone(shared),
            flaw,
            lock: tokio::sync::Mutex::default(),
            opened: shared.memory.saves(),
        }
    }

    async fn found(&self) -> Option<Versioned<Checkpoint>> {
        let mut found = self.shared.memory.load().await.unwrap()?;
        match self.flaw {
            Flaw::OneVersion => found.version = Version::new("1"),
            Flaw::VersionIsDigest => found.version = Version::new(&*found.value.cursor),
            _ => {}
        }
        Some(found)
    }

    async fn store(&self, record: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        match expected {
            Some(expected) => self.shared.memory.replace(record, expected).await,
            None => self.shared.memory.create(record).await,
        }
    }

    async fn overwrite(&self, record: &Checkpoint) -> SaveOutcome {
        let current = self.shared.memory.load().await.unwrap();
        let current = current.map(|found| found.version);
        self.store(record, current.as_ref()).await
    }

    /// Until another save has looked too, or for as long as a slow disk may take.
    fn block(&self) {
        let mut inside = self.shared.inside.lock().unwrap();
        *inside += 1;
        self.shared.entered.notify_all();
        let entered = &self.shared.entered;
        let alone = Duration::from_millis(300);
        drop(entered.wait_timeout_while(inside, alone, |inside| *inside < 2));
    }

    async fn look_and_write(
        &self,
        record: &Checkpoint,
        expected: Option<&Version>,
        between: impl Future<Output = ()>,
    ) -> SaveOutcome {
        let found = self.found().await;
        if found.as_ref().map(|found| &found.version) != expected {
            return SaveOutcome::Lost(found);
        }
        between.await;
        let stored = self.overwrite(record).await;
        match (stored, self.found().await) {
            (SaveOutcome::Saved(_), Some(found)) => SaveOutcome::Saved(found.version),
            (stored, _) => stored,
        }
    }

    async fn save(&self, record: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        match self.flaw {
            Flaw::CheckThenWrite => self.look_and_write(record, expected, yield_now()).await,
            Flaw::BlockingCheckThenWrite => {
                let block = async { self.block() };
                self.look_and_write(record, expected, block).await
            }
            Flaw::LockOfTheHandle => {
                let _alone = self.lock.lock().await;
                let block = async { self.block() };
                self.look_and_write(record, expected, block).await
            }
            Flaw::Unconditional => self.overwrite(record).await,
            Flaw::OneVersion | Flaw::VersionIsDigest => {
                let _alone = self.shared.alone.lock().await;
                self.look_and_write(record, expected, async {}).await
            }
            Flaw::StaleIsUnknown => match self.store(record, expected).await {
                SaveOutcome::Lost(_) => {
                    let error = Error::temporary(ErrorKind::RemoteStorage, "409");
                    SaveOutcome::Unknown(error)
                }
                saved => saved,
            },
            Flaw::StaleIsStored => match self.store(record, expected).await {
                lost @ SaveOutcome::Lost(_) => {
                    let _overwritten = self.overwrite(record).await;
                    lost
                }
                saved => saved,
            },
            Flaw::LostWithoutRecord => match self.store(record, expected).await {
                SaveOutcome::Lost(_) => SaveOutcome::Lost(None),
                saved => saved,
            },
            Flaw::WriteBehind => {
                let before = self.found().await;
                let saved = self.store(record, expected).await;
                if matches!(saved, SaveOutcome::Saved(_)) {
                    *self.shared.before.lock().unwrap() = (before, self.shared.memory.saves());
                }
                saved
            }
            Flaw::NotDurable => self.store(record, expected).await,
        }
    }
}

#[async_trait]
impl CheckpointStore for Broken {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        let (before, saves) = self.shared.before.lock().unwrap().clone();
        match self.flaw {
            Flaw::WriteBehind if self.opened == saves => Ok(before),
            _ => Ok(self.found().await),
        }
    }

    async fn create(&self, record: &Checkpoint) -> SaveOutcome {
        self.save(record, None).await
    }

    async fn replace(&self, record: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.save(record, Some(expected)).await
    }
}

#[tokio::test]
async fn broken_checkpoint_store_fails_with_the_rule_that_it_breaks() {
    for (flaw, number) in [
        (Flaw::CheckThenWrite, 3),
        (Flaw::BlockingCheckThenWrite, 3),
        (Flaw::LockOfTheHandle, 3),
        (Flaw::Unconditional, 3),
        (Flaw::StaleIsUnknown, 3),
        (Flaw::StaleIsStored, 3),
        (Flaw::LostWithoutRecord, 2),
        (Flaw::OneVersion, 4),
        (Flaw::VersionIsDigest, 4),
        (Flaw::NotDurable, 1),
        (Flaw::WriteBehind, 1),
    ] {
        let shared = Arc::new(Shared::default());
        let while_open = Mutex::new(Weak::new());
        let open = || {
            let mut while_open = while_open.lock().unwrap();
            let shared = match flaw {
                Flaw::NotDurable => while_open.upgrade().unwrap_or_default(),
                _ => Arc::clone(&shared),
            };
            *while_open = Arc::downgrade(&shared);
            let store = Broken::open(&shared, flaw);
            async move { Ok(store) }
        };
        let suite = conformance::checkpoint_store(open);
        violates("CheckpointStore", number, suite, &format!("{flaw:?}")).await;
    }
}
