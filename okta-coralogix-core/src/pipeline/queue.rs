//! Entries that wait for a request.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::filter::ClaimGuard;
use crate::sink::BatchLimits;
use crate::{ClockOffset, EntryText, LogEntry, RawEvent};

/// Which item of which delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ItemId {
    pub(super) delivery: u64,
    pub(super) index: usize,
}

/// An event on its way, with what is needed to end it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: ItemId,
    pub(super) event: RawEvent,
    /// Given back when the slot is dropped.
    pub(super) held: Option<ClaimGuard>,
    pub(super) clock_offset: ClockOffset,
    /// The time that its age was judged by at its receipt.
    pub(super) judged_at: DateTime<Utc>,
    /// The age rule has let it pass with a new timestamp: it is not judged again.
    pub(super) restamped: bool,
    pub(super) queued: Instant,
}

impl Slot {
    /// The time to judge its age by now: the earlier of the clock, and of the time of its receipt plus what has passed
    /// since, so that a step of the host's clock cannot make it old.
    pub(super) fn judging_time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let waited = TimeDelta::from_std(self.queued.elapsed()).unwrap_or(TimeDelta::MAX);
        let passed = self.judged_at.checked_add_signed(waited).unwrap_or(now);
        self.clock_offset.earlier(now).min(passed)
    }
}

/// Entries and their slots, side by side, since a sink encodes a slice of entries.
#[derive(Debug, Default)]
pub(super) struct Queue {
    slots: VecDeque<Slot>,
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, slot: Slot, entry: LogEntry) {
        self.bytes += estimate(&entry);
        self.slots.push_back(slot);
        self.entries.push_back(entry);
    }

    /// Since when the first entry waits.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.slots.front().map(|slot| slot.queued)
    }

    /// True if what waits should fill a request.
    pub(super) fn fills(&self, limits: BatchLimits) -> bool {
        self.entries.len() >= limits.entries || self.bytes >= limits.bytes
    }

    /// The entries that may go into the next request.
    pub(super) fn entries(&mut self, limits: BatchLimits) -> &[LogEntry] {
        let entries = self.entries.make_contiguous();
        &entries[..entries.len().min(limits.entries)]
    }

    /// Takes out the first `count`.
    pub(super) fn take(&mut self, count: usize) -> (Vec<Slot>, Vec<LogEntry>) {
        let slots = self.slots.drain(..count).collect();
        let entries: Vec<_> = self.entries.drain(..count).collect();
        self.bytes -= entries.iter().map(estimate).sum::<usize>();
        (slots, entries)
    }

    /// Takes out those that `wanted` says.
    pub(super) fn withdraw(&mut self, mut wanted: impl FnMut(ItemId) -> bool) -> Vec<Slot> {
        let mut out = Vec::new();
        let (slots, entries) = self.take(self.slots.len());
        for (slot, entry) in slots.into_iter().zip(entries) {
            if wanted(slot.id) {
                out.push(slot);
            } else {
                self.push(slot, entry);
            }
        }
        out
    }
}

/// About how many bytes an entry takes in a request. Only how full requests get depends on it: escaping adds an eighth to a
/// typical event, names and numbers about 200 bytes.
fn estimate(entry: &LogEntry) -> usize {
    200 + match &entry.text {
        EntryText::Escaped(text) => text.len() + text.len() / 8,
        EntryText::Embedded(text) => text.len(),
    }
}
