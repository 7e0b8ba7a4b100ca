//! What a run does because of the time alone.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::Run;
use crate::backoff::{FAR, later};
use crate::pipeline::Disposition;
use crate::{AckOrder, Error, ErrorKind};

impl Run {
    /// Does what is due by time alone.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        if self.source_rests_until.is_some_and(|until| until <= now) {
            self.source_rests_until = None;
        }
        if let Some(asked) = self.asked {
            self.stall.source_is_silent(asked);
        }
        self.stall.busy(self.ledger.unsettled() > 0);
        self.withdraw_overdue(now);
        if self.give_up_at().is_some_and(|at| at <= now) && self.fatal.is_none() {
            let fault = self.stall.fault();
            let detail = format!(
                "gave up: nothing has moved for {:?}; the last fault: {fault}",
                self.limits.give_up
            );
            self.fail(Error::new(ErrorKind::GaveUp, detail));
        }
    }

    /// Hands back what is not on its way of deliveries that are out of time, and settles them as they stand. A cumulative
    /// source still hears in its order.
    fn withdraw_overdue(&mut self, now: Instant) {
        let overdue: BTreeSet<u64> = self.ledger.overdue(now).into_iter().collect();
        if overdue.is_empty() {
            return;
        }
        drop(self.queue.withdraw(|id| overdue.contains(&id.delivery)));
        // Reports that are already here came first.
        self.hear_all();
        for delivery in overdue {
            for id in self.ledger.waiting(delivery) {
                self.ended(id, Disposition::HandedBack);
            }
            match self.ledger.order() {
                AckOrder::Cumulative => self.ledger.forget_deadline(delivery),
                AckOrder::Individual => {
                    if let Some(settlement) = self.ledger.settle_now(delivery) {
                        self.tell(settlement);
                    }
                }
            }
        }
    }

    fn give_up_at(&self) -> Option<Instant> {
        self.stall.ends_at(self.limits.give_up?)
    }

    pub(super) fn next_wake(&self) -> Instant {
        let linger = self
            .queue
            .waiting_since()
            .map(|since| later(since, self.limits.linger));
        let linger = linger.filter(|_| self.sends.len() < self.limits.requests);
        let times = [
            linger,
            self.ledger.next_deadline(),
            self.source_rests_until,
            self.drain_until,
            self.give_up_at().filter(|_| self.fatal.is_none()),
        ];
        let far = later(Instant::now(), FAR);
        times.into_iter().flatten().min().unwrap_or(far)
    }
}
