//! Entries of about one request, sent and where the far side refuses them split, until each has ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::compress::compress;
use super::encode::encode;
use super::in_flight::Permit;
use super::throttle::Throttle;
use super::{Batch, EncodeError, LogSink, Sent};
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::observe::{Observer, Signal};
use crate::{EntryText, Error, ErrorKind, LogEntry, Result, RetryHint};

/// Whoever gave the entries: hears what becomes of each.
pub(crate) trait Ends {
    /// The sink accepted the entry.
    fn accepted(&mut self, index: usize);

    /// The entry cannot be sent: the sink refuses it, or it fits no request.
    fn refused(&mut self, index: usize, reason: DeadLetterReason, detail: &str);

    /// Ends those of `open` that have become too old, or gives them another timestamp. True if a request that holds them
    /// must be made anew.
    fn retire(&mut self, open: &mut Open, indices: &[usize]) -> bool;

    /// The sink accepted a request.
    fn progress(&mut self) {}

    /// A request failed and will be sent again.
    fn fault(&mut self, _error: &Error) {}

    /// The answer to a request of so many entries was lost: they may arrive twice.
    fn ambiguous(&mut self, _entries: usize) {}
}

/// The entries that have not ended.
#[derive(Debug)]
pub(crate) struct Open {
    entries: Vec<Option<LogEntry>>,
}

impl Open {
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.entries[index].is_some()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut LogEntry> {
        self.entries[index].as_mut()
    }

    /// Ends an entry. False if it had ended.
    pub(crate) fn end(&mut self, index: usize) -> bool {
        self.entries[index].take().is_some()
    }

    /// All but one.
    fn others(&self, one: usize) -> Vec<usize> {
        let all = 0..self.entries.len();
        all.filter(|index| *index != one && self.contains(*index))
            .collect()
    }

    fn of(&self, indices: &[usize]) -> Vec<LogEntry> {
        let entries = indices.iter().map(|&index| self.entries[index].clone());
        entries.flatten().collect()
    }
}

/// The sink, and what goes with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route<'a> {
    pub(crate) sink: &'a Arc<dyn LogSink>,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) throttle: &'a Throttle,
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

/// An entry that was refused alone, and is sent again.
#[derive(Debug)]
struct Doubted {
    index: usize,
    kind: ErrorKind,
    /// How often it was refused in a row, in this way.
    times: u32,
    /// It may have been taken before.
    ambiguous: bool,
}

/// What became of one request.
enum Attempt {
    Accepted(Sent),
    /// Also whether an earlier attempt at the same request may have been taken.
    Refused(Error, bool),
    /// An entry had become too old before it could be sent: what is left makes another request.
    Aged,
    Stopped,
}

/// Bytes of an entry's text, below which no ingress is known to call an entry too large: the least limit that is documented anywhere
/// is that of IBM Cloud Logs.
const SMALL: usize = 32_000;

/// How often an entry is sent alone that is refused each time, and a small one that is called too large: something on the way may have
/// said so, for a moment.
const REFUSALS: u32 = 2;
const TOO_LARGE_ANSWERS: u32 = 6;

impl<'a, E: Ends> Transfer<'a, E> {
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
            open: Open {
                entries: entries.into_iter().map(Some).collect(),
            },
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
                Attempt::Refused(error, ambiguous) => match indices[..] {
                    [one] => self.refused_alone(one, error, ambiguous).await?,
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
                let rest = indices.split_off(batch.taken);
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
            throttle,
        } = self.route;
        let entries = indices.len();
        let batch = compress(sink, batch).await?;
        let mut ambiguous = match &self.doubted {
            Some(doubted) => indices == [doubted.index] && doubted.ambiguous,
            None => false,
        };
        loop {
            let permit = match self.permit.take() {
                Some(permit) => permit,
                None => throttle.permit().await,
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
                    throttle.accepted(batch.plain_len);
                    self.backoff.reset();
                    self.ends.progress();
                    let bytes = batch.body.len();
                    observer.observe(&Signal::Accepted { entries, bytes });
                    return Ok(Attempt::Accepted(sent));
                }
                Err(error) => error,
            };
            if error.is_ambiguous() {
                ambiguous = true;
                self.ends.ambiguous(entries);
            }
            throttle.failed(error.kind(), batch.plain_len);
            let retry_in = self.backoff.next(error.retry());
            observer.observe(&Signal::SendFailed {
                error: &error,
                entries,
                retry_in,
            });
            let Some(wait) = retry_in else {
                return Ok(Attempt::Refused(error, ambiguous));
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

    /// A request of several entries was refused.
    async fn refused(&mut self, indices: Vec<usize>, error: Error) -> Result<()> {
        self.backoff.reset();
        match error.kind() {
            ErrorKind::TooLarge => self.split(indices),
            ErrorKind::Rejected => {
                if !self.accepts {
                    self.probe(&indices).await?;
                }
                self.split(indices);
                self.pace().await;
            }
            _ => return Err(error),
        }
        Ok(())
    }

    /// One entry alone was refused: not for good if something on the way may have said so, which knows nothing of it.
    async fn refused_alone(&mut self, index: usize, error: Error, ambiguous: bool) -> Result<()> {
        let is_doubtful = match error.kind() {
            ErrorKind::Rejected => true,
            ErrorKind::TooLarge => self.is_small(index),
            _ => return Err(error),
        };
        if is_doubtful && self.doubt(index, &error, ambiguous).await {
            return Ok(());
        }
        self.backoff.reset();
        if error.kind() == ErrorKind::TooLarge {
            if is_doubtful && !self.accepts {
                self.suspect_the_endpoint(index, &error)?;
                let others = self.open.others(index);
                if !others.is_empty() {
                    self.probe(&others).await?;
                }
            }
            self.refuse(index, DeadLetterReason::TooLarge, error.detail());
            return Ok(());
        }
        // What came before may have shown that the endpoint refuses everything.
        if !self.accepts {
            self.suspect_the_endpoint(index, &error)?;
        }
        self.refuse(index, DeadLetterReason::Rejected, error.detail());
        self.pace().await;
        Ok(())
    }

    /// Counts the refusal of an entry, once.
    ///
    /// # Errors
    /// `WrongEndpoint` if so many are refused in a row that it must be the endpoint.
    fn suspect_the_endpoint(&mut self, index: usize, error: &Error) -> Result<()> {
        if self.counted.contains(&index) {
            return Ok(());
        }
        self.counted.push(index);
        match self.route.throttle.refused() {
            true => Err(refuses_everything(error)),
            false => Ok(()),
        }
    }

    /// Plans to send an entry alone once more. False if that has been done often enough.
    async fn doubt(&mut self, index: usize, error: &Error, ambiguous: bool) -> bool {
        let kind = error.kind();
        let times = match &self.doubted {
            Some(last) if last.index == index && last.kind == kind => last.times + 1,
            _ => 1,
        };
        self.doubted = Some(Doubted {
            index,
            kind,
            times,
            ambiguous,
        });
        let is_too_large = kind == ErrorKind::TooLarge;
        if times
            >= if is_too_large {
                TOO_LARGE_ANSWERS
            } else {
                REFUSALS
            }
        {
            return false;
        }
        self.todo.push(vec![index]);
        self.ends.fault(error);
        match self.backoff.next(RetryHint::Backoff) {
            Some(wait) if is_too_large => self.wait(wait).await,
            // Most of these are what they are said to be.
            _ => self.pace().await,
        }
        true
    }

    /// A misconfigured endpoint may refuse everything: some entries, sent alone, show which it is.
    ///
    /// # Errors
    /// `WrongEndpoint` if so many are refused in a row that it must be the endpoint.
    async fn probe(&mut self, indices: &[usize]) -> Result<()> {
        let probes = self.route.throttle.probes();
        let last = indices.len() - 1;
        let mut places: Vec<_> = (0..probes)
            .map(|n| indices[last * n / (probes - 1)])
            .collect();
        places.dedup();
        places.retain(|index| !self.counted.contains(index) && self.open.contains(*index));
        for index in places {
            let Some((batch, one)) = self.encode(vec![index])? else {
                continue;
            };
            match self.send(batch, &one).await? {
                Attempt::Accepted(sent) => {
                    self.accepted(&one, &sent);
                    break;
                }
                // It is tried again with the others.
                Attempt::Refused(error, _)
                    if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::TooLarge) =>
                {
                    self.suspect_the_endpoint(index, &error)?;
                }
                Attempt::Refused(error, _) => return Err(error),
                // The next one, if there is one, may have to wait for its pace.
                Attempt::Aged => self.permit = None,
                Attempt::Stopped => return Ok(()),
            }
        }
        self.backoff.reset();
        Ok(())
    }

    /// Many bad entries must not become a storm of requests.
    async fn pace(&mut self) {
        tokio::select! {
            biased;
            () = self.route.throttle.pace() => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    fn is_small(&self, index: usize) -> bool {
        let entry = self.open.entries[index].as_ref();
        entry.is_some_and(|entry| {
            let (EntryText::Escaped(text) | EntryText::Embedded(text)) = &entry.text;
            text.len() < SMALL
        })
    }

    fn split(&mut self, mut indices: Vec<usize>) {
        let second = indices.split_off(indices.len() / 2);
        self.todo.push(second);
        self.todo.push(indices);
    }

    fn refuse(&mut self, index: usize, reason: DeadLetterReason, detail: &str) {
        if self.open.end(index) {
            self.ends.refused(index, reason, detail);
        }
    }
}

/// No entry of several, or of several attempts, was taken, each sent alone.
fn refuses_everything(refusal: &Error) -> Error {
    let detail = format!(
        "the sink refuses everything, each entry by itself too, so that the fault is not the entries': check the \
         endpoint ({refusal})"
    );
    Error::new(ErrorKind::WrongEndpoint, detail)
}

pub(crate) fn encode_reason(error: &EncodeError) -> DeadLetterReason {
    match error {
        EncodeError::TooLarge { .. } => DeadLetterReason::TooLarge,
        EncodeError::Invalid(_) => DeadLetterReason::Unmappable,
    }
}
