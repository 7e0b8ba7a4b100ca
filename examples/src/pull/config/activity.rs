//! What an org has done since it was opened, told by its events and its checkpoint.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use okta_coralogix_core::Result;
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned,
};
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use tokio::sync::watch;

/// What an org has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Activity {
    /// Okta has answered with a page.
    pub(super) answered: bool,
    /// Its position was saved: Okta and Coralogix both accept it, and so does the disk.
    pub(super) saved: bool,
    /// Okta had nothing new.
    pub(super) idle: bool,
}

impl Activity {
    /// True if the org is no longer down.
    pub(super) fn is_up(&self) -> bool {
        self.saved || self.idle
    }
}

/// Notes the activity of one org from when it is opened to the end of its run.
#[derive(Debug, Clone, Default)]
pub(super) struct ActivityLog(Arc<watch::Sender<Activity>>);

impl ActivityLog {
    pub(super) fn now(&self) -> Activity {
        *self.0.borrow()
    }

    /// Sees each change. Closed when the org has ended.
    pub(super) fn changes(&self) -> watch::Receiver<Activity> {
        self.0.subscribe()
    }

    fn note(&self, happened: impl FnOnce(&mut Activity)) {
        self.0.send_if_modified(|activity| {
            let before = *activity;
            happened(activity);
            // Most events change nothing.
            before != *activity
        });
    }
}

/// The observer of a source: notes its polls.
#[derive(Debug)]
pub(super) struct ObservedPolls(pub(super) ActivityLog);

impl Observer for ObservedPolls {
    fn observe(&self, _context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let PipelineEvent::Polled { items, .. } = event {
            self.0.note(|activity| {
                activity.answered = true;
                activity.idle |= *items == 0;
            });
        }
    }
}

/// A checkpoint that notes when another position is saved.
#[derive(Debug)]
pub(super) struct ObservedCheckpoint<S> {
    log: ActivityLog,
    store: S,
    /// The stored position. A save that leaves it as it is tells nothing of Coralogix, nor does the first record of all.
    cursor: Mutex<Option<String>>,
}

impl<S> ObservedCheckpoint<S> {
    pub(super) fn new(log: ActivityLog, store: S) -> Self {
        Self {
            log,
            store,
            cursor: Mutex::default(),
        }
    }

    fn noted(&self, checkpoint: &Checkpoint, outcome: SaveOutcome) -> SaveOutcome {
        if matches!(outcome, SaveOutcome::Saved(_)) {
            let before = self.remember(Some(&checkpoint.cursor));
            if before.is_some_and(|before| before != checkpoint.cursor) {
                self.log.note(|activity| activity.saved = true);
            }
        }
        outcome
    }

    /// Remembers the stored position; returns the one before.
    fn remember(&self, cursor: Option<&str>) -> Option<String> {
        // Nothing that runs under this lock panics.
        let mut known = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, cursor.map(str::to_owned))
    }
}

#[async_trait]
impl<S: CheckpointStore> CheckpointStore for ObservedCheckpoint<S> {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        let found = self.store.load().await?;
        self.remember(found.as_ref().map(|found| &*found.value.cursor));
        Ok(found)
    }

    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
        self.noted(checkpoint, self.store.create(checkpoint).await)
    }

    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.noted(checkpoint, self.store.replace(checkpoint, expected).await)
    }

    fn location(&self) -> Option<String> {
        self.store.location()
    }
}
