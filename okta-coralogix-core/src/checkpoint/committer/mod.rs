//! Commits positions behind settled pages: the bookkeeping that every source with one position needs.

mod acker;
mod pages;
mod resume_point;
mod saving;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{CheckpointStore, Version};
use crate::filter::DedupWindow;
use crate::text::quote;
use crate::{Acker, Error, ErrorKind, Result};

pub use resume_point::ResumePoint;

use acker::PageAcker;
use pages::OpenPages;
use saving::Stored;

/// Keeps the position of a cumulative source, and commits it with the window of uuids behind settled pages. Clones are handles to
/// the same position.
///
/// [`PagedSource`](super::PagedSource) is a source made with it; use this for one that needs more, such as a remote that refuses
/// cursors.
///
/// # States
/// A page is *open* from when its [`acker`](Self::acker) is made until its point is committed:
/// * open and not settled: it stands behind the pages that were opened before it;
/// * settled: its point is noted; if all pages before it are settled too, the point of the last page of that run is saved with
///   the window, and the pages of the run are closed;
/// * handed back, or its acker dropped: it *and all other open pages* are forgotten, and [`rewinds`](Self::rewinds) grows. The
///   source then reads on from the [`committed`](Self::committed) point. Settling or dropping an acker of before that has no
///   effect.
///
/// Beside that, the committed point is saved again, as it is: before the first page is given, so that a store that cannot be
/// written is found before anything is sent ([`prepare`](Self::prepare)), and at the end of a run, with what the window has learned
/// since ([`close`](Self::close)).
///
/// A save whose end is not known, or that is cancelled, leaves the old or the new record: the store is read again before anything
/// else is decided, and counts as saved if it has the record. A save that is *lost* to another process ends it: this committer and
/// its clones save nothing any more, whatever is asked of them, and answer `Conflict`. Never is a point saved while a page before it
/// is not settled, and never does a save begin before the last one has ended.
#[derive(Debug, Clone)]
pub struct Committer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    identity: String,
    store: Arc<dyn CheckpointStore>,
    dedup: DedupWindow,
    pages: Mutex<OpenPages>,
    /// Held over a save, so that saves follow each other.
    stored: tokio::sync::Mutex<Stored>,
    handed_back: Notify,
    /// A page was committed or handed back.
    changed: Notify,
}

impl Committer {
    /// Reads the store, and goes on from its record. `identity` names what the position belongs to: the kind of source, its remote
    /// and query. The window remembers up to `capacity` uuids.
    ///
    /// # Errors
    /// `Corrupt` if the record is of another identity, and those of [`CheckpointStore::load`].
    pub async fn open(
        store: Arc<dyn CheckpointStore>,
        identity: impl Into<String>,
        capacity: usize,
    ) -> Result<Self> {
        let identity = identity.into();
        let Some(found) = store.load().await? else {
            return Ok(Self::new(store, identity, DedupWindow::new(capacity)));
        };
        if found.value.identity != identity {
            let (theirs, ours) = (quote(&found.value.identity), quote(&identity));
            let detail = format!(
                "the checkpoint belongs to {theirs}, not to {ours}: give each source a checkpoint of its own, or move the old one away to \
                 start anew"
            );
            return Err(Error::new(ErrorKind::Corrupt, detail));
        }
        let point =
            ResumePoint::new(found.value.cursor).with_published_ms(found.value.published_ms);
        let window = DedupWindow::restore(&found.value.dedup, capacity);
        Ok(Self::resumed(
            store,
            identity,
            window,
            found.version,
            Some(point),
        ))
    }

    /// Over an empty store, for a source that has read it itself.
    pub fn new(
        store: Arc<dyn CheckpointStore>,
        identity: impl Into<String>,
        window: DedupWindow,
    ) -> Self {
        Self::with(store, identity.into(), window, Stored::default())
    }

    /// Goes on from a record that the source has read and judged itself: the restored window, the version, and the point in it;
    /// `None`: it has no point behind which to read on.
    pub fn resumed(
        store: Arc<dyn CheckpointStore>,
        identity: impl Into<String>,
        window: DedupWindow,
        version: Version,
        point: Option<ResumePoint>,
    ) -> Self {
        let stored = Stored {
            version: Some(version),
            point,
            revision: window.revision(),
            ..Stored::default()
        };
        Self::with(store, identity.into(), window, stored)
    }

    fn with(
        store: Arc<dyn CheckpointStore>,
        identity: String,
        dedup: DedupWindow,
        stored: Stored,
    ) -> Self {
        let published_ms = stored.point.as_ref().and_then(|point| point.published_ms);
        Self(Arc::new(Inner {
            identity,
            store,
            dedup,
            pages: Mutex::new(OpenPages::behind(published_ms)),
            stored: tokio::sync::Mutex::new(stored),
            handed_back: Notify::new(),
            changed: Notify::new(),
        }))
    }

    /// What the position belongs to.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.0.identity
    }

    /// The window that is stored with the position: what [`EventSource::dedup_window`](crate::EventSource::dedup_window) gives a
    /// clone of.
    #[must_use]
    pub fn dedup_window(&self) -> &DedupWindow {
        &self.0.dedup
    }

    /// How often pages were handed back. If it has grown since the source last looked, the source goes back to
    /// [`committed`](Self::committed).
    #[must_use]
    pub fn rewinds(&self) -> u64 {
        self.pages().rewinds
    }

    /// The latest `published` that is committed, ms since 1970.
    #[must_use]
    pub fn published_ms(&self) -> Option<i64> {
        self.pages().published_ms
    }

    /// Resolves after a page was handed back. May resolve once more for an earlier one.
    pub async fn handed_back(&self) {
        self.0.handed_back.notified().await;
    }

    /// True if every page that was given is committed, and none was handed back since this number of [`rewinds`](Self::rewinds): only
    /// then may [`EventSource::next`](crate::EventSource::next) return `None`.
    #[must_use]
    pub fn is_committed(&self, rewinds: u64) -> bool {
        let pages = self.pages();
        pages.open.is_empty() && pages.rewinds == rewinds
    }

    /// Resolves after a page was committed or handed back. May resolve once more for an earlier one.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Opens a page of `items` that was asked for after this number of [`rewinds`](Self::rewinds), and settles it: once all of them
    /// are settled, `point` is committed. A page that was overtaken by a hand-back while it was being read is not opened: the
    /// source reads it again.
    #[must_use = "dropping the acker hands the page back"]
    pub fn acker(&self, rewinds: u64, point: ResumePoint, items: usize) -> Box<dyn Acker> {
        let page = self.pages().open_page(rewinds);
        Box::new(PageAcker::new(self.clone(), page, point, items))
    }

    /// Shows that the store can be written, before the first page is given: saves the committed point again. Where there is none,
    /// saves `start`, the source's word for where it began, again if that has changed.
    ///
    /// # Errors
    /// Those of [`CheckpointStore`].
    pub async fn prepare(&self, start: Option<String>) -> Result<()> {
        let mut stored = self.0.stored.lock().await;
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

    /// Saves the committed point, or `start`, with the window as it is now, unless that is stored already: what
    /// [`EventSource::close`](crate::EventSource::close) calls.
    ///
    /// # Errors
    /// Those of [`CheckpointStore`].
    pub async fn close(&self, start: Option<String>) -> Result<()> {
        let mut stored = self.0.stored.lock().await;
        self.resolve(&mut stored).await?;
        match stored.cursor_or(start) {
            Some(cursor) if stored.revision != self.0.dedup.revision() => {
                self.save_again(&mut stored, cursor).await
            }
            _ => Ok(()),
        }
    }

    /// The committed point, read from the store again if the end of the last save is not known; `None`: nothing is committed yet.
    ///
    /// # Errors
    /// Those of [`CheckpointStore::load`], and `Conflict` if another process has written the record.
    pub async fn committed(&self) -> Result<Option<ResumePoint>> {
        let mut stored = self.0.stored.lock().await;
        self.resolve(&mut stored).await?;
        Ok(stored.point.clone())
    }

    /// Hands a page back: reading resumes at the committed point.
    fn hand_back(&self, page: u64) {
        if self.pages().hand_back(page) {
            self.0.handed_back.notify_one();
            self.0.changed.notify_one();
        }
    }

    /// Settles a page. Commits the point behind the last page of the settled run at the front.
    ///
    /// Cancelled or failed, it leaves the old or the new record in the store; the caller then hands the page back.
    async fn settle(&self, page: u64, point: ResumePoint) -> Result<()> {
        let mut stored = self.0.stored.lock().await;
        self.resolve(&mut stored).await?;
        let Some((last, mut point)) = self.pages().settle(page, point) else {
            return Ok(());
        };
        point.published_ms = point.published_ms.max(self.published_ms());
        self.save(&mut stored, point.cursor.clone(), Some(point))
            .await?;
        self.pages().close(last);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn pages(&self) -> MutexGuard<'_, OpenPages> {
        self.0.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
