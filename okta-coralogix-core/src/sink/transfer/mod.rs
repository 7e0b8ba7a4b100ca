//! Entries of about one request, sent and where the far side refuses them split, until each has ended.

mod pending;
mod rejection;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::compress::compress;
use super::concurrency::Permit;
use super::encode::encode;
use super::learned_limits::LearnedLimits;
use super::{Batch, EncodeError, LogSink, Sent};
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::observe::{Observer, PipelineEvent};
use crate::{Error, LogEntry, Result};

pub(crate) use self::pending::Open;
use self::rejection::Doubted;

/// Whoever gave the entries: hears what becomes of each.
pub(crate) trait DeliveryHooks {
    /// The sink accepted the entry.
    fn accepted(&mut self, index: usize);

    /// The entry cannot be sent: the sink refuses it, or it fits no request.
    fn refused(&mut self, index: usize, reason: DeadLetterReason, detail: &str);

    /// DeliveryHooks those of `open` that have become too old, or gives them another timestamp. True if a request that holds them
    /// must be made anew.
    fn retire(&mut self, open: &mut Open, indices: &[usize]) -> bool;

    /// The sink accepted a request.
    fn progress(&mut self) {}

    /// A request failed and will be sent again.
    fn fault(&mut self, _error: &Error) {}

    /// The answer to a request of so many entries was lost: they may arrive twice.
    fn ambiguous(&mut self, _entries: usize) {}
}

/// The sink, and what goes with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route<'a> {
    pub(crate) sink: &'a Arc<dyn LogSink>,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) learned: &'a LearnedLimits,
}

/// The state of one transfer. What is open when it ends was not sent, or not accepted.
#[derive(Debug)]
pub(crate) struct Transfer<'a, E> {
    route: Route<'a>,
    ends: &'a mut E,
    backoff: Backoff,
    /// True once nothing is to be sent any more.
    stop: watch::Receiver<bool>,
    open: Open,
    /// What is to be sent, the next one last.
    todo: Vec<Vec<usize>>,
    /// The request for all of them, if it has been made.
    batch: Option<Batch>,
    /// Had for a request that was not sent, since something in it had aged: what is left does not queue up again.
    permit: Option<Permit<'a>>,
    /// The far side has accepted something of this: what it refuses is the entries' fault, not the endpoint's.
    accepts: bool,
    /// An entry that was refused alone.
    doubted: Option<Doubted>,
    /// Entries whose refusal has counted, and does not again.
    counted: Vec<usize>,
}

/// What became of one request.
enum Attempt {
    Accepted(Sent),
    /// Ambiguous if an earlier attempt at the same request may have been taken.
    Refused(Error),
    /// An entry had become too old before it could be sent: what is left makes another request.
    Aged,
    Stopped,
}

impl<'a, E: DeliveryHooks> Transfer<'a, E> {
    pub(crate) fn new(
        route: Route<'a>,
        ends: &'a mut E,
        backoff: Backoff,
        stop: watch::Receiver<bool>,
        entries: Vec<LogEntry>,
        batch: Option<Batch>,
    ) -> Self {
        Self {
            route,
            ends,
            backoff,
            stop,
            todo: vec![(0..entries.len()).collect()],
            open: Open::new(entries),
            batch,
            permit: None,
            accepts: false,
            doubted: None,
            counted: Vec::new(),
        }
    }

    /// Sends until every entry has ended, or nothing is to be sent any more.
    ///
    /// # Errors
    /// What waiting cannot mend.
    pub(crate) async fn run(mut self) -> Result<()> {
        while let Some(mut indices) = self.todo.pop() {
            indices.retain(|&index| self.open.contains(index));
            if indices.is_empty() {
                continue;
            }
            let Some((batch, indices)) = self.encode(indices)? else {
                continue;
            };
            match self.send(batch, &indices).await? {
                Attempt::Accepted(sent) => self.accepted(&indices, &sent),
                Attempt::Refused(error) => match indices[..] {
                    [one] => self.refused_alone(one, error).await?,
                    _ => self.refused(indices, error).await?,
                },
                Attempt::Aged => self.todo.push(indices),
                Attempt::Stopped => return Ok(()),
            }
        }
        Ok(())
    }

    /// The request for the first of the entries; the rest is planned. `None` if the first one cannot be sent at all.
    fn encode(&mut self, mut indices: Vec<usize>) -> Result<Option<(Batch, Vec<usize>)>> {
        let encoded = match self.batch.take() {
            Some(batch) => Ok(batch),
            None => encode(&**self.route.sink, &self.open.of(&indices), usize::MAX)?,
        };
        match encoded {
            Ok(batch) => {
                let rest = indices.split_off(batch.entries);
                if !rest.is_empty() {
                    self.todo.push(rest);
                }
                Ok(Some((batch, indices)))
            }
            Err(error) => {
                self.refuse(indices[0], encode_reason(&error), &error.to_string());
                self.todo.push(indices);
                Ok(None)
            }
        }
    }

    /// Sends one request as often as it takes.
    async fn send(&mut self, batch: Batch, indices: &[usize]) -> Result<Attempt> {
        let Route {
            sink,
            observer,
            learned,
        } = self.route;
        let entries = indices.len();
        let batch = compress(sink, batch).await?;
        let doubted = self.doubted.as_ref();
        let mut ambiguous = doubted.is_some_and(|doubted| doubted.may_be_taken(indices));
        loop {
            let permit = match self.permit.take() {
                Some(permit) => permit,
                None => learned.permit().await,
            };
            if *self.stop.borrow() {
                return Ok(Attempt::Stopped);
            }
            // Behind all that it may have waited for: its turn, an answer, the permit. Where the far side may have taken the
            // request, the same one is sent again.
            if !ambiguous && self.ends.retire(&mut self.open, indices) {
                self.permit = Some(permit);
                return Ok(Attempt::Aged);
            }
            let sent = sink.send(&batch).await;
            drop(permit);
            let error = match sent {
                Ok(sent) => {
                    learned.accepted(batch.uncompressed_len);
                    self.backoff.reset();
                    self.ends.progress();
                    let bytes = batch.body.len();
                    observer.observe(&PipelineEvent::Accepted { entries, bytes });
                    return Ok(Attempt::Accepted(sent));
                }
                Err(error) => error,
            };
            if error.is_ambiguous() {
                ambiguous = true;
                self.ends.ambiguous(entries);
            }
            learned.failed(error.kind(), batch.uncompressed_len);
            let retry_in = self.backoff.next(error.retry());
            observer.observe(&PipelineEvent::SendFailed {
                error: &error,
                entries,
                retry_in,
            });
            let Some(wait) = retry_in else {
                return Ok(Attempt::Refused(error.with_ambiguity(ambiguous)));
            };
            self.ends.fault(&error);
            self.wait(wait).await;
        }
    }

    async fn wait(&mut self, wait: Duration) {
        tokio::select! {
            biased;
            () = sleep(wait) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    fn accepted(&mut self, indices: &[usize], sent: &Sent) {
        self.accepts = true;
        for rejected in &sent.rejected {
            if let Some(&index) = indices.get(rejected.index) {
                self.refuse(index, DeadLetterReason::Rejected, &rejected.reason);
            }
        }
        for &index in indices {
            if self.open.end(index) {
                self.ends.accepted(index);
            }
        }
    }

    fn refuse(&mut self, index: usize, reason: DeadLetterReason, detail: &str) {
        if self.open.end(index) {
            self.ends.refused(index, reason, detail);
        }
    }
}

pub(crate) fn encode_reason(error: &EncodeError) -> DeadLetterReason {
    match error {
        EncodeError::TooLarge { .. } => DeadLetterReason::TooLarge,
        EncodeError::Invalid(_) => DeadLetterReason::Unmappable,
    }
}
