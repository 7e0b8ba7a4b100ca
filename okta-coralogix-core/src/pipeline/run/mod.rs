//! The loop of a run: everything is polled side by side in one task.

mod deadlines;

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::deliver::{Group, encode_reason};
use super::intake::{Judged, Report, Reports, end};
use super::queue::{ItemId, Queue};
use super::settle::{Ledger, Settlement};
use super::throttle::Throttle;
use super::{Ending, Failed, Limits, Parts, Summary};
use crate::backoff::Backoff;
use crate::filter::SeenFilter;
use crate::observe::Signal;
use crate::sink::{Batch, BatchLimits, EncodeError};
use crate::{Delivery, Error, EventSource, LogEntry, LogSink, MalformedEvent, RawEvent, Result};

pub(super) struct Run {
    parts: Arc<Parts>,
    limits: Limits,
    seen: SeenFilter,
    source: BoxStream<'static, Result<Delivery>>,
    source_backoff: Backoff,
    /// Not to be asked before this.
    source_rests_until: Option<Instant>,
    exhausted: bool,
    queue: Queue,
    ledger: Ledger,
    reports: Reports,
    inbox: mpsc::UnboundedReceiver<Report>,
    sends: FuturesUnordered<BoxFuture<'static, Result<()>>>,
    /// Dead letters being written, and copies that wait for the outcome of the first.
    asides: FuturesUnordered<BoxFuture<'static, Result<()>>>,
    settlements: FuturesUnordered<BoxFuture<'static, (u64, usize, Result<()>)>>,
    stop: watch::Sender<bool>,
    throttle: Arc<Throttle>,
    /// When what is in flight must have finished; set once nothing more is taken.
    drain_until: Option<Instant>,
    fatal: Option<Error>,
    /// What failed since anything last moved, and when that was.
    fault: Option<String>,
    moved: Instant,
    summary: Summary,
    groups: u64,
}

impl Run {
    pub(super) fn new<S: EventSource>(source: S, parts: Arc<Parts>, limits: Limits) -> Self {
        let (reports, inbox) = mpsc::unbounded_channel();
        Self {
            seen: source.seen(),
            ledger: Ledger::new(source.ack_order()),
            source: deliveries(source),
            source_backoff: Backoff::new(parts.backoff, limits.seed),
            source_rests_until: None,
            exhausted: false,
            queue: Queue::default(),
            reports,
            inbox,
            sends: FuturesUnordered::new(),
            asides: FuturesUnordered::new(),
            settlements: FuturesUnordered::new(),
            stop: watch::Sender::new(false),
            throttle: Arc::new(Throttle::new(limits.requests)),
            drain_until: None,
            fatal: None,
            fault: None,
            moved: Instant::now(),
            summary: Summary::default(),
            groups: 0,
            parts,
            limits,
        }
    }

    pub(super) async fn drive(
        mut self,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Summary, Failed> {
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
                Some(report) = self.inbox.recv() => self.hear(report),
                Some((delivery, items, told)) = self.settlements.next() => self.settled(delivery, items, told),
                Some(sent) = self.sends.next() => self.check(sent),
                Some(put) = self.asides.next() => self.check(put),
                taken = self.source.next(), if takes => self.taken(taken),
                () = sleep_until(wake) => {}
            }
        }
    }

    /// True if the source may be asked. Once it is being asked this stays true until it answers, so that an exchange with it
    /// is never left alone half way.
    fn takes(&self) -> bool {
        !self.exhausted
            && self.drain_until.is_none()
            && self.source_rests_until.is_none()
            && self.ledger.unsettled() < self.limits.deliveries
            && self.ledger.open_items() < self.limits.events
            && self.ledger.bytes() < self.limits.bytes
    }

    fn taken(&mut self, taken: Option<Result<Delivery>>) {
        match taken {
            None => self.exhausted = true,
            Some(Ok(delivery)) => {
                self.source_backoff.reset();
                self.progress();
                self.take(delivery);
            }
            Some(Err(error)) => {
                let retry_in = self.source_backoff.next(error.retry());
                self.parts.observer.observe(&Signal::SourceFailed {
                    error: &error,
                    retry_in,
                });
                match retry_in {
                    Some(wait) => {
                        self.fault = Some(error.to_string());
                        self.source_rests_until = Some(Instant::now() + wait);
                    }
                    None => self.fail(error),
                }
            }
        }
    }

    fn take(&mut self, delivery: Delivery) {
        let items = delivery.items.len();
        self.parts.observer.observe(&Signal::Received { items });
        self.summary.received += items as u64;
        let bytes = delivery.items.iter().map(size).sum();
        let number = self
            .ledger
            .open(delivery.acker, items, bytes, delivery.deadline);
        let mut asides = Vec::new();
        for (index, item) in delivery.items.into_iter().enumerate() {
            let id = ItemId {
                delivery: number,
                index,
            };
            match self
                .parts
                .judge(id, item, delivery.clock_offset, &self.seen)
            {
                Judged::Ended(ending) => self.ended(id, ending),
                Judged::Send(slot) => self.queue.push(slot.0, slot.1),
                Judged::PutAside(aside) => asides.push(aside),
                Judged::Joined(joined) => {
                    let reports = self.reports.clone();
                    self.asides.push(
                        async move {
                            let ending = match joined.await {
                                crate::Outcome::Settled => Ending::Duplicate,
                                crate::Outcome::HandedBack => Ending::HandedBack,
                            };
                            end(&reports, id, None, ending);
                            Ok(())
                        }
                        .boxed(),
                    );
                }
            }
        }
        self.put_aside(asides);
    }

    fn put_aside(&mut self, asides: Vec<super::intake::PutAside>) {
        if asides.is_empty() {
            return;
        }
        for aside in &asides {
            self.ledger.underway(aside.id);
        }
        let (parts, reports) = (Arc::clone(&self.parts), self.reports.clone());
        self.asides
            .push(async move { parts.write_aside(asides, &reports).await }.boxed());
    }

    /// Starts as many requests as may be in flight.
    fn start_requests(&mut self) {
        let ceiling = self.throttle.ceiling();
        let mut limits = self.parts.sink.limits();
        limits.bytes = limits.bytes.min(ceiling);
        while self.sends.len() < self.limits.requests && self.is_due(limits) {
            let entries = self.queue.entries(limits);
            let batch = match encode(&*self.parts.sink, entries, ceiling) {
                Ok(batch) => batch,
                Err(error) => {
                    let (slots, _) = self.queue.take(1);
                    let aside = |slot: super::queue::Slot| {
                        self.parts.put_aside(
                            slot.id,
                            &slot.event,
                            slot.held,
                            encode_reason(&error),
                            &error.to_string(),
                        )
                    };
                    let asides = slots.into_iter().map(aside).collect();
                    self.put_aside(asides);
                    continue;
                }
            };
            let taken = self.queue.take(batch.taken);
            for slot in &taken.0 {
                self.ledger.underway(slot.id);
            }
            self.groups += 1;
            let seed = self.limits.seed.wrapping_add(self.groups);
            let (parts, reports) = (Arc::clone(&self.parts), self.reports.clone());
            let (stop, throttle) = (self.stop.subscribe(), Arc::clone(&self.throttle));
            let group = Group::new(parts, reports, stop, throttle, seed, taken, batch);
            self.sends.push(group.deliver().boxed());
        }
    }

    /// True if what waits should be sent now.
    fn is_due(&self, limits: BatchLimits) -> bool {
        self.queue.waiting_since().is_some_and(|since| {
            let nothing_more_comes = self.exhausted || self.drain_until.is_some();
            nothing_more_comes
                || self.queue.fills(limits)
                || since + self.limits.linger <= Instant::now()
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
                self.progress();
                self.parts.observer.observe(&Signal::Settled { items });
            }
            Err(error) => {
                self.parts
                    .observer
                    .observe(&Signal::SettleFailed { error: &error });
                if error.is_temporary() {
                    self.fault = Some(error.to_string());
                } else {
                    self.fail(error);
                }
            }
        }
    }

    fn hear(&mut self, report: Report) {
        let mut next = Some(report);
        while let Some(report) = next {
            match report {
                Report::Ended(id, ending) => self.ended(id, ending),
                Report::Progress => self.progress(),
                Report::Fault(fault) => self.fault = Some(fault),
            }
            next = self.inbox.try_recv().ok();
        }
    }

    fn ended(&mut self, id: ItemId, ending: Ending) {
        if self.ledger.end(id, ending) {
            self.summary.count(ending);
            self.parts.observer.observe(&Signal::Ended { ending });
        }
    }

    fn progress(&mut self) {
        self.moved = Instant::now();
        self.fault = None;
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
            end(&self.reports, slot.id, slot.held, Ending::HandedBack);
        }
    }

    fn drain(&mut self) {
        self.drain_until
            .get_or_insert(Instant::now() + self.limits.drain);
    }

    fn is_done(&self) -> bool {
        let takes_no_more = self.exhausted || self.drain_until.is_some();
        let all_settled = self.ledger.unsettled() == 0 && self.ledger.open_items() == 0;
        let out_of_time = self
            .drain_until
            .is_some_and(|until| until <= Instant::now());
        (takes_no_more && all_settled && self.settlements.is_empty()) || out_of_time
    }

    fn finish(mut self) -> Result<Summary, Failed> {
        for id in self.ledger.unended() {
            self.ended(id, Ending::HandedBack);
        }
        let summary = self.summary;
        match self.fatal {
            None => Ok(summary),
            Some(error) => Err(Failed { error, summary }),
        }
    }
}

/// The request for as many of the first entries as fit it, at most `ceiling` plain bytes unless it is one entry alone.
fn encode(sink: &dyn LogSink, entries: &[LogEntry], ceiling: usize) -> Result<Batch, EncodeError> {
    let mut batch = sink.encode(entries)?;
    while batch.plain_len > ceiling && batch.taken > 1 {
        let fewer = batch.taken * ceiling / batch.plain_len;
        batch = sink.encode(&entries[..fewer.clamp(1, batch.taken - 1)])?;
    }
    Ok(batch)
}

fn size(item: &Result<RawEvent, MalformedEvent>) -> usize {
    match item {
        Ok(event) => event.document().len(),
        Err(malformed) => malformed.bytes.len(),
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
