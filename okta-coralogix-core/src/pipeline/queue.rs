//! Entries that wait for a request.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::item_guard::{ItemId, Slot};
use crate::sink::{BatchLimits, Encoded, Item, Request};
use crate::{EntryText, LogEntry, LogSink, Result};

/// The room for entries that an idle queue keeps. A page takes a quarter of a megabyte, a backlog one: a process with a thousand logs that
/// have caught up should not hold it a thousand times.
const IDLE_ROOM: usize = 64;

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

    /// Gives the room of a backlog back. To be called when nothing is underway.
    pub(super) fn rest(&mut self) {
        self.items.shrink_to(IDLE_ROOM);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;

    use super::*;
    use crate::filter::DedupWindow;
    use crate::pipeline::item_guard::ItemGuard;
    use crate::pipeline::run::Run;
    use crate::sink::NdjsonSink;
    use crate::{AckOrder, ClockOffset, Delivery, EventSource, Names, Origin, Pipeline, RawEvent};

    #[derive(Debug)]
    struct NoSource;

    #[async_trait]
    impl EventSource for NoSource {
        fn ack_order(&self) -> AckOrder {
            AckOrder::Individual
        }

        fn dedup_window(&self) -> DedupWindow {
            DedupWindow::default()
        }

        async fn next(&mut self) -> Result<Option<Delivery>> {
            Ok(None)
        }
    }

    #[test]
    fn withdrawn_items_no_longer_fill_a_request_and_leave_no_room_behind() {
        let pipeline = Pipeline::builder(NoSource, NdjsonSink::stdout()).build();
        let run = Run::new(pipeline.unwrap());
        let names = Arc::new(Names::new("shop", "checkout"));
        let json = r#"{"uuid":"1","published":"2026-11-22T11:00:00Z"}"#;
        let entry = LogEntry::new(names, EntryText::Embedded(json.into()));
        let limits = BatchLimits::new(100, 3 * estimate(&entry));
        let mut queue = Queue::default();
        for index in 0..3 {
            let id = ItemId {
                delivery: index as u64 % 2,
                index,
            };
            let slot = Slot {
                item: ItemGuard::new(id, &run.context),
                event: RawEvent::parse(json.into(), Arc::new(Origin::org("acme"))).unwrap(),
                clock_offset: ClockOffset::default(),
                judged_at: run.context.parts.clock.now(),
                restamped: false,
                queued: Instant::now(),
            };
            assert!(!queue.fills(limits));
            queue.push(Item::new(entry.clone(), slot));
        }
        assert!(queue.fills(limits));
        queue.withdraw(|id| id.delivery == 1);
        assert!(!queue.fills(limits));
        assert_eq!((queue.items.len(), queue.bytes), (2, 2 * estimate(&entry)));
        queue.withdraw(|_| true);
        assert_eq!((queue.items.len(), queue.bytes), (0, 0));
        queue.items.reserve(4_096);
        queue.rest();
        assert!(queue.items.capacity() < 2 * IDLE_ROOM);
    }
}
