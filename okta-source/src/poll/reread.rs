//! Reads the overlap again, to find events that Okta stored late.

use std::time::Duration;

use okta_coralogix_core::filter::DedupWindow;
use tokio::time::Instant;

use crate::poll::page::Page;
use crate::position::page_request::PageRequest;

/// A pass over more pages than this is not read to its end.
const MAX_PAGES: usize = 1_000;

/// How many events of a part that is read again were known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RereadCounts {
    /// The latest `published` that was settled before, ms since 1970.
    frontier_ms: i64,
    /// Events that were settled or in flight before.
    pub(crate) known: usize,
    /// Events that had not been given, though later ones had.
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

    /// Keeps of a page only late events: not given before, though later ones were. Events behind the frontier come by polling; an
    /// event without a uuid and a malformed element cannot be told from a repeat.
    fn keep_late(&mut self, page: &mut Page, dedup: &DedupWindow) {
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

/// Reads the overlap again, every so often.
#[derive(Debug)]
pub(crate) struct Reread {
    every: Option<Duration>,
    due: Option<Instant>,
    pass: Option<RereadPass>,
}

#[derive(Debug)]
struct RereadPass {
    request: PageRequest,
    counts: RereadCounts,
    pages: usize,
}

impl Reread {
    pub(crate) fn new(every: Option<Duration>) -> Self {
        Self {
            every,
            due: every.map(|_| Instant::now()),
            pass: None,
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.pass.is_none() && self.due.is_some_and(|due| due <= Instant::now())
    }

    pub(crate) fn begin(&mut self, request: PageRequest, frontier_ms: i64) {
        self.pass = Some(RereadPass {
            request,
            counts: RereadCounts::before(frontier_ms),
            pages: 0,
        });
    }

    /// The next request of the pass; `None`: no pass is running.
    pub(crate) fn request(&self) -> Option<&PageRequest> {
        self.pass.as_ref().map(|pass| &pass.request)
    }

    /// Removes all but the late events from a page of the pass. Returns the counts after the last page.
    pub(crate) fn page(&mut self, page: &mut Page, dedup: &DedupWindow) -> Option<RereadCounts> {
        let pass = self.pass.as_mut()?;
        pass.counts.keep_late(page, dedup);
        pass.pages += 1;
        let next = page.next.take().map(PageRequest::Link);
        let next =
            next.filter(|next| page.is_full && *next != pass.request && pass.pages < MAX_PAGES);
        match next {
            Some(next) => {
                pass.request = next;
                None
            }
            None => self.end(),
        }
    }

    /// The pass is over, or given up.
    pub(crate) fn end(&mut self) -> Option<RereadCounts> {
        self.due = self.every.map(|every| Instant::now() + every);
        self.pass.take().map(|pass| pass.counts)
    }

    /// Late events of the pass may have been handed back: the next pass begins at once.
    pub(crate) fn restart(&mut self) {
        self.pass = None;
        self.due = self.every.map(|_| Instant::now());
    }
}
