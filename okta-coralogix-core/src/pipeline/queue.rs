//! Entries that wait for a request.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::item_guard::{ItemId, Slot};
use crate::sink::{BatchLimits, Encoded, Item, Request};
use crate::{EntryText, LogEntry, LogSink, Result};

#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item<Slot>>,
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, item: Item<Slot>) {
        self.bytes += estimate(&item.entry);
        self.items.push_back(item);
    }

    /// Since when the first entry waits.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let slot = self.items.front()?.state.slot.as_ref()?;
        Some(slot.queued)
    }

    /// True if the waiting entries should fill a request.
    pub(super) fn fills(&self, limits: BatchLimits) -> bool {
        self.items.len() >= limits.entries || self.bytes >= limits.bytes
    }

    /// Takes out the items of the next request, or the first one if no request can carry it.
    ///
    /// # Errors
    /// If the sink violates its contract.
    pub(super) fn take(&mut self, sink: &dyn LogSink, ceiling: usize) -> Result<Encoded<Slot>> {
        let taken = Request::take(sink, &mut self.items, ceiling)?;
        self.bytes -= match &taken {
            Ok(request) => request.items.iter().map(|item| estimate(&item.entry)).sum(),
            Err((item, _)) => estimate(&item.entry),
        };
        Ok(taken)
    }

    /// Hands back the items that are `wanted`.
    pub(super) fn withdraw(&mut self, wanted: impl Fn(ItemId) -> bool) {
        let stays = |slot: &Slot| !wanted(slot.item.id);
        self.items
            .retain(|item| item.state.slot.as_ref().is_some_and(stays));
        self.bytes = self.items.iter().map(|item| estimate(&item.entry)).sum();
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
