//! The pages that were given and are not committed.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ResumePoint;
use crate::checkpoint::Checkpoint;

#[derive(Debug, Default)]
pub(super) struct OpenPages {
    /// How often pages were handed back.
    pub(super) rewinds: u64,
    next_number: u64,
    /// Oldest first.
    pub(super) open: VecDeque<OpenPage>,
    /// A save whose result is not known.
    pub(super) pending_save: Option<Arc<PendingSave>>,
    /// The latest `published` before the committed point.
    pub(super) published_ms: Option<i64>,
}

#[derive(Debug)]
pub(super) struct OpenPage {
    number: u64,
    settled: Option<ResumePoint>,
}

/// A record that is being saved.
#[derive(Debug)]
pub(super) struct PendingSave {
    pub(super) record: Checkpoint,
    /// The point in it; `None`: the start.
    pub(super) point: Option<ResumePoint>,
    /// The revision of the window in it.
    pub(super) revision: u64,
}

impl OpenPages {
    /// None, behind events of up to this `published`.
    pub(super) fn behind(published_ms: Option<i64>) -> Self {
        Self {
            published_ms,
            ..Self::default()
        }
    }

    /// Opens a page that was read after this number of `rewinds`. Returns its number.
    pub(super) fn open_page(&mut self, rewinds: u64) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        // Otherwise another page was handed back while this one was being read.
        if rewinds == self.rewinds {
            self.open.push_back(OpenPage {
                number,
                settled: None,
            });
        }
        number
    }

    /// Forgets all open pages if this is one of them; true if so.
    pub(super) fn hand_back(&mut self, number: u64) -> bool {
        let is_open = self.open.iter().any(|page| page.number == number);
        if is_open {
            self.rewinds += 1;
            self.open.clear();
        }
        is_open
    }

    /// Settles a page; has no effect if it is not open any more. Returns the last page of the settled run at the front,
    /// if there is one, and the point behind it.
    pub(super) fn settle(&mut self, number: u64, point: ResumePoint) -> Option<(u64, ResumePoint)> {
        let page = self.open.iter_mut().find(|page| page.number == number)?;
        page.settled = Some(point);
        let mut published_ms = None;
        let mut last = None;
        for page in &self.open {
            let Some(point) = &page.settled else { break };
            published_ms = published_ms.max(point.published_ms);
            last = Some((page.number, &point.cursor));
        }
        let (number, cursor) = last?;
        let point = ResumePoint::new(cursor).with_published_ms(published_ms);
        Some((number, point))
    }

    /// The pages up to `last` are committed.
    pub(super) fn close(&mut self, last: u64) {
        self.open.retain(|page| page.number > last);
    }
}
