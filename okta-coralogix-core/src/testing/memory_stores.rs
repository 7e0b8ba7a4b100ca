//! A checkpoint and dead letters in memory, with scripted faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::checkpoint::{Checkpoint, CheckpointStore, Version, Versioned};
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
        let record = self.record();
        Ok(record.stored.clone().map(|value| Versioned {
            value,
            version: Version(record.saves.to_string()),
        }))
    }

    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> Result<Version> {
        let mut record = self.record();
        let current = record
            .stored
            .as_ref()
            .map(|_| Version(record.saves.to_string()));
        if current.as_ref() != expected {
            return Err(Error::new(
                ErrorKind::Conflict,
                "somebody else has written the checkpoint",
            ));
        }
        record.stored = Some(checkpoint.clone());
        record.saves += 1;
        Ok(Version(record.saves.to_string()))
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
