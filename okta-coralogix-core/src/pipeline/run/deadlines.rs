//! What a run does because of the time alone.

use std::time::Duration;

use tokio::time::Instant;

use super::Run;
use crate::pipeline::Ending;
use crate::{Error, ErrorKind};

/// Nothing happens this far ahead: a timer that is not needed.
const FAR: Duration = Duration::from_secs(24 * 3600);

impl Run {
    /// Does what is due by time alone.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        if self.source_rests_until.is_some_and(|until| until <= now) {
            self.source_rests_until = None;
        }
        for delivery in self.ledger.overdue(now) {
            self.withdraw(delivery);
        }
        if self.give_up_at().is_some_and(|at| at <= now) && self.fatal.is_none() {
            let fault = self.fault.take().unwrap_or_default();
            let detail = format!(
                "gave up: nothing has moved for {:?}; the last fault: {fault}",
                now - self.moved
            );
            self.fail(Error::new(ErrorKind::GaveUp, detail));
        }
    }

    /// Hands back what of a delivery is not on its way, and settles it as it stands.
    fn withdraw(&mut self, delivery: u64) {
        let waiting = self.ledger.waiting(delivery);
        drop(self.queue.withdraw(|id| id.delivery == delivery));
        // Reports that are already here came first.
        while let Ok(report) = self.inbox.try_recv() {
            self.hear(report);
        }
        for id in waiting {
            self.ended(id, Ending::HandedBack);
        }
        if let Some(settlement) = self.ledger.settle_now(delivery) {
            self.tell(settlement);
        }
    }

    fn give_up_at(&self) -> Option<Instant> {
        self.fault.as_ref()?;
        Some(self.moved + self.limits.give_up?)
    }

    pub(super) fn next_wake(&self) -> Instant {
        let linger = self
            .queue
            .waiting_since()
            .map(|since| since + self.limits.linger);
        let linger = linger.filter(|_| self.sends.len() < self.limits.requests);
        let times = [
            linger,
            self.ledger.next_deadline(),
            self.source_rests_until,
            self.drain_until,
            self.give_up_at().filter(|_| self.fatal.is_none()),
        ];
        times
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| Instant::now() + FAR)
    }
}
