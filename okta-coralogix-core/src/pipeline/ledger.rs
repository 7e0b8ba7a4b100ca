//! The ledger: the disposition of each item of a delivery, and when the delivery may be settled.
//!
//! A delivery is *open* (an item has not ended), *complete*, *being settled* (its acker was taken), *settled*, and forgotten.
//!
//! * [`end`](Ledger::end) ends an item, once; the last one makes the delivery complete.
//! * [`ready`](Ledger::ready) gives out complete deliveries to be settled: of a cumulative source only the oldest that is not
//!   settled, so that its cursor never passes an open one; of an individual source any.
//! * A cumulative source rewinds when an item is handed back, and gives again all deliveries since. Those that were received
//!   before are settled as handed back, whatever their items' dispositions ([`rewind`](Ledger::rewind)).
//! * [`detach`](Ledger::detach) makes items of an individual source's delivery one of their own.
//! * A delivery that is out of time is settled by an individual source while items are open; they count as handed back for it.
//!
//! A delivery is settled at most once, and none of its items as done with that has not ended.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::Disposition;
use super::item_guard::ItemId;
use super::tracked_delivery::{ItemState, Settlement, Tracked};
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
        let tracked = Tracked::new(acker, items, bytes, deadline);
        self.deliveries.insert(number, tracked);
        number
    }

    /// An item may take long: the rest of its delivery is settled without it, if the source can do that.
    pub(super) fn detach(&mut self, id: ItemId) {
        let number = self.next;
        let delivery = match self.order {
            AckOrder::Cumulative => None,
            AckOrder::Individual => self.deliveries.get_mut(&id.delivery),
        };
        let part = delivery.and_then(|tracked| tracked.detach(id.delivery, id.index, number));
        if let Some(part) = part {
            self.next += 1;
            self.deliveries.insert(number, part);
        }
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

    /// Deliveries that are not settled, without the parts that were detached.
    pub(super) fn unsettled_deliveries(&self) -> usize {
        let tracked = self.deliveries.values();
        let counts = |tracked: &&Tracked| !tracked.settled && tracked.part_of.is_none();
        tracked.filter(counts).count()
    }

    /// The item ended. False if it had ended before.
    pub(super) fn end(&mut self, id: ItemId, disposition: Disposition) -> bool {
        let Some(tracked) = self.deliveries.get_mut(&id.delivery) else {
            return false;
        };
        match tracked.items[id.index] {
            ItemState::Open => {}
            ItemState::Ended(_) => return false,
            ItemState::Detached(part) => return self.end(part, disposition),
        }
        tracked.items[id.index] = ItemState::Ended(disposition);
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
        let Some(tracked) = self.deliveries.get_mut(&delivery) else {
            return;
        };
        if !tracked.is_settled_and_ended() {
            return;
        }
        // The bytes of its parts are theirs.
        self.bytes -= std::mem::take(&mut tracked.bytes);
        if tracked.parts > 0 {
            return;
        }
        let part_of = tracked.part_of;
        self.deliveries.remove(&delivery);
        if let Some(number) = part_of
            && let Some(whole) = self.deliveries.get_mut(&number)
        {
            whole.parts -= 1;
            self.forget_if_done(number);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;

    use super::*;
    use crate::{Detached, Result};

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
        // The end of one item, its outcome, and those of the delivery behind it.
        let table = [
            (Cumulative, DELIVERED, Settled, Settled),
            (Cumulative, BACK, HandedBack, HandedBack),
            (Individual, BACK, HandedBack, Settled),
        ];
        for (order, disposition, outcome, behind) in table {
            let mut ledger = ledger(order, 2, None);
            end(&mut ledger, 1, [DELIVERED; 2]);
            end(&mut ledger, 0, [DELIVERED, disposition]);
            let settled = settle_all(&mut ledger);
            let expected = [(0, vec![Settled, outcome]), (1, vec![behind; 2])];
            assert_eq!(settled, expected, "{order:?} {disposition:?}");
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

    /// Lets go of an item and of the one behind it.
    #[derive(Debug)]
    struct Detaches;

    #[async_trait]
    impl Acker for Detaches {
        async fn settle(self: Box<Self>, _outcomes: &[Outcome]) -> Result<()> {
            Ok(())
        }

        fn detach(&mut self, item: usize) -> Option<Detached> {
            Some(Detached {
                items: vec![item, item + 1],
                acker: Box::new(NoAcker),
            })
        }
    }

    #[test]
    fn delivery_is_settled_without_an_item_that_takes_long() {
        use Outcome::{HandedBack, Settled};
        let item = |index| ItemId { delivery: 0, index };
        for (order, early) in [(AckOrder::Cumulative, false), (AckOrder::Individual, true)] {
            let mut ledger = Ledger::new(order);
            ledger.open(Box::new(Detaches), 4, 100, None);
            assert!(ledger.end(item(2), DELIVERED));
            ledger.detach(item(1));
            ledger.detach(item(1));
            assert_eq!(ledger.bytes(), 100);
            assert!(ledger.end(item(0), DELIVERED) && ledger.end(item(3), BACK));
            let expected = vec![(0, vec![Settled, HandedBack])];
            let settled = settle_all(&mut ledger);
            assert_eq!(settled, if early { expected } else { vec![] }, "{order:?}");
            assert_eq!(ledger.unsettled_deliveries(), usize::from(!early));
            let of_two = if early { 50 } else { 100 };
            assert_eq!(ledger.bytes(), of_two, "{order:?}");
            assert_eq!((ledger.unsettled(), ledger.open_items()), (1, 1));
            assert!(!ledger.end(item(2), BACK), "it ended before");
            assert!(ledger.end(item(1), DELIVERED) && !ledger.end(item(1), BACK));
            let expected = match early {
                true => (1, vec![Settled, Settled]),
                false => (0, vec![Settled, Settled, Settled, HandedBack]),
            };
            assert_eq!(settle_all(&mut ledger), [expected], "{order:?}");
            assert_eq!((ledger.unsettled(), ledger.bytes()), (0, 0));
            assert!(ledger.deliveries.is_empty(), "both are forgotten");
        }
    }
}
