//! What became of each delivery's items, and when its source may hear.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::Disposition;
use super::queue::ItemId;
use crate::{AckOrder, Acker, Outcome};

/// The deliveries of a run that have not ended, by the order in which they were taken.
#[derive(Debug)]
pub(super) struct Ledger {
    order: AckOrder,
    deliveries: BTreeMap<u64, Tracked>,
    next: u64,
    /// Items that have not ended.
    open: usize,
    /// Bytes of the deliveries.
    bytes: usize,
    /// A cumulative source gives again what has a lower number than this and is not settled: it went back.
    rewound: u64,
}

#[derive(Debug)]
struct Tracked {
    /// `None` once the source is being told.
    acker: Option<Box<dyn Acker>>,
    items: Vec<Item>,
    open: usize,
    bytes: usize,
    deadline: Option<Instant>,
    settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    /// May be withdrawn.
    Waiting,
    /// In a request, or being written to the dead letters: its end will come.
    Underway,
    Ended(Disposition),
}

/// A delivery whose source is to be told.
#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) delivery: u64,
    pub(super) acker: Box<dyn Acker>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Ledger {
    pub(super) fn new(order: AckOrder) -> Self {
        Self {
            order,
            deliveries: BTreeMap::new(),
            next: 0,
            open: 0,
            bytes: 0,
            rewound: 0,
        }
    }

    pub(super) fn order(&self) -> AckOrder {
        self.order
    }

    /// A cumulative source goes back: whatever it has given so far is handed back with what made it go.
    pub(super) fn rewind(&mut self) {
        if self.order == AckOrder::Cumulative {
            self.rewound = self.next;
        }
    }

    /// Starts to track a delivery of `items` items and `bytes` bytes; returns its number.
    pub(super) fn open(
        &mut self,
        acker: Box<dyn Acker>,
        items: usize,
        bytes: usize,
        deadline: Option<Instant>,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        self.open += items;
        self.bytes += bytes;
        self.deliveries.insert(
            number,
            Tracked {
                acker: Some(acker),
                items: vec![Item::Waiting; items],
                open: items,
                bytes,
                deadline,
                settled: false,
            },
        );
        number
    }

    /// Items that have not ended.
    pub(super) fn open_items(&self) -> usize {
        self.open
    }

    /// Bytes of the deliveries that are not settled, or of which something is still on its way.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Deliveries that are not settled.
    pub(super) fn unsettled(&self) -> usize {
        self.deliveries
            .values()
            .filter(|tracked| !tracked.settled)
            .count()
    }

    /// The item can no longer be withdrawn.
    pub(super) fn underway(&mut self, id: ItemId) {
        if let Some(item) = self.item(id)
            && *item == Item::Waiting
        {
            *item = Item::Underway;
        }
    }

    /// The item ended. False if it had ended before.
    pub(super) fn end(&mut self, id: ItemId, disposition: Disposition) -> bool {
        let Some(tracked) = self.deliveries.get_mut(&id.delivery) else {
            return false;
        };
        if matches!(tracked.items[id.index], Item::Ended(_)) {
            return false;
        }
        tracked.items[id.index] = Item::Ended(disposition);
        tracked.open -= 1;
        self.open -= 1;
        if tracked.open == 0 && tracked.settled {
            self.forget(id.delivery);
        }
        true
    }

    /// Deliveries whose source may be told now: all ended, and in the source's order.
    pub(super) fn ready(&mut self) -> Vec<Settlement> {
        let mut ready = Vec::new();
        let mut rewinds = false;
        for (&delivery, tracked) in &mut self.deliveries {
            if tracked.settled {
                continue;
            }
            let complete = tracked.open == 0;
            if complete && let Some(acker) = tracked.acker.take() {
                let mut settlement = tracked.settlement(delivery, acker);
                if delivery < self.rewound {
                    settlement.outcomes.fill(Outcome::HandedBack);
                }
                rewinds |= settlement.outcomes.contains(&Outcome::HandedBack);
                ready.push(settlement);
            }
            // The next one's turn comes when this one is settled.
            if self.order == AckOrder::Cumulative {
                break;
            }
        }
        if rewinds {
            self.rewind();
        }
        ready
    }

    /// The source has been told, or refuses to hear.
    pub(super) fn settled(&mut self, delivery: u64) {
        if let Some(tracked) = self.deliveries.get_mut(&delivery) {
            tracked.settled = true;
            if tracked.open == 0 {
                self.forget(delivery);
            }
        }
    }

    fn forget(&mut self, delivery: u64) {
        if let Some(tracked) = self.deliveries.remove(&delivery) {
            self.bytes -= tracked.bytes;
        }
    }

    /// The next moment at which a delivery runs out of time.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self
            .deliveries
            .values()
            .filter(|tracked| tracked.acker.is_some());
        waiting.filter_map(|tracked| tracked.deadline).min()
    }

    /// Deliveries that are out of time at `now`: their waiting items are to be withdrawn, then they are to be settled as they
    /// stand.
    pub(super) fn overdue(&self, now: Instant) -> Vec<u64> {
        let overdue = |tracked: &Tracked| {
            tracked.acker.is_some() && tracked.deadline.is_some_and(|end| end <= now)
        };
        self.deliveries
            .iter()
            .filter(|(_, tracked)| overdue(tracked))
            .map(|(&delivery, _)| delivery)
            .collect()
    }

    /// The delivery is out of time and told in its turn all the same.
    pub(super) fn forget_deadline(&mut self, delivery: u64) {
        if let Some(tracked) = self.deliveries.get_mut(&delivery) {
            tracked.deadline = None;
        }
    }

    /// Items of the delivery that may be withdrawn.
    pub(super) fn waiting(&self, delivery: u64) -> Vec<ItemId> {
        let items = self
            .deliveries
            .get(&delivery)
            .map_or(&[][..], |tracked| &tracked.items);
        let waiting = items
            .iter()
            .enumerate()
            .filter(|(_, item)| **item == Item::Waiting);
        waiting
            .map(|(index, _)| ItemId { delivery, index })
            .collect()
    }

    /// Settles a delivery as it stands; what is underway counts as handed back for its source.
    pub(super) fn settle_now(&mut self, delivery: u64) -> Option<Settlement> {
        let tracked = self.deliveries.get_mut(&delivery)?;
        let acker = tracked.acker.take()?;
        Some(tracked.settlement(delivery, acker))
    }

    /// Every item that has not ended.
    pub(super) fn unended(&self) -> Vec<ItemId> {
        let of = |(&delivery, tracked): (&u64, &Tracked)| {
            let open = |(index, item): (usize, &Item)| {
                (!matches!(item, Item::Ended(_))).then_some(ItemId { delivery, index })
            };
            tracked
                .items
                .iter()
                .enumerate()
                .filter_map(open)
                .collect::<Vec<_>>()
        };
        self.deliveries.iter().flat_map(of).collect()
    }

    fn item(&mut self, id: ItemId) -> Option<&mut Item> {
        self.deliveries
            .get_mut(&id.delivery)?
            .items
            .get_mut(id.index)
    }
}

impl Tracked {
    fn settlement(&self, delivery: u64, acker: Box<dyn Acker>) -> Settlement {
        let outcome = |item: &Item| match item {
            Item::Ended(disposition) => disposition.outcome(),
            Item::Waiting | Item::Underway => Outcome::HandedBack,
        };
        Settlement {
            delivery,
            acker,
            outcomes: self.items.iter().map(outcome).collect(),
        }
    }
}
