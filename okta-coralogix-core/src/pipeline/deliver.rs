//! One request's worth of entries, until each of them has ended.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::intake::{PutAside, Report, Reports, end};
use super::queue::Slot;
use super::throttle::Throttle;
use super::{Ending, Parts};
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::filter::AgePolicy;
use crate::observe::Signal;
use crate::sink::{Batch, EncodeError, RejectedEntry, Sent};
use crate::{Error, ErrorKind, LogEntry, Result};

/// Entries that fit one request when they were gathered. They are sent, and where the far side refuses them split, until
/// every one has ended.
#[derive(Debug)]
pub(super) struct Group {
    parts: Arc<Parts>,
    reports: Reports,
    /// True once the run stops: nothing is sent any more.
    stop: watch::Receiver<bool>,
    throttle: Arc<Throttle>,
    seed: u64,
    backoff: Backoff,
    /// `None` once the item has ended.
    slots: Vec<Option<Slot>>,
    entries: Vec<LogEntry>,
    /// What is to be sent, the next one last.
    todo: Vec<Range<usize>>,
    /// The request as it was gathered.
    batch: Option<Batch>,
    asides: Vec<PutAside>,
    /// The far side has accepted something of this group: what it refuses is the entries' fault, not the endpoint's.
    accepts: bool,
}

/// What became of one request.
enum Attempt {
    Accepted(Sent),
    Refused(Error),
    /// An entry has become too old while it waited: what is left makes another request.
    Aged,
    Stopped,
}

/// An entry that was received less than this ago has not waited: it is not judged by its age again.
const WAITED: Duration = Duration::from_secs(1);

/// Bytes of an event. The smallest that Okta sends are about as large.
const TINY: usize = 500;

impl Group {
    pub(super) fn new(
        parts: Arc<Parts>,
        reports: Reports,
        stop: watch::Receiver<bool>,
        throttle: Arc<Throttle>,
        seed: u64,
        (slots, entries): (Vec<Slot>, Vec<LogEntry>),
        batch: Batch,
    ) -> Self {
        Self {
            seed,
            backoff: Backoff::new(parts.backoff, seed),
            parts,
            reports,
            stop,
            throttle,
            todo: std::iter::once(0..entries.len()).collect(),
            slots: slots.into_iter().map(Some).collect(),
            entries,
            batch: Some(batch),
            asides: Vec::new(),
            accepts: false,
        }
    }

    /// Sends until every item has ended. What has not when it must stop is handed back.
    ///
    /// # Errors
    /// What waiting cannot mend.
    pub(super) async fn deliver(mut self) -> Result<()> {
        let sent = self.send_all().await;
        let asides = std::mem::take(&mut self.asides);
        let kept = self
            .parts
            .write_aside(asides, &self.reports, &mut self.stop, self.seed)
            .await;
        for index in 0..self.slots.len() {
            self.end(index, Ending::HandedBack);
        }
        sent.and(kept)
    }

    async fn send_all(&mut self) -> Result<()> {
        while let Some(range) = self.todo.pop() {
            // It may have waited long for its turn.
            if self.retire_aged(range.clone()) {
                self.batch = None;
                self.plan(range);
                continue;
            }
            let Some((batch, range)) = self.encode(range)? else {
                continue;
            };
            match self.send(&batch, range.clone()).await {
                Attempt::Accepted(sent) => self.accepted(range, &sent),
                Attempt::Refused(error) => self.refused(range, error).await?,
                Attempt::Aged => self.plan(range),
                Attempt::Stopped => return Ok(()),
            }
        }
        Ok(())
    }

    /// The request for the first entries of `range`; the rest is planned. `None` if the first one cannot be sent at all.
    fn encode(&mut self, range: Range<usize>) -> Result<Option<(Batch, Range<usize>)>> {
        let encoded = match self.batch.take() {
            Some(batch) => Ok(batch),
            None => self
                .parts
                .encode(&self.entries[range.clone()], usize::MAX)?,
        };
        match encoded {
            Ok(batch) => {
                let taken = range.start..range.start + batch.taken;
                self.plan(taken.end..range.end);
                Ok(Some((batch, taken)))
            }
            Err(error) => {
                self.put_aside(range.start, encode_reason(&error), &error.to_string());
                self.plan(range.start + 1..range.end);
                Ok(None)
            }
        }
    }

    /// Sends one request as often as it takes.
    async fn send(&mut self, batch: &Batch, range: Range<usize>) -> Attempt {
        let mut ambiguous = false;
        loop {
            if *self.stop.borrow() {
                return Attempt::Stopped;
            }
            let entries = range.len();
            let sent = {
                let _permit = self.throttle.permit().await;
                self.parts.sink.send(batch).await
            };
            let error = match sent {
                Ok(sent) => {
                    self.throttle.accepted(batch.plain_len);
                    self.backoff.reset();
                    self.reports.send(Report::Progress).ok();
                    let bytes = batch.body.len();
                    self.parts
                        .observer
                        .observe(&Signal::Accepted { entries, bytes });
                    return Attempt::Accepted(sent);
                }
                Err(error) => error,
            };
            ambiguous |= error.is_ambiguous();
            match error.kind() {
                ErrorKind::TooLarge => self.throttle.too_large(batch.plain_len),
                kind => self.throttle.failed(kind),
            }
            let retry_in = self.backoff.next(error.retry());
            self.parts.observer.observe(&Signal::SendFailed {
                error: &error,
                entries,
                retry_in,
            });
            let Some(wait) = retry_in else {
                self.backoff.reset();
                return Attempt::Refused(error);
            };
            self.reports.send(Report::Fault(error.to_string())).ok();
            tokio::select! {
                () = sleep(wait) => {}
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
            // Where the far side may have taken the request, the same one is sent again.
            if !ambiguous && self.retire_aged(range.clone()) {
                return Attempt::Aged;
            }
        }
    }

    fn accepted(&mut self, range: Range<usize>, sent: &Sent) {
        self.accepts = true;
        let known = |rejected: &&RejectedEntry| rejected.index < range.len();
        for rejected in sent.rejected.iter().filter(known) {
            self.put_aside(
                range.start + rejected.index,
                DeadLetterReason::Rejected,
                &rejected.reason,
            );
        }
        for index in range {
            self.end(index, Ending::Delivered);
        }
    }

    async fn refused(&mut self, range: Range<usize>, error: Error) -> Result<()> {
        let alone = range.len() == 1;
        match error.kind() {
            ErrorKind::TooLarge if alone && self.is_tiny(range.start) => {
                let detail = format!(
                    "the sink calls even a tiny request too large: check the endpoint ({error})"
                );
                return Err(Error::new(ErrorKind::WrongEndpoint, detail).with_source(error));
            }
            ErrorKind::TooLarge if alone => {
                self.put_aside(range.start, DeadLetterReason::TooLarge, error.detail());
            }
            ErrorKind::Rejected if alone => {
                // What came before may have shown that the endpoint refuses everything.
                if !self.accepts && self.throttle.refused() {
                    return Err(refuses_everything(error));
                }
                self.put_aside(range.start, DeadLetterReason::Rejected, error.detail());
            }
            ErrorKind::TooLarge => self.split(range),
            ErrorKind::Rejected => {
                if !self.accepts {
                    self.probe(range.clone()).await?;
                }
                self.split(range);
            }
            _ => return Err(error),
        }
        Ok(())
    }

    /// A misconfigured endpoint may refuse everything: some entries, sent alone, show which it is.
    ///
    /// # Errors
    /// `WrongEndpoint` if so many are refused in a row that it must be the endpoint.
    async fn probe(&mut self, range: Range<usize>) -> Result<()> {
        let probes = self.throttle.probes();
        let last = range.len() - 1;
        let mut places: Vec<_> = (0..probes)
            .map(|n| range.start + last * n / (probes - 1))
            .collect();
        places.dedup();
        let mut refused = Vec::new();
        for index in places {
            let Some((batch, one)) = self.encode(index..index + 1)? else {
                continue;
            };
            match self.send(&batch, one.clone()).await {
                Attempt::Accepted(sent) => {
                    self.accepted(one, &sent);
                    break;
                }
                Attempt::Refused(error) if error.kind() == ErrorKind::Rejected => {
                    if self.throttle.refused() {
                        return Err(refuses_everything(error));
                    }
                    refused.push((index, error));
                }
                Attempt::Refused(error) if error.kind() == ErrorKind::TooLarge => {
                    self.put_aside(index, DeadLetterReason::TooLarge, error.detail());
                }
                Attempt::Refused(error) => return Err(error),
                Attempt::Aged => {}
                Attempt::Stopped => return Ok(()),
            }
        }
        for (index, error) in refused {
            self.put_aside(index, DeadLetterReason::Rejected, error.detail());
        }
        Ok(())
    }

    /// No ingress calls an event of this size too large.
    fn is_tiny(&self, index: usize) -> bool {
        let bytes = |slot: &Slot| slot.event.document().len();
        self.slots[index]
            .as_ref()
            .is_some_and(|slot| bytes(slot) < TINY)
    }

    fn split(&mut self, range: Range<usize>) {
        let middle = range.start + range.len() / 2;
        self.plan(middle..range.end);
        self.plan(range.start..middle);
    }

    /// Plans what of `range` has not ended, to be sent before what was planned earlier.
    fn plan(&mut self, range: Range<usize>) {
        let mut end = range.end;
        while end > range.start {
            let Some(last) = (range.start..end).rfind(|&index| self.slots[index].is_some()) else {
                return;
            };
            let start = (range.start..last)
                .rfind(|&index| self.slots[index].is_none())
                .map_or(range.start, |hole| hole + 1);
            self.todo.push(start..last + 1);
            end = start;
        }
    }

    /// Ends what has become too old in `range`, by the same policy as at its receipt. True if something has.
    fn retire_aged(&mut self, range: Range<usize>) -> bool {
        let now = self.parts.clock.now();
        let age = self.parts.age;
        let mut any = false;
        for index in range {
            let Some(slot) = &mut self.slots[index] else {
                continue;
            };
            let judged = slot.restamped || slot.queued.elapsed() < WAITED;
            if judged || !age.is_too_old(slot.event.published(), slot.judging_time(now)) {
                continue;
            }
            any = true;
            match age.policy() {
                AgePolicy::Drop => self.end(index, Ending::TooOld),
                AgePolicy::DeadLetter => self.put_aside(
                    index,
                    DeadLetterReason::TooOld,
                    "it became too old while it waited",
                ),
                AgePolicy::Restamp => {
                    slot.restamped = true;
                    self.entries[index].timestamp = Some(slot.clock_offset.later(now));
                }
            }
        }
        any
    }

    fn put_aside(&mut self, index: usize, reason: DeadLetterReason, detail: &str) {
        if let Some(slot) = self.slots[index].take() {
            let aside = self
                .parts
                .put_aside(slot.id, &slot.event, slot.held, reason, detail);
            self.asides.push(aside);
        }
    }

    fn end(&mut self, index: usize, ending: Ending) {
        if let Some(slot) = self.slots[index].take() {
            end(&self.reports, slot.id, slot.held, ending);
        }
    }
}

/// No entry of several was taken, each sent alone.
fn refuses_everything(refusal: Error) -> Error {
    let detail = format!(
        "the sink refuses everything, each entry by itself too, so that the fault is not the entries': check the \
         endpoint ({refusal})"
    );
    Error::new(ErrorKind::WrongEndpoint, detail).with_source(refusal)
}

pub(super) fn encode_reason(error: &EncodeError) -> DeadLetterReason {
    match error {
        EncodeError::TooLarge { .. } => DeadLetterReason::TooLarge,
        EncodeError::Invalid(_) => DeadLetterReason::Unmappable,
    }
}
