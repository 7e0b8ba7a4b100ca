//! Timers: expired deadlines, rests and time limits of a run.

use tokio::time::Instant;

use super::Run;
use crate::backoff::{MAX_WAIT, later};
use crate::observe::Stage;

impl Run {
    /// Applies all timers that have expired.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        if self.source.rests_until.is_some_and(|until| until <= now) {
            self.source.rests_until = None;
        }
        let stall = &self.context.stall;
        if self.source_idles_at().is_some_and(|at| at <= now) {
            stall.source_answered();
            self.context.reporter.forget_fault(Stage::Source);
        }
        let is_busy = self.ledger.unsettled() > 0 || self.ledger.open_items() > 0;
        stall.set_busy(is_busy);
        if !is_busy {
            self.context.reporter.forget_fault(Stage::Sink);
            self.context.reporter.forget_fault(Stage::DeadLetters);
        }
        self.withdraw_overdue(now);
        let limit = self.context.limits.give_up.filter(|_| self.fatal.is_none());
        if let Some(error) = limit.and_then(|limit| self.context.stall.gave_up(limit)) {
            self.fail(error);
        }
    }

    /// Hands back the queued items of deliveries past their deadline and settles those deliveries; those of a cumulative source in
    /// their order all the same.
    fn withdraw_overdue(&mut self, now: Instant) {
        let overdue = self.ledger.overdue(now);
        if overdue.is_empty() {
            return;
        }
        self.queue.withdraw(|id| overdue.contains(&id.delivery));
        self.hear_all();
        for delivery in overdue {
            if let Some(settlement) = self.ledger.expire(delivery) {
                self.settle(settlement);
            }
        }
    }

    /// When a source that has failed, and does not answer, counts as idle.
    fn source_idles_at(&self) -> Option<Instant> {
        self.context.stall.source_idles_at(self.source.asked?)
    }

    pub(super) fn next_wake(&self) -> Instant {
        let limits = &self.context.limits;
        let linger = self.queue.waiting_since();
        let linger = linger.filter(|_| self.tasks.requests.len() < limits.requests);
        let give_up = limits.give_up.filter(|_| self.fatal.is_none());
        let times = [
            linger.map(|since| later(since, limits.linger)),
            self.ledger.next_deadline(),
            self.source.rests_until,
            self.drain_until,
            self.source_idles_at(),
            give_up.and_then(|limit| self.context.stall.ends_at(limit)),
        ];
        let far = later(Instant::now(), MAX_WAIT);
        times.into_iter().flatten().min().unwrap_or(far)
    }
}
