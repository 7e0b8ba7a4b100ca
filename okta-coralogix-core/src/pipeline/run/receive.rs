//! Receiving deliveries from the source, and admitting their items.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use super::Run;
use crate::backoff::{Backoff, MAX_WAIT, later};
use crate::filter::ClaimWaiter;
use crate::observe::PipelineEvent;
use crate::pipeline::Disposition;
use crate::pipeline::admit::Receipt;
use crate::pipeline::context::Report;
use crate::pipeline::item_guard::{ItemGuard, ItemId};
use crate::remote_record::{FaultTimeouts, RemoteRecord};
use crate::{
    AnswerCounter, Delivery, Error, ErrorKind, EventSource, LogSink, MalformedEvent, Outcome,
    RawEvent, Result,
};

/// How long closing the source and the sink may take, with the retries. The run is over, and a service manager waits for the process to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Copies that wait for less than this are settled with their delivery.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// The source of a run.
pub(super) struct Source {
    /// Locked by `stream` while it is being asked.
    source: Arc<Mutex<dyn EventSource>>,
    /// Polled from one turn of the loop to the next.
    pub(super) stream: BoxStream<'static, Result<Delivery>>,
    backoff: Backoff,
    record: RemoteRecord,
    answers: AnswerCounter,
    /// The answers when a failure was last judged.
    judged_at: u64,
    /// Since when it is being asked.
    pub(super) asked: Option<Instant>,
    /// Not to be asked before this.
    pub(super) rests_until: Option<Instant>,
    pub(super) exhausted: bool,
}

impl Source {
    pub(super) fn new<S: EventSource>(source: S, backoff: Backoff) -> Self {
        let answers = source.answers();
        let source: Arc<Mutex<dyn EventSource>> = Arc::new(Mutex::new(source));
        let stream = stream::unfold(Arc::clone(&source), |source| async {
            let next = source.lock().await.next().await.transpose()?;
            Some((next, source))
        });
        Self {
            source,
            stream: stream.boxed(),
            backoff,
            record: RemoteRecord::default(),
            judged_at: answers.get(),
            answers,
            asked: None,
            rests_until: None,
            exhausted: false,
        }
    }

    /// The error as it is to be acted on.
    fn judge(&mut self, error: Error, timeouts: FaultTimeouts) -> Error {
        let answers = self.answers.get();
        if std::mem::replace(&mut self.judged_at, answers) != answers {
            self.record.accepted();
        }
        self.record.judge(error, Instant::now(), timeouts)
    }

    /// Drops a question that it has not answered. Left without being polled, it would keep what it holds, or has queued for: of a source
    /// with a position the lock over its store, and no delivery could be settled any more.
    fn abandon(&mut self) {
        if self.asked.take().is_some() {
            self.stream = stream::empty().boxed();
        }
    }

    /// What failed is tried at once.
    pub(super) fn end_rest(&mut self) {
        self.record.end_rest();
        self.rests_until = None;
    }

    /// Has the source save what it remembers, and the sink finish its work: side by side, so that neither takes the other's time.
    pub(super) async fn close(&mut self, sink: &dyn LogSink) -> (Result<()>, Result<()>) {
        // A question that it has not answered is dropped.
        self.stream = stream::empty().boxed();
        self.backoff.reset();
        let mut saving = Closing::begin(self.backoff.clone());
        let mut finishing = saving.clone();
        let source = async {
            let mut source = self.source.lock().await;
            loop {
                let closed = timeout_at(saving.until, source.close()).await;
                let closed = closed.unwrap_or_else(|_| Err(closing_timed_out()));
                if let Some(closed) = saving.after(closed).await {
                    return closed;
                }
            }
        };
        let sink = async {
            loop {
                let closed = timeout_at(finishing.until, sink.close()).await;
                let closed = closed.unwrap_or_else(|_| Err(sink_closing_timed_out()));
                if let Some(closed) = finishing.after(closed).await {
                    return closed;
                }
            }
        };
        join(source, sink).await
    }

    /// The source is not asked for a while.
    pub(super) fn rest(&mut self, wait: Duration) {
        let until = later(Instant::now(), wait);
        self.rests_until = self.rests_until.max(Some(until));
    }
}

/// The attempts to close the source or the sink.
#[derive(Clone)]
struct Closing {
    until: Instant,
    backoff: Backoff,
}

impl Closing {
    fn begin(backoff: Backoff) -> Self {
        Self {
            until: later(Instant::now(), CLOSE_TIMEOUT),
            backoff,
        }
    }

    /// The result, unless there is time for one more attempt: that is waited for.
    async fn after(&mut self, closed: Result<()>) -> Option<Result<()>> {
        let Err(error) = closed else {
            return Some(Ok(()));
        };
        let wait = self.backoff.next(error.retry());
        match wait.filter(|wait| later(Instant::now(), *wait) < self.until) {
            Some(wait) => {
                sleep(wait).await;
                None
            }
            None => Some(Err(error)),
        }
    }
}

impl Run {
    /// True if the source is to be polled. Once it is being asked this stays true until it answers, so that an exchange with it
    /// is never abandoned half way.
    pub(super) fn asks_the_source(&mut self) -> bool {
        if self.takes_no_more() {
            self.source.abandon();
            return false;
        }
        let limits = &self.context.limits;
        let has_room = self.ledger.unsettled_deliveries() < limits.deliveries
            && self.ledger.open_items() < limits.events
            && self.ledger.bytes() < limits.bytes;
        if self.source.asked.is_none() && has_room && self.source.rests_until.is_none() {
            self.source.asked = Some(Instant::now());
        }
        self.source.asked.is_some()
    }

    pub(super) fn received(&mut self, received: Option<Result<Delivery>>) {
        self.source.asked = None;
        match received {
            None => self.source.exhausted = true,
            Some(Ok(delivery)) => {
                self.source.backoff.reset();
                self.source.record.accepted();
                self.context.stall.source_answered();
                self.open(delivery);
            }
            Some(Err(error)) => {
                let timeouts = self.context.limits.faults;
                let error = self.source.judge(error, timeouts);
                let retry_in = self.source.backoff.next(error.retry());
                self.observe(&PipelineEvent::SourceFailed {
                    error: &error,
                    retry_in,
                });
                match retry_in {
                    Some(wait) => {
                        self.context.stall.source_failed(&error);
                        self.source.rest(wait);
                        let refused_until = self.source.record.rests_until(timeouts);
                        self.source.rests_until = self.source.rests_until.max(refused_until);
                    }
                    None => self.source_failed(error),
                }
            }
        }
    }

    /// Ends the run with a permanent error of the source. What it gave is delivered as after the shutdown; unless another process has
    /// taken its position over, and gives the same events.
    fn source_failed(&mut self, error: Error) {
        match error.kind() {
            ErrorKind::Conflict | ErrorKind::Locked => self.fail(error),
            _ => {
                self.fatal.get_or_insert(error);
                self.drain();
            }
        }
    }

    fn open(&mut self, given: Delivery) {
        let items = given.items.len();
        self.observe(&PipelineEvent::Received { items });
        self.summary.received += items as u64;
        if given.late {
            self.summary.late += items as u64;
        }
        let bytes = given.items.iter().map(size).sum();
        let receipt = Receipt {
            clock_offset: given.clock_offset,
            deadline: given.deadline.map(Instant::from_std),
            now: given.clock_offset.earlier(self.context.parts.clock.now()),
            at: Instant::now(),
            heals: given.heals,
        };
        let delivery = self
            .ledger
            .open(given.acker, items, bytes, receipt.deadline);
        let mut undeliverable = Vec::new();
        for (index, event) in given.items.into_iter().enumerate() {
            let item = ItemGuard::new(ItemId { delivery, index }, &self.context);
            undeliverable.extend(self.admit(item, event, receipt));
        }
        if !undeliverable.is_empty() {
            self.dead_letter(undeliverable);
        }
        self.hear_all();
    }

    /// Ends a copy as the one in flight ends, or hands it back when its delivery is out of time. One that waits long does not hold its
    /// delivery.
    pub(in crate::pipeline) fn wait_for_copy(
        &mut self,
        item: ItemGuard,
        copy: ClaimWaiter,
        deadline: Option<Instant>,
    ) {
        let deadline = deadline.unwrap_or_else(|| later(Instant::now(), MAX_WAIT));
        let ended = async move {
            let mut copy = std::pin::pin!(timeout_at(deadline, copy));
            let outcome = tokio::select! {
                biased;
                outcome = &mut copy => outcome,
                () = sleep(SHORT_WAIT) => {
                    item.context.report(Report::TakesLong(item.id));
                    copy.await
                }
            };
            if outcome == Ok(Outcome::Settled) {
                item.end(Disposition::Duplicate, None);
            }
            Ok(())
        };
        self.tasks.others.push(ended.boxed());
    }
}

fn size(item: &Result<RawEvent, MalformedEvent>) -> usize {
    match item {
        Ok(event) => event.document().len(),
        Err(malformed) => malformed.bytes.len(),
    }
}

fn sink_closing_timed_out() -> Error {
    let detail = format!(
        "the sink did not finish its work within {} s after the last request; all that it accepted was settled",
        CLOSE_TIMEOUT.as_secs()
    );
    Error::temporary(ErrorKind::TimedOut, detail)
}

fn closing_timed_out() -> Error {
    Error::temporary(
        ErrorKind::Storage,
        format!(
            "what was delivered beyond the stored position could not be saved within {} s: the next run repeats it; see whether the \
             disk answers",
            CLOSE_TIMEOUT.as_secs()
        ),
    )
}
