//! A checkpoint and dead letters in memory, with scripted faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::checkpoint::{Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned};
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::{Error, ErrorKind, Result};

/// A checkpoint in memory. Clones are handles to the same record.
#[derive(Debug, Clone, Default)]
pub struct MemoryCheckpoint(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    stored: Option<Checkpoint>,
    saves: u64,
}

impl MemoryCheckpoint {
    /// The stored record.
    #[must_use]
    pub fn stored(&self) -> Option<Checkpoint> {
        self.record().stored.clone()
    }

    /// How often it was saved.
    #[must_use]
    pub fn saves(&self) -> u64 {
        self.record().saves
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CheckpointStore for MemoryCheckpoint {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        Ok(self.record().versioned())
    }

    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
        self.record().save(checkpoint, None)
    }

    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.record().save(checkpoint, Some(expected))
    }
}

impl Record {
    fn versioned(&self) -> Option<Versioned<Checkpoint>> {
        self.stored.clone().map(|value| Versioned {
            value,
            version: Version::new(self.saves.to_string()),
        })
    }

    fn save(&mut self, checkpoint: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        let found = self.versioned();
        if found.as_ref().map(|found| &found.version) != expected {
            return SaveOutcome::Lost(found);
        }
        self.stored = Some(checkpoint.clone());
        self.saves += 1;
        SaveOutcome::Saved(Version::new(self.saves.to_string()))
    }
}

/// Dead letters in memory. Clones are handles to the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryDeadLetters(Arc<Mutex<Letters>>);

#[derive(Debug, Default)]
struct Letters {
    written: Vec<DeadLetter>,
    fails: bool,
    /// So many writes fail for a while.
    passing_faults: usize,
}

impl MemoryDeadLetters {
    /// The letters so far.
    #[must_use]
    pub fn records(&self) -> Vec<DeadLetter> {
        self.store().written.clone()
    }

    /// Whether writes fail, as on a full disk.
    pub fn set_failing(&self, fails: bool) {
        self.store().fails = fails;
    }

    /// The next `writes` fail in a way that passes.
    pub fn fail_next(&self, writes: usize) {
        self.store().passing_faults = writes;
    }

    fn store(&self) -> MutexGuard<'_, Letters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeadLetters for MemoryDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        let mut store = self.store();
        if store.passing_faults > 0 {
            store.passing_faults -= 1;
            return Err(Error::temporary(
                ErrorKind::Storage,
                "the memory disk is busy",
            ));
        }
        if store.fails {
            return Err(Error::new(ErrorKind::Storage, "the memory disk is full"));
        }
        store.written.extend_from_slice(letters);
        Ok(())
    }
}
