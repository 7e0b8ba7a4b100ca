//! How many events the overlap of the fallback holds, so that the window of uuids can hold them too.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::DedupWindow;

use crate::poll::page::Page;

/// The window does not grow beyond this by itself: 200,000 uuids take 3.2 MB with each commit.
pub(crate) const MAX_CAPACITY: usize = 200_000;

/// Events per minute of `published`.
#[derive(Debug)]
pub(crate) struct OverlapWindow {
    minutes: i64,
    counts: BTreeMap<i64, usize>,
    has_warned: bool,
}

impl OverlapWindow {
    pub(crate) fn new(overlap: TimeDelta) -> Self {
        Self {
            minutes: overlap.num_minutes().saturating_add(1),
            counts: BTreeMap::new(),
            has_warned: false,
        }
    }

    /// Counts a page, and lets the window grow with a quarter to spare. False, once, if it would have to grow too far.
    pub(crate) fn page(&mut self, page: &Page, now: DateTime<Utc>, dedup: &DedupWindow) -> bool {
        for published in page.published().filter(|published| *published <= now) {
            *self
                .counts
                .entry(published.timestamp().div_euclid(60))
                .or_default() += 1;
        }
        if let Some((&last, _)) = self.counts.last_key_value() {
            self.counts = self.counts.split_off(&(last - self.minutes));
        }
        let held: usize = self.counts.values().sum();
        let wanted = held.saturating_add(held / 4);
        if dedup.capacity() > 0 && wanted > dedup.capacity() {
            dedup.grow(wanted.min(MAX_CAPACITY));
        }
        let warns = wanted > MAX_CAPACITY && !self.has_warned;
        self.has_warned |= warns;
        !warns
    }
}
