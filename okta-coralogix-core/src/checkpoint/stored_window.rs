//! A deduplication window that outlives its process.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{Checkpoint, CheckpointStore, SaveOutcome, Version, changed_elsewhere};
use crate::filter::DedupWindow;
use crate::filter::dedup::retention::{Gap, RetainedTimes};
use crate::text::quote;
use crate::{Clock, Error, ErrorKind, Result};

/// So long before the last save of a process that was killed events may have been published that were delivered after it.
const GAP_SLACK_MS: i64 = 60_000;

/// A [`DedupWindow`] of several pipelines, kept in a store of its own: for sources without a position, whose remotes repeat what they
/// sent to an earlier process, and for a [`HealingSource`](crate::HealingSource) beside one.
///
/// The caller saves it every so often ([`save`](Self::save)) and at the end ([`close`](Self::close)), after the last pipeline with the
/// window has ended. Memory for a save: 32 bytes an identity, beside the window.
///
/// # What a crash leaves
/// The store has the identities up to the last save. Those that were remembered later are not known to the next process: an event of
/// them that comes again is delivered twice. So the time from a minute before that save until the next start is a *gap*, which the
/// window does not [cover](DedupWindow::covers). An orderly end leaves none. The gap is of the times at which events were published: one of
/// before it that was delivered late, after the last save, looks as if it was never delivered.
#[derive(Debug)]
pub struct StoredWindow {
    store: Arc<dyn CheckpointStore>,
    identity: String,
    window: DedupWindow,
    clock: Arc<dyn Clock>,
    /// Held over a save, so that saves follow each other.
    stored: Mutex<Stored>,
    is_new: bool,
}

/// The record in the store, as far as this process knows.
#[derive(Debug, Default)]
struct Stored {
    version: Option<Version>,
    /// What the record says.
    saved: Option<Saved>,
    /// What a save whose end is not known would have stored.
    pending: Option<Saved>,
}

/// What a record says beside the identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    saved_ms: i64,
    /// Nothing was remembered later.
    closed: bool,
    /// How often something was remembered in this process.
    revision: u64,
    times: RetainedTimes,
}

impl StoredWindow {
    /// Restores the window from the store, and shows that it can be written. The window remembers an identity for `retention`, and
    /// up to `capacity` of them, as [`DedupWindow::retaining`] says. `identity` names what it belongs to.
    ///
    /// # Errors
    /// `Corrupt` if the record is of another identity, or no window; those of [`CheckpointStore`].
    pub async fn open(
        store: Arc<dyn CheckpointStore>,
        identity: impl Into<String>,
        retention: Duration,
        capacity: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let identity = identity.into();
        let found = store.load().await?;
        let is_new = found.is_none();
        let (mut window, mut stored) = (None, Stored::default());
        if let Some(found) = found {
            let record = found.value;
            let (saved, mut times) = read(&record, &identity)?;
            let now_ms = clock.now().timestamp_millis();
            if !saved.closed {
                let keep_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
                let gap = Gap {
                    from_ms: saved.saved_ms.saturating_sub(GAP_SLACK_MS),
                    until_ms: now_ms,
                };
                times.add_gap(gap, now_ms.saturating_sub(keep_ms));
            }
            let clock = Arc::clone(&clock);
            let restored =
                DedupWindow::restore_retaining(&record.dedup, &times, retention, capacity, clock);
            window = Some(restored);
            stored.version = Some(found.version);
        }
        let window = window
            .unwrap_or_else(|| DedupWindow::retaining(retention, capacity, Arc::clone(&clock)));
        let opened = Self {
            store,
            identity,
            window,
            clock,
            stored: Mutex::new(stored),
            is_new,
        };
        // From now on the record says that it is in use: what a crash leaves must not look like an orderly end.
        opened.write(false).await?;
        Ok(opened)
    }

    /// True if a window is stored, which [`open`](Self::open) would restore; false: nothing is. Writes nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn check(store: &dyn CheckpointStore, identity: &str) -> Result<bool> {
        match store.load().await? {
            Some(found) => read(&found.value, identity).map(|_| true),
            None => Ok(false),
        }
    }

    /// The window, for the pipelines.
    #[must_use]
    pub fn window(&self) -> &DedupWindow {
        &self.window
    }

    /// True if nothing was stored before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// When it was last saved; `None` while the end of the first save is not known.
    pub async fn saved_at(&self) -> Option<DateTime<Utc>> {
        let stored = self.stored.lock().await;
        DateTime::from_timestamp_millis(stored.saved.as_ref()?.saved_ms)
    }

    /// Saves what is remembered now, unless that is stored already.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the old or the new record.
    ///
    /// # Errors
    /// Those of [`CheckpointStore`]; `Conflict` if another process has written the record.
    pub async fn save(&self) -> Result<()> {
        self.write(false).await
    }

    /// As [`save`](Self::save), for the last time: no pipeline remembers anything in the window after this.
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self) -> Result<()> {
        self.write(true).await
    }

    async fn write(&self, closed: bool) -> Result<()> {
        let mut stored = self.stored.lock().await;
        self.resolve(&mut stored).await?;
        let (dedup, times, revision) = self.window.snapshot_with_times();
        let is_stored = |saved: &Saved| saved.revision == revision && saved.closed == closed;
        if stored.saved.as_ref().is_some_and(is_stored) {
            return Ok(());
        }
        let saving = Saved {
            saved_ms: self.clock.now().timestamp_millis(),
            closed,
            revision,
            times,
        };
        let cursor = serde_json::to_string(&saving).map_err(|error| {
            Error::new(ErrorKind::Storage, "the window cannot be written").with_source(error)
        })?;
        let record = Checkpoint::new(&self.identity, cursor, dedup);
        stored.pending = Some(saving);
        let outcome = match &stored.version {
            Some(expected) => self.store.replace(&record, expected).await,
            None => self.store.create(&record).await,
        };
        match outcome {
            SaveOutcome::Saved(version) => {
                stored.saved(version);
                Ok(())
            }
            SaveOutcome::Lost(_) => Err(changed_elsewhere(self.store.location())),
            SaveOutcome::Unknown(error) => match self.resolve(&mut stored).await {
                Ok(()) if stored.saved.as_ref().is_some_and(is_stored) => Ok(()),
                // If it cannot be read either, the first error tells more.
                _ => Err(error),
            },
        }
    }

    /// Finds out what a save has left whose end is not known.
    async fn resolve(&self, stored: &mut Stored) -> Result<()> {
        let Some(pending) = &stored.pending else {
            return Ok(());
        };
        let found = self.store.load().await?;
        if found.as_ref().map(|found| &found.version) == stored.version.as_ref() {
            stored.pending = None;
            return Ok(());
        }
        match found {
            Some(found) if is_record_of(&found.value, &self.identity, pending) => {
                stored.saved(found.version);
                Ok(())
            }
            _ => Err(changed_elsewhere(self.store.location())),
        }
    }
}

impl Stored {
    fn saved(&mut self, version: Version) {
        self.version = Some(version);
        self.saved = self.pending.take();
    }
}

fn is_record_of(record: &Checkpoint, identity: &str, saved: &Saved) -> bool {
    let of_record = serde_json::from_str::<Saved>(&record.cursor);
    record.identity == identity && of_record.is_ok_and(|of_record| of_record == *saved)
}

/// What a record says, and the times of its identities.
fn read(record: &Checkpoint, identity: &str) -> Result<(Saved, RetainedTimes)> {
    let corrupt = |what: String| Error::new(ErrorKind::Corrupt, what);
    if record.identity != identity {
        let (theirs, ours) = (quote(&record.identity), quote(identity));
        return Err(corrupt(format!(
            "the stored window belongs to {theirs}, not to {ours}: give each a file of its own, or move the old one away to start anew"
        )));
    }
    let saved: Saved = serde_json::from_str(&record.cursor).map_err(|error| {
        let what = "the stored window has no times: it was written by another version of this program, or is a checkpoint; move it away to \
                    start anew";
        corrupt(what.to_owned()).with_source(error)
    })?;
    if saved.times.are_wrong(record.dedup.len()) {
        let what =
            "the times of the stored window are not those of its uuids; move it away to start anew";
        return Err(corrupt(what.to_owned()));
    }
    let times = saved.times.clone();
    Ok((saved, times))
}
