//! The committed position, shared between the source and the deliveries it gave.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, Version};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::sync::Notify;

use crate::position::cursor::Cursor;

/// A position, and the latest `published` before it (ms since 1970).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResumePoint {
    pub(crate) cursor: Cursor,
    pub(crate) published_ms: Option<i64>,
}

/// What a delivery holds until it is settled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    generation: u64,
    number: u64,
}

/// Commits positions in the order of the pages, and remembers when pages must be read again.
///
/// Reading again begins a new *generation*: what belongs to an older one no longer moves the position.
#[derive(Debug)]
pub(crate) struct Committer {
    owner: String,
    store: Arc<dyn CheckpointStore>,
    dedup: DedupWindow,
    flow: Mutex<Flow>,
    /// Held over a save, so that saves follow each other.
    stored: tokio::sync::Mutex<Stored>,
    handed_back: Notify,
    /// A page was committed or handed back.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Flow {
    generation: u64,
    next_number: u64,
    /// Pages given and not committed, oldest first.
    open: VecDeque<Open>,
    /// Where the position was being moved to by a save whose end nobody saw.
    unsure: Option<Cursor>,
    /// The latest `published` of what is committed.
    published_ms: Option<i64>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    settled: Option<ResumePoint>,
}

/// The record in the store, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) version: Option<Version>,
    pub(crate) place: Option<ResumePoint>,
}

impl Committer {
    pub(crate) fn new(
        owner: String,
        store: Arc<dyn CheckpointStore>,
        dedup: DedupWindow,
        stored: Stored,
    ) -> Self {
        let flow = Flow {
            published_ms: stored.place.as_ref().and_then(|place| place.published_ms),
            ..Flow::default()
        };
        Self {
            owner,
            store,
            dedup,
            flow: Mutex::new(flow),
            stored: tokio::sync::Mutex::new(stored),
            handed_back: Notify::new(),
            changed: Notify::new(),
        }
    }

    pub(crate) fn dedup_window(&self) -> &DedupWindow {
        &self.dedup
    }

    /// Which generation pages belong to that are read now.
    pub(crate) fn generation(&self) -> u64 {
        self.flow().generation
    }

    /// The latest `published` that is committed, ms since 1970.
    pub(crate) fn published_ms(&self) -> Option<i64> {
        self.flow().published_ms
    }

    /// Resolves after a page was handed back. May resolve for one that was dealt with already.
    pub(crate) async fn handed_back(&self) {
        self.handed_back.notified().await;
    }

    /// One more page is given, as part of `generation`.
    pub(crate) fn open(&self, generation: u64) -> Ticket {
        let mut flow = self.flow();
        let number = flow.next_number;
        flow.next_number += 1;
        // A page of an older generation was handed back while it was being read.
        if generation == flow.generation {
            flow.open.push_back(Open {
                number,
                settled: None,
            });
        }
        Ticket { generation, number }
    }

    /// A page is not done with: everything behind the committed position is read again.
    pub(crate) fn hand_back(&self, ticket: Ticket) {
        let mut flow = self.flow();
        if ticket.generation == flow.generation {
            flow.generation += 1;
            flow.open.clear();
            drop(flow);
            self.handed_back.notify_one();
            self.changed.notify_one();
        }
    }

    /// True if every page that was given is committed.
    pub(crate) fn is_committed(&self) -> bool {
        self.flow().open.is_empty()
    }

    /// Resolves after a page was committed or handed back. May resolve for one that was dealt with already.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A page is done with. Commits the position behind the last page before which all are done with.
    ///
    /// Cancelled or failed, it leaves the old or the new record in the store; the caller then hands the page back.
    pub(crate) async fn settled(&self, ticket: Ticket, place: ResumePoint) -> Result<()> {
        let mut stored = self.stored.lock().await;
        let Some((through, mut place)) = self.flow().settled(ticket, place) else {
            return Ok(());
        };
        place.published_ms = place.published_ms.max(self.published_ms());
        let mut record = Checkpoint::new(
            self.owner.clone(),
            place.cursor.as_str(),
            self.dedup.snapshot(),
        );
        record.published_ms = place.published_ms;
        self.flow().unsure = Some(place.cursor.clone());
        let version = self.store.save(&record, stored.version.as_ref()).await?;
        self.flow().committed(through, place.published_ms);
        *stored = Stored {
            version: Some(version),
            place: Some(place),
        };
        self.changed.notify_one();
        Ok(())
    }

    /// The committed position, read from the store again if the end of the last save is not known.
    pub(crate) async fn committed(
        &self,
        read: impl Fn(&Checkpoint) -> Result<ResumePoint>,
    ) -> Result<Option<ResumePoint>> {
        let mut stored = self.stored.lock().await;
        let unsure = self.flow().unsure.clone();
        if let Some(tried) = unsure {
            let found = self.store.load().await?;
            if found.as_ref().map(|found| &found.version) != stored.version.as_ref() {
                let found = found
                    .filter(|found| found.value.cursor == tried.as_str())
                    .ok_or_else(written_by_another)?;
                let place = read(&found.value)?;
                self.flow().published_ms = place.published_ms;
                *stored = Stored {
                    version: Some(found.version),
                    place: Some(place),
                };
            }
            self.flow().unsure = None;
        }
        Ok(stored.place.clone())
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow {
    /// Notes that a page is done with, unless it belongs to an older generation and so stands here no more; returns the last page of the finished run at the front, if there is one.
    fn settled(&mut self, ticket: Ticket, place: ResumePoint) -> Option<(u64, ResumePoint)> {
        let open = self
            .open
            .iter_mut()
            .find(|open| open.number == ticket.number)?;
        open.settled = Some(place);
        let mut published_ms = None;
        let mut last = None;
        for open in &self.open {
            let Some(place) = &open.settled else { break };
            published_ms = published_ms.max(place.published_ms);
            last = Some((open.number, place.cursor.clone()));
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

    /// The pages up to `through` need no place here any more.
    fn committed(&mut self, through: u64, published_ms: Option<i64>) {
        self.unsure = None;
        self.published_ms = published_ms;
        while self.open.front().is_some_and(|open| open.number <= through) {
            self.open.pop_front();
        }
    }
}

fn written_by_another() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the checkpoint was changed by somebody else: let only one process poll an org",
    )
}
