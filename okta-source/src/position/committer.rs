//! Commits the cursor: the committed position, shared between the source and its deliveries.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, Version};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::sync::Notify;

use super::cursor::Cursor;
use super::identity::Identity;
use crate::api::org_url::OrgUrl;

/// A point to resume from: a cursor, and the latest `published` before it (ms since 1970).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResumePoint {
    pub(crate) cursor: Cursor,
    pub(crate) published_ms: Option<i64>,
}

/// Commits resume points in the order of the pages, and remembers when pages must be read again.
///
/// A page is *open* from when it is given until its point is committed. Its states and transitions:
/// * open and not settled: [`open_page`](Self::open_page) puts it behind the others;
/// * settled: [`settle`](Self::settle) notes its point; if all pages before it are settled too, the point of the last page of
///   that run is saved with the window of uuids, and the pages of the run are closed;
/// * handed back: [`hand_back`](Self::hand_back) drops it *and all other open pages*, and counts a rewind. The source then reads on
///   from the committed point; settling or handing back a page of before the rewind has no effect.
///
/// Beside that, the committed point is saved again, as it is: before the first page is given, so that a store that cannot be written is
/// found before anything is sent ([`prepare`](Self::prepare)), and at the end of a run, with what the window has learned since
/// ([`close`](Self::close)). Where no point is committed yet, the start takes its place.
///
/// A save that fails or is cancelled leaves the old or the new record: `pending_save` is then set, and
/// [`committed`](Self::committed) reads the store again. Never is a point saved while a page before it is not settled, and never does a
/// save begin before the last one ended.
#[derive(Debug)]
pub(crate) struct Committer {
    identity: Identity,
    store: Arc<dyn CheckpointStore>,
    dedup: DedupWindow,
    pages: Mutex<OpenPages>,
    /// Held over a save, so that saves follow each other.
    stored: tokio::sync::Mutex<Stored>,
    handed_back: Notify,
    /// A page was committed or handed back.
    changed: Notify,
}

#[derive(Debug, Default)]
struct OpenPages {
    /// How often pages were handed back.
    rewinds: u64,
    next_number: u64,
    /// Oldest first.
    open: VecDeque<OpenPage>,
    /// A save whose result is not known.
    pending_save: Option<PendingSave>,
    /// The latest `published` before the committed point.
    published_ms: Option<i64>,
}

#[derive(Debug)]
struct OpenPage {
    number: u64,
    settled: Option<ResumePoint>,
}

/// The cursor of a record that is being saved, and the point in it; `None`: the start.
#[derive(Debug, Clone)]
struct PendingSave {
    cursor: Cursor,
    point: Option<ResumePoint>,
}

/// The record in the store, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) version: Option<Version>,
    pub(crate) point: Option<ResumePoint>,
    /// The cursor of the last record that this process has saved.
    saved: Option<Cursor>,
    /// The revision of the window in the record.
    revision: u64,
}

impl Stored {
    /// As it was loaded; `revision` is that of the window restored from it.
    pub(crate) fn loaded(
        version: Version,
        point: Option<ResumePoint>,
        window: &DedupWindow,
    ) -> Self {
        Self {
            version: Some(version),
            point,
            saved: None,
            revision: window.revision(),
        }
    }

    /// The cursor of the committed point; where there is none, `start`.
    fn cursor_or(&self, start: Option<Cursor>) -> Option<Cursor> {
        let point = self.point.as_ref();
        point.map(|point| point.cursor.clone()).or(start)
    }
}

impl Committer {
    pub(crate) fn new(
        identity: Identity,
        store: Arc<dyn CheckpointStore>,
        dedup: DedupWindow,
        stored: Stored,
    ) -> Self {
        let pages = OpenPages {
            published_ms: stored.point.as_ref().and_then(|point| point.published_ms),
            ..OpenPages::default()
        };
        Self {
            identity,
            store,
            dedup,
            pages: Mutex::new(pages),
            stored: tokio::sync::Mutex::new(stored),
            handed_back: Notify::new(),
            changed: Notify::new(),
        }
    }

    pub(crate) fn org(&self) -> &OrgUrl {
        self.identity.org()
    }

    pub(crate) fn dedup_window(&self) -> &DedupWindow {
        &self.dedup
    }

    /// How often pages were handed back.
    pub(crate) fn rewinds(&self) -> u64 {
        self.pages().rewinds
    }

    /// The latest `published` that is committed, ms since 1970.
    pub(crate) fn published_ms(&self) -> Option<i64> {
        self.pages().published_ms
    }

    /// Resolves after a page was handed back. May resolve once more for an earlier one.
    pub(crate) async fn handed_back(&self) {
        self.handed_back.notified().await;
    }

    /// Opens a page that was read after this number of `rewinds`. Returns its number.
    pub(crate) fn open_page(&self, rewinds: u64) -> u64 {
        let mut pages = self.pages();
        let number = pages.next_number;
        pages.next_number += 1;
        // Otherwise another page was handed back while this one was being read.
        if rewinds == pages.rewinds {
            pages.open.push_back(OpenPage {
                number,
                settled: None,
            });
        }
        number
    }

    /// Hands a page back: reading resumes at the committed point.
    pub(crate) fn hand_back(&self, number: u64) {
        let mut pages = self.pages();
        if pages.open.iter().any(|page| page.number == number) {
            pages.rewinds += 1;
            pages.open.clear();
            drop(pages);
            self.handed_back.notify_one();
            self.changed.notify_one();
        }
    }

    /// True if every page that was given is committed.
    pub(crate) fn is_committed(&self) -> bool {
        self.pages().open.is_empty()
    }

    /// Resolves after a page was committed or handed back. May resolve once more for an earlier one.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Settles a page. Commits the point behind the last page of the settled run at the front.
    ///
    /// Cancelled or failed, it leaves the old or the new record in the store; the caller then hands the page back.
    pub(crate) async fn settle(&self, number: u64, point: ResumePoint) -> Result<()> {
        let mut stored = self.stored.lock().await;
        let Some((last, mut point)) = self.pages().settle(number, point) else {
            return Ok(());
        };
        point.published_ms = point.published_ms.max(self.published_ms());
        let published_ms = point.published_ms;
        self.save(&mut stored, point.cursor.clone(), Some(point))
            .await?;
        self.pages().close(last, published_ms);
        self.changed.notify_one();
        Ok(())
    }

    /// Shows that the store can be written, before the first page is given: saves the committed point again. Where there is none, saves
    /// `start`, again if it has changed.
    pub(crate) async fn prepare(&self, start: Option<Cursor>) -> Result<()> {
        let mut stored = self.stored.lock().await;
        self.resolve(&mut stored).await?;
        let cursor = stored.cursor_or(start);
        let is_shown = match &stored.point {
            Some(_) => stored.saved.is_some(),
            None => stored.saved == cursor,
        };
        match cursor {
            Some(cursor) if !is_shown => self.save_again(&mut stored, cursor).await,
            _ => Ok(()),
        }
    }

    /// Saves the committed point, or `start`, with the window as it is now, unless that is stored already.
    pub(crate) async fn close(&self, start: Option<Cursor>) -> Result<()> {
        let mut stored = self.stored.lock().await;
        self.resolve(&mut stored).await?;
        match stored.cursor_or(start) {
            Some(cursor) if stored.revision != self.dedup.revision() => {
                self.save_again(&mut stored, cursor).await
            }
            _ => Ok(()),
        }
    }

    async fn save_again(&self, stored: &mut Stored, cursor: Cursor) -> Result<()> {
        let point = stored.point.clone();
        self.save(stored, cursor, point).await?;
        self.pages().pending_save = None;
        Ok(())
    }

    async fn save(
        &self,
        stored: &mut Stored,
        cursor: Cursor,
        point: Option<ResumePoint>,
    ) -> Result<()> {
        let (identity, revision) = (self.identity.as_str(), self.dedup.revision());
        let mut record = Checkpoint::new(identity, cursor.as_str(), self.dedup.snapshot());
        record.published_ms = point.as_ref().and_then(|point| point.published_ms);
        self.pages().pending_save = Some(PendingSave {
            cursor: cursor.clone(),
            point: point.clone(),
        });
        let version = self.store.save(&record, stored.version.as_ref()).await?;
        *stored = Stored {
            version: Some(version),
            point,
            saved: Some(cursor),
            revision,
        };
        Ok(())
    }

    /// The committed point, read from the store again if the end of the last save is not known.
    pub(crate) async fn committed(&self) -> Result<Option<ResumePoint>> {
        let mut stored = self.stored.lock().await;
        self.resolve(&mut stored).await?;
        Ok(stored.point.clone())
    }

    /// Finds out what a save has left whose end is not known.
    async fn resolve(&self, stored: &mut Stored) -> Result<()> {
        let pending = self.pages().pending_save.clone();
        let Some(PendingSave { cursor, point }) = pending else {
            return Ok(());
        };
        let found = self.store.load().await?;
        if found.as_ref().map(|found| &found.version) != stored.version.as_ref() {
            let found = found
                .filter(|found| found.value.cursor == cursor.as_str())
                .ok_or_else(changed_elsewhere)?;
            self.identity.resume_point(&found.value)?;
            self.pages().published_ms = point.as_ref().and_then(|point| point.published_ms);
            *stored = Stored {
                version: Some(found.version),
                point,
                saved: Some(cursor),
                // Not known: the window may have grown since.
                revision: 0,
            };
        }
        self.pages().pending_save = None;
        Ok(())
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn pages(&self) -> MutexGuard<'_, OpenPages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenPages {
    /// Settles a page; has no effect if it is not open any more. Returns the last page of the settled run at the front,
    /// if there is one, and the point behind it.
    fn settle(&mut self, number: u64, point: ResumePoint) -> Option<(u64, ResumePoint)> {
        let page = self.open.iter_mut().find(|page| page.number == number)?;
        page.settled = Some(point);
        let mut published_ms = None;
        let mut last = None;
        for page in &self.open {
            let Some(point) = &page.settled else { break };
            published_ms = published_ms.max(point.published_ms);
            last = Some((page.number, point.cursor.clone()));
        }
        let (number, cursor) = last?;
        Some((
            number,
            ResumePoint {
                cursor,
                published_ms,
            },
        ))
    }

    /// The pages up to `last` are committed.
    fn close(&mut self, last: u64, published_ms: Option<i64>) {
        self.pending_save = None;
        self.published_ms = published_ms;
        self.open.retain(|page| page.number > last);
    }
}

fn changed_elsewhere() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "another process changed the checkpoint: let only one process poll an org",
    )
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::testing::MemoryCheckpoint;

    use super::*;
    use crate::api::query::Query;

    #[tokio::test(start_paused = true)]
    async fn page_read_before_a_hand_back_is_never_saved() {
        let org = OrgUrl::parse("example.okta.com").unwrap();
        let point = ResumePoint {
            cursor: Cursor::restore("/api/v1/logs?after=1", &org).unwrap(),
            published_ms: None,
        };
        let store = MemoryCheckpoint::default();
        let committer = Committer::new(
            Identity::of(&org, &Query::default(), None),
            Arc::new(store.clone()),
            DedupWindow::new(1),
            Stored::default(),
        );
        let first = committer.open_page(0);
        committer.hand_back(first);
        // It was being read meanwhile.
        let second = committer.open_page(0);
        committer.settle(second, point.clone()).await.unwrap();
        assert_eq!(store.stored(), None);
        assert!(committer.is_committed(), "it is not waited for");
        let again = committer.open_page(committer.rewinds());
        committer.settle(again, point).await.unwrap();
        assert!(store.stored().is_some());
    }
}
