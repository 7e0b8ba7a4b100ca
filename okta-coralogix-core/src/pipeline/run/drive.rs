//! The loop of a run.

use std::future::pending;
use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::{Run, Tasks};
use crate::backoff::later;
use crate::observe::PipelineEvent;
use crate::pipeline::context::Report;
use crate::pipeline::dead_letters::Undeliverable;
use crate::pipeline::deliver::{deliver, isolate};
use crate::pipeline::item_guard::Slot;
use crate::pipeline::live::{Phase, Shown};
use crate::pipeline::{RunError, Summary};
use crate::sink::{BatchLimits, Suspect};
use crate::{Error, Lease, LeaseLost, Result};

/// Resolves once the lease is lost, if there is one.
async fn lost(lease: Option<Arc<dyn Lease>>) {
    match lease {
        Some(lease) => lease.lost().await,
        None => pending().await,
    }
}

impl Run {
    pub(in crate::pipeline) async fn drive(
        mut self,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Summary, RunError> {
        let mut shutdown = std::pin::pin!(shutdown.fuse());
        let lost = lost(self.context.parts.lease.clone());
        let mut lost = std::pin::pin!(lost.fuse());
        let live = Arc::clone(&self.live);
        self.observe(&PipelineEvent::Started);
        loop {
            self.expire();
            self.start_requests();
            self.start_settlements();
            self.show();
            if self.is_done() {
                return self.finish().await;
            }
            let asks = self.asks_the_source();
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = &mut shutdown => self.drain(),
                () = &mut lost => self.fail(LeaseLost.into()),
                () = live.woken() => self.retry_if_asked(),
                Some(report) = self.inbox.recv() => {
                    self.hear(report);
                    self.hear_all();
                }
                Some((delivery, outcomes, result)) = self.tasks.settlements.next() => {
                    self.settled(delivery, &outcomes, result);
                }
                Some(sent) = self.tasks.requests.next() => match sent {
                    Ok(suspects) => self.isolate(suspects),
                    Err(error) => self.fail(error),
                },
                Some(done) = self.tasks.others.next() => self.check(done),
                received = self.source.stream.next(), if asks => {
                    self.received(received);
                    // A source that always has something must not keep the rest of the program, timers included, from its turn.
                    tokio::task::yield_now().await;
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Starts as many requests as may be in flight.
    fn start_requests(&mut self) {
        let parts = Arc::clone(&self.context.parts);
        let ceiling = self.context.learned.ceiling();
        let mut limits = parts.sink.limits();
        limits.bytes = limits.bytes.min(ceiling);
        while self.tasks.requests.len() < self.context.limits.requests && self.is_due(limits) {
            let request = match self.queue.take(&*parts.sink, ceiling) {
                Ok(Ok(request)) => request,
                Ok(Err((item, error))) => {
                    let unsendable = item
                        .state
                        .slot
                        .map(|slot| Undeliverable::new(slot, error.reason(), error.to_string()));
                    self.dead_letter(unsendable.into_iter().collect());
                    continue;
                }
                Err(error) => return self.fail(error),
            };
            let seed = self.next_seed();
            let delivered = deliver(Arc::clone(&self.context), seed, request);
            self.tasks.requests.push(delivered.boxed());
        }
    }

    pub(in crate::pipeline) fn isolate(&mut self, suspects: Vec<Suspect<Slot>>) {
        for suspect in suspects {
            if let Some(slot) = &suspect.item.state.slot {
                self.ledger.detach(slot.item.id);
            }
            let seed = self.next_seed();
            let isolated = isolate(Arc::clone(&self.context), seed, suspect);
            self.tasks.others.push(isolated.boxed());
        }
    }

    /// True if the queue should be sent now.
    fn is_due(&self, limits: BatchLimits) -> bool {
        self.queue.waiting_since().is_some_and(|since| {
            self.takes_no_more()
                || self.queue.fills(limits)
                || later(since, self.context.limits.linger) <= Instant::now()
        })
    }

    pub(super) fn dead_letter(&mut self, undeliverable: Vec<Undeliverable>) {
        let context = Arc::clone(&self.context);
        let seed = self.next_seed();
        let written = async move { context.write_dead_letters(undeliverable, seed).await };
        self.tasks.others.push(written.boxed());
    }

    fn next_seed(&mut self) -> u64 {
        self.seeds += 1;
        self.context.limits.seed.wrapping_add(self.seeds)
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Ended(id, disposition) => {
                if self.ledger.end(id, disposition) {
                    self.summary.count(disposition);
                }
            }
            Report::Healed { is_verified } => {
                self.summary.healed += 1;
                self.summary.unverified += u64::from(!is_verified);
            }
            Report::TakesLong(id) => self.ledger.detach(id),
            Report::AnswerLost(entries) => {
                self.summary.ambiguous_sends += 1;
                self.summary.ambiguous_entries += entries as u64;
            }
            Report::PossiblyDelivered => self.summary.possibly_delivered += 1,
        }
    }

    /// Applies all reports up to now.
    pub(super) fn hear_all(&mut self) {
        while let Ok(report) = self.inbox.try_recv() {
            self.hear(report);
        }
    }

    pub(super) fn observe(&self, event: &PipelineEvent<'_>) {
        self.context.observe(event);
    }

    /// Shows what the run does.
    fn show(&self) {
        let phase = match self.takes_no_more() {
            false => Phase::Running,
            true => Phase::Draining,
        };
        self.live.show(Shown {
            phase,
            summary: self.summary,
            pending: self.ledger.open_items(),
            deliveries: self.ledger.unsettled(),
            requests: self.tasks.requests.len(),
            progress: self.context.stall.moved_at(),
        });
    }

    /// Ends the waits between attempts, if an operator asks for it.
    fn retry_if_asked(&mut self) {
        if self.live.is_asked_to_retry() {
            self.source.end_rest();
            self.context.learned.end_rest();
            self.context.retries.send_replace(());
        }
    }

    fn check(&mut self, done: Result<()>) {
        if let Err(error) = done {
            self.fail(error);
        }
    }

    /// Ends the run with a permanent error: nothing more is received or sent, requests on the wire may finish.
    pub(super) fn fail(&mut self, error: Error) {
        self.fatal.get_or_insert(error);
        self.context.stop.send_replace(true);
        self.drain();
        self.queue.withdraw(|_| true);
    }

    pub(super) fn drain(&mut self) {
        self.drain_until
            .get_or_insert(later(Instant::now(), self.context.limits.drain));
        self.context.drains.send_replace(true);
    }

    pub(super) fn takes_no_more(&self) -> bool {
        self.source.exhausted || self.drain_until.is_some()
    }

    /// Items in flight end as handed back.
    pub(super) fn hand_back_in_flight(&mut self) {
        self.queue.withdraw(|_| true);
        self.tasks = Tasks::default();
        self.hear_all();
    }

    fn is_done(&self) -> bool {
        let all_settled = self.ledger.unsettled() == 0 && self.ledger.open_items() == 0;
        let out_of_time = self
            .drain_until
            .is_some_and(|until| until <= Instant::now());
        (self.takes_no_more() && all_settled && self.tasks.settlements.is_empty()) || out_of_time
    }

    async fn finish(mut self) -> Result<Summary, RunError> {
        self.hand_back_in_flight();
        self.ledger.hand_back_all();
        let summary = self.summary;
        let sink = Arc::clone(&self.context.parts.sink);
        let (saved, finished) = self.source.close(&*sink).await;
        if let Err(error) = finished {
            match &self.fatal {
                Some(_) => tracing::warn!(%error, "the sink could not be closed"),
                None => self.fatal = Some(error),
            }
        }
        if let Err(error) = saved {
            match self.fatal {
                // What was to be saved is delivered again: the error that ends the run does not say so.
                Some(_) => self.observe(&PipelineEvent::SettleFailed { error: &error }),
                None => self.fatal = Some(error),
            }
        }
        self.observe(&PipelineEvent::Stopped {
            summary: &summary,
            error: self.fatal.as_ref(),
        });
        match self.fatal.take() {
            None => Ok(summary),
            Some(error) => Err(RunError { error, summary }),
        }
    }
}
