//! The ledger: the disposition of each item of a delivery, and when the delivery may be settled.
//!
//! A delivery is *open* (an item has not ended), *complete*, *being settled* (its acker was taken), *settled*, and forgotten.
//!
//! * [`end`](Ledger::end) ends an item, once; the last one makes the delivery complete.
//! * [`ready`](Ledger::ready) gives out complete deliveries to be settled: of a cumulative source only the oldest that is not
//!   settled, so that its cursor never passes an open one; of an individual source any.
//! * A cumulative source rewinds when an item is handed back, and gives again all deliveries since. Those that were received
//!   before are settled as handed back, whatever their items' dispositions ([`rewind`](Ledger::rewind)).
//! * A delivery that is out of time is settled by an individual source while items are open; they count as handed back for it.
//!
//! A delivery is settled at most once, and none of its items as done with that has not ended.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::Disposition;
use super::item_guard::ItemId;
use crate::{AckOrder, Acker, Outcome};

/// The deliveries of a run that are not forgotten, by the order in which they were received.
#[derive(Debug)]
pub(super) struct Ledger {
    order: AckOrder,
    deliveries: BTreeMap<u64, Tracked>,
    next: u64,
    /// Items that have not ended.
    open: usize,
    /// Bytes of the deliveries.
    bytes: usize,
    /// Deliveries numbered below this are handed back after a rewind.
    rewound: u64,
}

#[derive(Debug)]
struct Tracked {
    /// `None` once the settlement has begun.
    acker: Option<Box<dyn Acker>>,
    /// `None` for items that have not ended.
    items: Vec<Option<Disposition>>,
    open: usize,
    bytes: usize,
    deadline: Option<Instant>,
    settled: bool,
}

/// A delivery that is ready to be settled, with an outcome for each item.
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

    /// A cumulative source rewinds its cursor: all deliveries that it has given so far are handed back too.
    pub(super) fn rewind(&mut self) {
        if self.order == AckOrder::Cumulative {
            self.rewound = self.next;
        }
    }

    /// Drops the ackers of all deliveries that are not settled: the run is over.
    pub(super) fn hand_back_all(&mut self) {
        self.deliveries.clear();
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
        let tracked = Tracked {
            acker: Some(acker),
            items: vec![None; items],
            open: items,
            bytes,
            deadline,
            settled: false,
        };
        self.deliveries.insert(number, tracked);
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
        let tracked = self.deliveries.values();
        tracked.filter(|tracked| !tracked.settled).count()
    }

    /// The item ended. False if it had ended before.
    pub(super) fn end(&mut self, id: ItemId, disposition: Disposition) -> bool {
        let Some(tracked) = self.deliveries.get_mut(&id.delivery) else {
            return false;
        };
        let item = &mut tracked.items[id.index];
        if item.is_some() {
            return false;
        }
        *item = Some(disposition);
        tracked.open -= 1;
        self.open -= 1;
        self.forget_if_done(id.delivery);
        true
    }

    /// Deliveries that may be settled now: all items ended, and in the source's order.
    pub(super) fn ready(&mut self) -> Vec<Settlement> {
        let mut ready = Vec::new();
        let mut rewinds = false;
        for (&delivery, tracked) in &mut self.deliveries {
            if tracked.settled {
                continue;
            }
            let complete = tracked.open == 0;
            if complete && let Some(mut settlement) = tracked.settlement(delivery) {
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

    /// The settlement finished or failed.
    pub(super) fn settled(&mut self, delivery: u64) {
        if let Some(tracked) = self.deliveries.get_mut(&delivery) {
            tracked.settled = true;
            self.forget_if_done(delivery);
        }
    }

    fn forget_if_done(&mut self, delivery: u64) {
        let is_done = |tracked: &Tracked| tracked.settled && tracked.open == 0;
        if self.deliveries.get(&delivery).is_some_and(is_done)
            && let Some(tracked) = self.deliveries.remove(&delivery)
        {
            self.bytes -= tracked.bytes;
        }
    }

    /// The next moment at which a delivery runs out of time.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let tracked = self.deliveries.values();
        tracked.filter_map(|tracked| tracked.deadline).min()
    }

    /// Deliveries that are out of time at `now`.
    pub(super) fn overdue(&self, now: Instant) -> BTreeSet<u64> {
        let overdue = |tracked: &Tracked| tracked.deadline.is_some_and(|end| end <= now);
        let deliveries = self.deliveries.iter();
        deliveries
            .filter(|(_, tracked)| overdue(tracked))
            .map(|(&delivery, _)| delivery)
            .collect()
    }

    /// The deadline of the delivery has passed: that of an individual source is settled as it is, that of a cumulative one in its turn.
    pub(super) fn expire(&mut self, delivery: u64) -> Option<Settlement> {
        let tracked = self.deliveries.get_mut(&delivery)?;
        tracked.deadline = None;
        match self.order {
            AckOrder::Cumulative => None,
            AckOrder::Individual => tracked.settlement(delivery),
        }
    }
}

impl Tracked {
    /// Takes the acker, with an outcome for each item.
    fn settlement(&mut self, delivery: u64) -> Option<Settlement> {
        let acker = self.acker.take()?;
        self.deadline = None;
        let outcome = |item: &Option<Disposition>| match item {
            Some(disposition) => disposition.outcome(),
            None => Outcome::HandedBack,
        };
        Some(Settlement {
            delivery,
            acker,
            outcomes: self.items.iter().map(outcome).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;

    use super::*;
    use crate::Result;

    #[derive(Debug)]
    struct NoAcker;

    #[async_trait]
    impl Acker for NoAcker {
        async fn settle(self: Box<Self>, _outcomes: &[Outcome]) -> Result<()> {
            Ok(())
        }
    }

    const DELIVERED: Disposition = Disposition::Delivered;
    const BACK: Disposition = Disposition::HandedBack;

    fn ledger(order: AckOrder, deliveries: usize, deadline: Option<Instant>) -> Ledger {
        let mut ledger = Ledger::new(order);
        for _ in 0..deliveries {
            ledger.open(Box::new(NoAcker), 2, 100, deadline);
        }
        ledger
    }

    fn end(ledger: &mut Ledger, delivery: u64, items: [Disposition; 2]) {
        for (index, disposition) in items.into_iter().enumerate() {
            assert!(ledger.end(ItemId { delivery, index }, disposition));
        }
    }

    /// Settles all that can be, in turn.
    fn settle_all(ledger: &mut Ledger) -> Vec<(u64, Vec<Outcome>)> {
        let mut settled = Vec::new();
        loop {
            let ready = ledger.ready();
            if ready.is_empty() {
                return settled;
            }
            for settlement in ready {
                ledger.settled(settlement.delivery);
                settled.push((settlement.delivery, settlement.outcomes));
            }
        }
    }

    #[test]
    fn a_hand_back_rewinds_a_cumulative_source_only() {
        use AckOrder::{Cumulative, Individual};
        use Outcome::{HandedBack, Settled};
        let table = [
            (
                Cumulative,
                [DELIVERED, DELIVERED],
                [Settled; 2],
                [Settled; 2],
            ),
            (
                Cumulative,
                [DELIVERED, BACK],
                [Settled, HandedBack],
                [HandedBack; 2],
            ),
            (
                Individual,
                [DELIVERED, BACK],
                [Settled, HandedBack],
                [Settled; 2],
            ),
        ];
        for (order, first, of_first, of_second) in table {
            let mut ledger = ledger(order, 2, None);
            end(&mut ledger, 1, [DELIVERED; 2]);
            end(&mut ledger, 0, first);
            let settled = settle_all(&mut ledger);
            let expected = [(0, of_first.to_vec()), (1, of_second.to_vec())];
            assert_eq!(settled, expected, "{order:?} {first:?}");
            assert_eq!((ledger.unsettled(), ledger.bytes()), (0, 0));
            // What the source gives after it went back is its own.
            ledger.open(Box::new(NoAcker), 2, 100, None);
            end(&mut ledger, 2, [DELIVERED; 2]);
            assert_eq!(settle_all(&mut ledger), [(2, vec![Settled; 2])]);
        }
    }

    #[test]
    fn a_cumulative_source_is_told_in_order_and_an_individual_one_at_once() {
        for (order, early) in [(AckOrder::Cumulative, 0), (AckOrder::Individual, 1)] {
            let mut ledger = ledger(order, 2, None);
            end(&mut ledger, 1, [DELIVERED; 2]);
            assert_eq!(settle_all(&mut ledger).len(), early, "{order:?}");
            end(&mut ledger, 0, [DELIVERED; 2]);
            assert_eq!(settle_all(&mut ledger).len(), 2 - early, "{order:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_settles_an_open_delivery_of_an_individual_source_only() {
        let deadline = Instant::now() + Duration::from_secs(4);
        for (order, settles) in [(AckOrder::Cumulative, false), (AckOrder::Individual, true)] {
            let mut ledger = ledger(order, 1, Some(deadline));
            let item = |index| ItemId { delivery: 0, index };
            assert!(ledger.end(item(0), DELIVERED));
            assert_eq!(ledger.next_deadline(), Some(deadline));
            assert!(
                ledger
                    .overdue(deadline - Duration::from_millis(1))
                    .is_empty()
            );
            assert_eq!(ledger.overdue(deadline), BTreeSet::from([0]));
            let settlement = ledger.expire(0).map(|settlement| settlement.outcomes);
            let expected = vec![Outcome::Settled, Outcome::HandedBack];
            assert_eq!(settlement, settles.then_some(expected), "{order:?}");
            assert_eq!(ledger.next_deadline(), None);
            assert!(ledger.overdue(deadline).is_empty());
            // The item that was open is on its way all the same.
            assert_eq!((ledger.open_items(), ledger.bytes()), (1, 100));
            assert!(ledger.end(item(1), DELIVERED));
            let later = settle_all(&mut ledger).len();
            assert_eq!(later, usize::from(!settles), "{order:?} is settled once");
        }
    }

    #[test]
    fn an_item_ends_once() {
        let mut ledger = ledger(AckOrder::Individual, 1, None);
        let item = |index| ItemId { delivery: 0, index };
        assert!(ledger.end(item(0), DELIVERED));
        assert!(!ledger.end(item(0), BACK));
        assert_eq!(ledger.open_items(), 1);
        assert!(ledger.end(item(1), DELIVERED));
        assert_eq!(settle_all(&mut ledger), [(0, vec![Outcome::Settled; 2])]);
        assert!(!ledger.end(item(1), BACK), "it is forgotten");
        assert_eq!((ledger.open_items(), ledger.bytes()), (0, 0));
    }
}
