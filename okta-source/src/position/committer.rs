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
    /// The cursor of a save whose result is not known.
    pending_save: Option<Cursor>,
    /// The latest `published` before the committed point.
    published_ms: Option<i64>,
}

#[derive(Debug)]
struct OpenPage {
    number: u64,
    settled: Option<ResumePoint>,
}

/// The record in the store, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) version: Option<Version>,
    pub(crate) point: Option<ResumePoint>,
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
        let mut record = Checkpoint::new(
            self.identity.as_str(),
            point.cursor.as_str(),
            self.dedup.snapshot(),
        );
        record.published_ms = point.published_ms;
        self.pages().pending_save = Some(point.cursor.clone());
        let version = self.store.save(&record, stored.version.as_ref()).await?;
        self.pages().close(last, point.published_ms);
        *stored = Stored {
            version: Some(version),
            point: Some(point),
        };
        self.changed.notify_one();
        Ok(())
    }

    /// The committed point, read from the store again if the end of the last save is not known.
    pub(crate) async fn committed(&self) -> Result<Option<ResumePoint>> {
        let mut stored = self.stored.lock().await;
        let pending_save = self.pages().pending_save.clone();
        if let Some(pending) = pending_save {
            let found = self.store.load().await?;
            if found.as_ref().map(|found| &found.version) != stored.version.as_ref() {
                let found = found
                    .filter(|found| found.value.cursor == pending.as_str())
                    .ok_or_else(changed_elsewhere)?;
                let point = self.identity.resume_point(&found.value)?;
                self.pages().published_ms = point.published_ms;
                *stored = Stored {
                    version: Some(found.version),
                    point: Some(point),
                };
            }
            self.pages().pending_save = None;
        }
        Ok(stored.point.clone())
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
