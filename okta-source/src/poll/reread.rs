//! Reading a part of the log again: to find what was stored late, or because a link was refused.

use std::time::Duration;

use okta_coralogix_core::filter::DedupWindow;
use tokio::time::Instant;

use crate::poll::page::Page;
use crate::position::cursor::PageRequest;

/// A part that takes more pages than this is not read to its end.
const PAGES: usize = 1_000;

/// What of a part that is read again was known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RereadCounts {
    /// The latest `published` that was settled before, ms since 1970.
    frontier_ms: i64,
    pub(crate) known: usize,
    pub(crate) late: usize,
}

impl RereadCounts {
    pub(crate) fn before(frontier_ms: i64) -> Self {
        Self {
            frontier_ms,
            known: 0,
            late: 0,
        }
    }

    /// Counts one page; true if anything in it was known.
    pub(crate) fn count(&mut self, page: &Page, dedup: &DedupWindow) -> bool {
        let before = self.known;
        for event in page.items.iter().flatten() {
            let Some(uuid) = event.uuid() else { continue };
            if dedup.contains(&uuid) {
                self.known += 1;
            } else if event.published().timestamp_millis() <= self.frontier_ms {
                self.late += 1;
            }
        }
        self.known > before
    }

    /// Leaves of a page only what was stored late: not given before, though later ones were. What lies behind the frontier
    /// is given by the position in its turn; what has no uuid, or is no event, cannot be told from a repeat.
    pub(crate) fn keep_late(&mut self, page: &mut Page, dedup: &DedupWindow) {
        self.count(page, dedup);
        let frontier_ms = self.frontier_ms;
        page.items.retain(|item| {
            item.as_ref().is_ok_and(|event| {
                event.published().timestamp_millis() <= frontier_ms
                    && event.uuid().is_some_and(|uuid| !dedup.contains(&uuid))
            })
        });
    }
}

/// Reads the last minutes again, now and then.
#[derive(Debug)]
pub(crate) struct Reread {
    every: Option<Duration>,
    due: Option<Instant>,
    turn: Option<RereadPass>,
}

#[derive(Debug, Clone)]
pub(crate) struct RereadPass {
    pub(crate) ask: PageRequest,
    pub(crate) repeats: RereadCounts,
    pages: usize,
}

impl Reread {
    pub(crate) fn new(every: Option<Duration>) -> Self {
        Self {
            every,
            due: every.map(|_| Instant::now()),
            turn: None,
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.turn.is_none() && self.due.is_some_and(|due| due <= Instant::now())
    }

    pub(crate) fn begin(&mut self, ask: PageRequest, frontier_ms: i64) {
        self.turn = Some(RereadPass {
            ask,
            repeats: RereadCounts::before(frontier_ms),
            pages: 0,
        });
    }

    pub(crate) fn turn(&mut self) -> Option<&mut RereadPass> {
        self.turn.as_mut()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.turn.is_some()
    }

    /// The turn is over, or given up.
    pub(crate) fn end(&mut self) -> Option<RereadCounts> {
        self.due = self.every.map(|every| Instant::now() + every);
        self.turn.take().map(|turn| turn.repeats)
    }

    /// What was found may have been handed back: it is looked for again.
    pub(crate) fn restart(&mut self) {
        self.turn = None;
        self.due = self.every.map(|_| Instant::now());
    }
}

impl RereadPass {
    /// Goes on behind a page; false if that was far enough.
    pub(crate) fn goes_on(&mut self, ask: PageRequest) -> bool {
        self.pages += 1;
        let moved = self.ask != ask;
        self.ask = ask;
        moved && self.pages < PAGES
    }
}
