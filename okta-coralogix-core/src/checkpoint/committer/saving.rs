//! Saving a record, and finding out what has become of it.

use std::sync::Arc;

use super::pages::PendingSave;
use super::{Committer, ResumePoint};
use crate::checkpoint::{Checkpoint, SaveOutcome, Version, changed_elsewhere};
use crate::{Error, Result};

/// The record in the store, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) version: Option<Version>,
    pub(super) point: Option<ResumePoint>,
    /// The cursor of the last record that this process has saved.
    pub(super) saved: Option<String>,
    /// The revision of the window in the record.
    pub(super) revision: u64,
    /// Another process has written the record. It stays so.
    pub(super) is_lost: bool,
}

impl Stored {
    /// The cursor of the committed point; where there is none, `start`.
    pub(super) fn cursor_or(&self, start: Option<String>) -> Option<String> {
        let point = self.point.as_ref();
        point.map(|point| point.cursor.clone()).or(start)
    }
}

impl Committer {
    pub(super) async fn save_again(&self, stored: &mut Stored, cursor: String) -> Result<()> {
        let point = stored.point.clone();
        self.save(stored, cursor, point).await
    }

    /// Saves a record with the window as it is now.
    pub(super) async fn save(
        &self,
        stored: &mut Stored,
        cursor: String,
        point: Option<ResumePoint>,
    ) -> Result<()> {
        let revision = self.0.dedup.revision();
        let mut record = Checkpoint::new(self.identity(), cursor, self.0.dedup.snapshot());
        record.published_ms = point.as_ref().and_then(|point| point.published_ms);
        let pending = Arc::new(PendingSave {
            record,
            point,
            revision,
        });
        self.pages().pending_save = Some(Arc::clone(&pending));
        let saved = match &stored.version {
            Some(expected) => self.0.store.replace(&pending.record, expected).await,
            None => self.0.store.create(&pending.record).await,
        };
        match saved {
            SaveOutcome::Saved(version) => {
                self.saved(stored, &pending, version);
                Ok(())
            }
            SaveOutcome::Lost(_) => Err(self.lost(stored)),
            SaveOutcome::Unknown(error) => match self.is_stored(stored, &pending).await {
                Ok(true) => Ok(()),
                // If it cannot be read either, the first error tells more. The save stays pending.
                Ok(false) => Err(error),
                Err(lost) if stored.is_lost => Err(lost),
                Err(_) => Err(error),
            },
        }
    }

    /// Finds out what a save has left whose end is not known, before anything else is saved. Fails if another process has written.
    pub(super) async fn resolve(&self, stored: &mut Stored) -> Result<()> {
        if stored.is_lost {
            return Err(self.lost(stored));
        }
        let pending = self.pages().pending_save.clone();
        if let Some(pending) = pending {
            self.is_stored(stored, &pending).await?;
        }
        Ok(())
    }

    /// Reads the store: true if it has the record that was to be saved, false if still the one of before.
    async fn is_stored(&self, stored: &mut Stored, pending: &PendingSave) -> Result<bool> {
        let found = self.0.store.load().await?;
        if found.as_ref().map(|found| &found.version) == stored.version.as_ref() {
            self.pages().pending_save = None;
            return Ok(false);
        }
        match found {
            Some(found) if found.value == pending.record => {
                self.saved(stored, pending, found.version);
                Ok(true)
            }
            _ => Err(self.lost(stored)),
        }
    }

    /// Notes that the record of a save is stored.
    fn saved(&self, stored: &mut Stored, save: &PendingSave, version: Version) {
        *stored = Stored {
            version: Some(version),
            point: save.point.clone(),
            saved: Some(save.record.cursor.clone()),
            revision: save.revision,
            is_lost: false,
        };
        let mut pages = self.pages();
        pages.published_ms = save.record.published_ms;
        pages.pending_save = None;
    }

    /// Notes that another process has written the record: a save of this one would undo what that one has settled.
    fn lost(&self, stored: &mut Stored) -> Error {
        stored.is_lost = true;
        changed_elsewhere(self.0.store.location())
    }
}
