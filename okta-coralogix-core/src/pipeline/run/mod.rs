//! The loop of a run: everything is polled side by side in one task.

mod receive;
mod timers;

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::{AbortHandle, BoxFuture};
use futures::stream::{BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::admit::{Report, Reports, end};
use super::deliver::deliver;
use super::ledger::{Ledger, Settlement};
use super::queue::{ItemId, Queue};
use super::{Disposition, Limits, Parts, RunError, Summary};
use crate::backoff::{Backoff, later};
use crate::filter::DedupWindow;
use crate::observe::PipelineEvent;
use crate::sink::{BatchLimits, LearnedLimits, encode, encode_reason};
use crate::stall::Stall;
use crate::{Delivery, Error, EventSource, Result};

pub(super) struct Run {
    parts: Arc<Parts>,
    limits: Limits,
    dedup: DedupWindow,
    source: BoxStream<'static, Result<Delivery>>,
    source_backoff: Backoff,
    /// Since when it is being asked.
    asked: Option<Instant>,
    /// Not to be asked before this.
    source_rests_until: Option<Instant>,
    settle_backoff: Backoff,
    exhausted: bool,
    queue: Queue,
    ledger: Ledger,
    reports: Reports,
    inbox: mpsc::UnboundedReceiver<Report>,
    sends: FuturesUnordered<BoxFuture<'static, Result<()>>>,
    /// Dead letters being written, and copies that wait for the outcome of the first.
    undeliverable: FuturesUnordered<BoxFuture<'static, Result<()>>>,
    /// How to end the waits of copies that were handed back meanwhile.
    joined: HashMap<ItemId, AbortHandle>,
    settlements: FuturesUnordered<BoxFuture<'static, (u64, usize, Result<()>)>>,
    stop: watch::Sender<bool>,
    learned: Arc<LearnedLimits>,
    /// When what is in flight must have finished; set once nothing more is taken.
    drain_until: Option<Instant>,
    fatal: Option<Error>,
    stall: Stall,
    summary: Summary,
    groups: u64,
}

impl Run {
    pub(super) fn new<S: EventSource>(source: S, parts: Arc<Parts>, limits: Limits) -> Self {
        let (reports, inbox) = mpsc::unbounded_channel();
        Self {
            dedup: source.dedup_window(),
            ledger: Ledger::new(source.ack_order()),
            source: deliveries(source),
            source_backoff: Backoff::new(parts.backoff, limits.seed),
            asked: None,
            source_rests_until: None,
            settle_backoff: Backoff::new(parts.backoff, limits.seed),
            exhausted: false,
            queue: Queue::default(),
            reports,
            inbox,
            sends: FuturesUnordered::new(),
            undeliverable: FuturesUnordered::new(),
            joined: HashMap::new(),
            settlements: FuturesUnordered::new(),
            stop: watch::Sender::new(false),
            learned: Arc::new(LearnedLimits::new(limits.requests)),
            drain_until: None,
            fatal: None,
            stall: Stall::default(),
            summary: Summary::default(),
            groups: 0,
            parts,
            limits,
        }
    }

    pub(super) async fn drive(
        mut self,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Summary, RunError> {
        let mut shutdown = std::pin::pin!(shutdown.fuse());
        loop {
            self.expire();
            self.start_requests();
            self.start_settlements();
            if self.is_done() {
                return self.finish();
            }
            let wake = self.next_wake();
            let takes = self.takes();
            tokio::select! {
                biased;
                () = &mut shutdown => self.drain(),
                Some(report) = self.inbox.recv() => {
                    self.hear(report);
                    self.hear_all();
                }
                Some((delivery, items, told)) = self.settlements.next() => self.settled(delivery, items, told),
                Some(sent) = self.sends.next() => self.check(sent),
                Some(put) = self.undeliverable.next() => self.check(put),
                taken = self.source.next(), if takes => {
                    self.taken(taken);
                    // A source that always has something must not keep the rest of the program, timers included, from its turn.
                    tokio::task::yield_now().await;
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Starts as many requests as may be in flight.
    fn start_requests(&mut self) {
        let ceiling = self.learned.ceiling();
        let mut limits = self.parts.sink.limits();
        limits.bytes = limits.bytes.min(ceiling);
        while self.sends.len() < self.limits.requests && self.is_due(limits) {
            let entries = self.queue.entries(limits);
            let batch = match encode(&*self.parts.sink, entries, ceiling) {
                Ok(Ok(batch)) => batch,
                Err(error) => return self.fail(error),
                Ok(Err(error)) => {
                    let (slots, _) = self.queue.take(1);
                    let aside = |slot: super::queue::Slot| {
                        self.parts.dead_letter(
                            slot.id,
                            &slot.event,
                            slot.held,
                            encode_reason(&error),
                            &error.to_string(),
                        )
                    };
                    let undeliverable = slots.into_iter().map(aside).collect();
                    self.dead_letter(undeliverable);
                    continue;
                }
            };
            let taken = self.queue.take(batch.entries);
            for slot in &taken.0 {
                self.ledger.underway(slot.id);
            }
            self.groups += 1;
            let seed = self.limits.seed.wrapping_add(self.groups);
            let (parts, reports) = (Arc::clone(&self.parts), self.reports.clone());
            let (stop, learned) = (self.stop.subscribe(), Arc::clone(&self.learned));
            let delivered = deliver(parts, reports, stop, learned, seed, taken, batch);
            self.sends.push(delivered.boxed());
        }
    }

    /// True if what waits should be sent now.
    fn is_due(&self, limits: BatchLimits) -> bool {
        self.queue.waiting_since().is_some_and(|since| {
            let nothing_more_comes = self.exhausted || self.drain_until.is_some();
            nothing_more_comes
                || self.queue.fills(limits)
                || later(since, self.limits.linger) <= Instant::now()
        })
    }

    fn start_settlements(&mut self) {
        for settlement in self.ledger.ready() {
            self.tell(settlement);
        }
    }

    fn tell(&mut self, settlement: Settlement) {
        let Settlement {
            delivery,
            acker,
            outcomes,
        } = settlement;
        let told = async move {
            let told = acker.settle(&outcomes).await;
            (delivery, outcomes.len(), told)
        };
        self.settlements.push(told.boxed());
    }

    fn settled(&mut self, delivery: u64, items: usize, told: Result<()>) {
        self.ledger.settled(delivery);
        match told {
            Ok(()) => {
                self.stall.moved();
                self.settle_backoff.reset();
                self.parts
                    .observer
                    .observe(&PipelineEvent::Settled { items });
            }
            Err(error) => {
                self.parts
                    .observer
                    .observe(&PipelineEvent::SettleFailed { error: &error });
                match self.settle_backoff.next(error.retry()) {
                    Some(wait) => {
                        self.ledger.rewind();
                        self.stall.failed(error.to_string());
                        self.rest_the_source(wait);
                    }
                    None => self.fail(error),
                }
            }
        }
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Ended(id, disposition) => self.ended(id, disposition),
            Report::Progress => self.stall.moved(),
            Report::Fault(fault) => self.stall.failed(fault),
            Report::Ambiguous(entries) => self.summary.count_ambiguous(entries),
        }
    }

    /// Hears everything that has been reported up to now.
    fn hear_all(&mut self) {
        while let Ok(report) = self.inbox.try_recv() {
            self.hear(report);
        }
    }

    fn ended(&mut self, id: ItemId, disposition: Disposition) {
        if let Some(waits) = self.joined.remove(&id) {
            waits.abort();
        }
        if self.ledger.end(id, disposition) {
            self.summary.count(disposition);
            self.parts
                .observer
                .observe(&PipelineEvent::Ended { disposition });
        }
    }

    fn check(&mut self, done: Result<()>) {
        if let Err(error) = done {
            self.fail(error);
        }
    }

    /// Something that waiting cannot mend: nothing more is taken or sent, what is on the wire may finish.
    fn fail(&mut self, error: Error) {
        if self.fatal.is_none() {
            self.fatal = Some(error);
        }
        self.stop.send_replace(true);
        self.drain();
        for slot in self.queue.withdraw(|_| true) {
            end(&self.reports, slot.id, slot.held, Disposition::HandedBack);
        }
    }

    fn drain(&mut self) {
        self.drain_until
            .get_or_insert(later(Instant::now(), self.limits.drain));
    }

    fn is_done(&self) -> bool {
        let takes_no_more = self.exhausted || self.drain_until.is_some();
        let all_settled = self.ledger.unsettled() == 0 && self.ledger.open_items() == 0;
        let out_of_time = self
            .drain_until
            .is_some_and(|until| until <= Instant::now());
        (takes_no_more && all_settled && self.settlements.is_empty()) || out_of_time
    }

    fn finish(mut self) -> Result<Summary, RunError> {
        self.hear_all();
        for id in self.ledger.unended() {
            self.ended(id, Disposition::HandedBack);
        }
        let summary = self.summary;
        match self.fatal {
            None => Ok(summary),
            Some(error) => Err(RunError { error, summary }),
        }
    }
}

/// The source as a stream, so that asking it can go on from one turn of the loop to the next.
fn deliveries<S: EventSource>(source: S) -> BoxStream<'static, Result<Delivery>> {
    stream::unfold(source, |mut source| async {
        let next = source.next().await.transpose()?;
        Some((next, source))
    })
    .boxed()
}
