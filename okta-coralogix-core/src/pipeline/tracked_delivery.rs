//! One delivery in the ledger, or a part of one that was detached.

use tokio::time::Instant;

use super::Disposition;
use super::item_guard::ItemId;
use crate::{Acker, Detached, Outcome};

/// A delivery that is not forgotten.
#[derive(Debug)]
pub(super) struct Tracked {
    /// `None` once the settlement has begun.
    pub(super) acker: Option<Box<dyn Acker>>,
    pub(super) items: Vec<ItemState>,
    /// Items that have not ended.
    pub(super) open: usize,
    pub(super) bytes: usize,
    pub(super) deadline: Option<Instant>,
    pub(super) settled: bool,
    /// The delivery that it was detached from.
    pub(super) part_of: Option<u64>,
    /// Parts that were detached from it and are not forgotten: it leads to them.
    pub(super) parts: usize,
}

/// How far an item has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum ItemState {
    Open,
    Ended(Disposition),
    /// It is this item of a part now.
    Detached(ItemId),
}

/// A delivery that is ready to be settled, with an outcome for each item.
#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) delivery: u64,
    pub(super) acker: Box<dyn Acker>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Tracked {
    pub(super) fn new(
        acker: Box<dyn Acker>,
        items: usize,
        bytes: usize,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            acker: Some(acker),
            items: vec![ItemState::Open; items],
            open: items,
            bytes,
            deadline,
            settled: false,
            part_of: None,
            parts: 0,
        }
    }

    /// True if nothing of it is on its way but its parts.
    pub(super) fn is_settled_and_ended(&self) -> bool {
        self.settled && self.open == 0
    }

    /// Takes an open item out of this delivery, number `number`, with those that go with it, as number `part`.
    pub(super) fn detach(&mut self, number: u64, item: usize, part: u64) -> Option<Self> {
        let acker = self.acker.as_mut()?;
        if !matches!(self.items[item], ItemState::Open) {
            return None;
        }
        let Detached { items, acker } = acker.detach(item)?;
        // Which item has how many is not known.
        let detached = |item: &&ItemState| matches!(item, ItemState::Detached(_));
        let left = self.items.len() - self.items.iter().filter(detached).count();
        let bytes = self.bytes / left * items.len();
        self.bytes -= bytes;
        let mut detached = Self::new(acker, 0, bytes, self.deadline);
        detached.part_of = Some(number);
        self.parts += 1;
        for index in items {
            let id = ItemId {
                delivery: part,
                index: detached.items.len(),
            };
            let state = std::mem::replace(&mut self.items[index], ItemState::Detached(id));
            if matches!(state, ItemState::Open) {
                self.open -= 1;
                detached.open += 1;
            }
            detached.items.push(state);
        }
        Some(detached)
    }

    /// Takes the acker, with an outcome for each item that is not detached.
    pub(super) fn settlement(&mut self, delivery: u64) -> Option<Settlement> {
        let acker = self.acker.take()?;
        self.deadline = None;
        let outcome = |item: &ItemState| match item {
            ItemState::Ended(disposition) => Some(disposition.outcome()),
            ItemState::Open => Some(Outcome::HandedBack),
            ItemState::Detached(_) => None,
        };
        Some(Settlement {
            delivery,
            acker,
            outcomes: self.items.iter().filter_map(outcome).collect(),
        })
    }
}
