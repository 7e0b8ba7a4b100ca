//! What becomes of entries that the far side refuses: halved, doubted, probed, and in the end put aside, or the endpoint at fault.

use super::{Attempt, DeliveryHooks, Transfer};
use crate::dead_letter::DeadLetterReason;
use crate::{EntryText, Error, ErrorKind, Result, RetryHint};

/// Bytes of an entry's text, below which no ingress is known to call an entry too large: the least limit that is documented anywhere
/// is that of IBM Cloud Logs.
const SMALL: usize = 32_000;

/// How often an entry is sent alone that is refused each time, and a small one that is called too large: something on the way may have
/// said so, for a moment.
const REFUSALS: u32 = 2;
const TOO_LARGE_ANSWERS: u32 = 6;

/// An entry that was refused alone, and is sent again.
#[derive(Debug)]
pub(super) struct Doubted {
    index: usize,
    kind: ErrorKind,
    /// How often it was refused in a row, in this way.
    times: u32,
    /// It may have been taken before.
    ambiguous: bool,
}

impl Doubted {
    /// True if a request of these entries is that of this one, and may have been taken.
    pub(super) fn may_be_taken(&self, indices: &[usize]) -> bool {
        self.ambiguous && indices == [self.index]
    }
}

impl<E: DeliveryHooks> Transfer<'_, E> {
    /// A request of several entries was refused.
    pub(super) async fn refused(&mut self, indices: Vec<usize>, error: Error) -> Result<()> {
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
    pub(super) async fn refused_alone(&mut self, index: usize, error: Error) -> Result<()> {
        let (reason, is_doubtful) = match error.kind() {
            ErrorKind::Rejected => (DeadLetterReason::Rejected, true),
            ErrorKind::TooLarge => (DeadLetterReason::TooLarge, self.is_small(index)),
            _ => return Err(error),
        };
        if is_doubtful && self.doubt(index, &error).await {
            return Ok(());
        }
        self.backoff.reset();
        let mut error = error;
        // What came before may have shown that the endpoint refuses everything.
        if is_doubtful && !self.accepts {
            error = self.suspect_the_endpoint(index, error)?;
            // A request that was too large was halved without asking for that.
            let others = self.open.others(index);
            if reason == DeadLetterReason::TooLarge && !others.is_empty() {
                self.probe(&others).await?;
                if *self.stop.borrow() {
                    return Ok(());
                }
            }
        }
        self.refuse(index, reason, error.detail());
        if reason == DeadLetterReason::Rejected {
            self.pace().await;
        }
        Ok(())
    }

    /// Counts the refusal of an entry, once, and gives it back.
    ///
    /// # Errors
    /// `WrongEndpoint` if so many are refused in a row that it must be the endpoint.
    fn suspect_the_endpoint(&mut self, index: usize, error: Error) -> Result<Error> {
        if self.counted.contains(&index) {
            return Ok(error);
        }
        self.counted.push(index);
        match self.route.learned.refused() {
            true => Err(refuses_everything(error)),
            false => Ok(error),
        }
    }

    /// Plans to send an entry alone once more. False if that has been done often enough.
    async fn doubt(&mut self, index: usize, error: &Error) -> bool {
        let kind = error.kind();
        let times = match &self.doubted {
            Some(last) if last.index == index && last.kind == kind => last.times + 1,
            _ => 1,
        };
        self.doubted = Some(Doubted {
            index,
            kind,
            times,
            ambiguous: error.is_ambiguous(),
        });
        let most = match kind {
            ErrorKind::TooLarge => TOO_LARGE_ANSWERS,
            _ => REFUSALS,
        };
        if times >= most {
            return false;
        }
        self.todo.push(vec![index]);
        self.ends.fault(error);
        match self.backoff.next(RetryHint::Backoff) {
            Some(wait) if kind == ErrorKind::TooLarge => self.wait(wait).await,
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
        let probes = self.route.learned.probes();
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
                Attempt::Refused(error)
                    if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::TooLarge) =>
                {
                    self.suspect_the_endpoint(index, error)?;
                }
                Attempt::Refused(error) => return Err(error),
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
            () = self.route.learned.pace() => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    fn is_small(&self, index: usize) -> bool {
        self.open.get(index).is_some_and(|entry| {
            let (EntryText::Escaped(text) | EntryText::Embedded(text)) = &entry.text;
            text.len() < SMALL
        })
    }

    fn split(&mut self, mut indices: Vec<usize>) {
        let second = indices.split_off(indices.len() / 2);
        self.todo.push(second);
        self.todo.push(indices);
    }
}

/// No entry of several, or of several attempts, was taken, each sent alone.
fn refuses_everything(refusal: Error) -> Error {
    let detail = format!(
        "the sink refuses everything, each entry by itself too, so that the fault is not the entries': check the \
         endpoint ({refusal})"
    );
    Error::new(ErrorKind::WrongEndpoint, detail).with_source(refusal)
}
