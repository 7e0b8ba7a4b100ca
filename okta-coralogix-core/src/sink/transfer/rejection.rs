//! Carries out what the rules in `split.rs` say of a rejected request.

use std::{mem, slice};

use tokio::time::sleep;

use super::DeliveryHooks;
use super::pending::Pending;
use super::run::{Attempt, Transfer};
use super::split::{Rejected, Step, is_endpoint_at_fault, next_step};
use crate::sink::request::{Item, encode};
use crate::{Error, ErrorKind, Result, RetryHint};

impl<H: DeliveryHooks> Transfer<'_, H> {
    /// The request of these items failed permanently.
    ///
    /// # Errors
    /// The sink's error, or `WrongEndpoint`, if waiting cannot help.
    pub(super) async fn failed(
        &mut self,
        mut items: Vec<Item<H::Slot>>,
        error: Error,
    ) -> Result<()> {
        if let [item] = &mut items[..] {
            let state = &mut item.state;
            let again = state.rejected.replace(error.kind()) == Some(error.kind());
            state.times = if again { state.times + 1 } else { 1 };
            state.attempts += 1;
        }
        let kind = error.kind();
        let mut probed = false;
        loop {
            // A probe may take long: if the run has failed meanwhile, nothing more is dead-lettered.
            if probed && self.interrupts.is_stopped() {
                return Ok(());
            }
            let step = next_step(&self.state(&items, kind, probed));
            if step != Step::RetryAlone {
                self.backoff.reset();
            }
            match step {
                Step::Fail => return Err(error),
                Step::FailEndpoint => return Err(rejects_everything(error)),
                Step::Count => self.count(&mut items[0]),
                Step::ProbeRequest(probes) => {
                    self.probe(items.iter_mut(), probes).await?;
                    probed = true;
                }
                Step::ProbeOthers(probes) => {
                    let mut others = mem::replace(&mut self.pending, Pending::new());
                    self.probe(others.open(), probes).await?;
                    self.pending = others;
                    probed = true;
                }
                Step::Split => break self.pending.push_halves(items),
                Step::RetryAlone => {
                    self.endpoint.stall.attempt_failed(&error);
                    self.pending.push(items);
                    // A proxy that calls a small entry too large may not in a while.
                    if kind == ErrorKind::TooLarge {
                        let wait = self.backoff.next(RetryHint::Backoff).unwrap_or_default();
                        self.interrupts.wait(sleep(wait)).await;
                    }
                    break;
                }
                Step::DeadLetter(reason) => {
                    break self.reject(&mut items[0], reason, error.detail().to_owned());
                }
            }
        }
        // Many bad entries must not flood the endpoint with requests.
        if kind == ErrorKind::Rejected {
            self.interrupts.wait(self.endpoint.learned.pace()).await;
        }
        Ok(())
    }

    fn state(&mut self, items: &[Item<H::Slot>], kind: ErrorKind, probed: bool) -> Rejected {
        let first = &items[0];
        Rejected {
            kind,
            entries: items.len(),
            text_len: first.entry.text.document().len(),
            times: first.state.times,
            attempts: first.state.attempts,
            counted: first.state.counted,
            has_others: self.pending.open().next().is_some(),
            probed,
            accepts: self.accepts,
            record: self.endpoint.learned.track_record(),
        }
    }

    /// Counts the rejection of an item alone, once.
    fn count(&self, item: &mut Item<H::Slot>) {
        if !mem::replace(&mut item.state.counted, true) {
            self.endpoint.learned.rejected_alone();
        }
    }

    /// A misconfigured endpoint may reject everything. Some of these items, sent alone, tell it from a bad entry.
    ///
    /// # Errors
    /// `WrongEndpoint` if so many are rejected in a row that it must be the endpoint.
    async fn probe<'i>(
        &mut self,
        items: impl Iterator<Item = &'i mut Item<H::Slot>>,
        probes: usize,
    ) -> Result<()>
    where
        H::Slot: 'i,
    {
        let mut candidates: Vec<_> = items.collect();
        let last = candidates.len() - 1;
        let mut places: Vec<_> = (0..probes).map(|n| last * n / (probes - 1)).collect();
        places.dedup();
        for place in places {
            let item = &mut *candidates[place];
            if !item.state.counted && !self.probe_one(item).await? {
                break;
            }
        }
        self.backoff.reset();
        Ok(())
    }

    /// Sends an item alone. False if no more are to be sent. A rejected one is sent again with the others.
    async fn probe_one(&mut self, item: &mut Item<H::Slot>) -> Result<bool> {
        let sink = &**self.endpoint.sink;
        let batch = match encode(sink, slice::from_ref(&item.entry), usize::MAX)? {
            Ok(batch) => batch,
            Err(error) => {
                self.reject(item, error.reason(), error.to_string());
                return Ok(true);
            }
        };
        match self.send(batch, slice::from_mut(item)).await? {
            Attempt::Accepted => {
                self.accepted(slice::from_mut(item));
                return Ok(false);
            }
            Attempt::Failed(error)
                if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::TooLarge) =>
            {
                self.count(item);
                if is_endpoint_at_fault(self.endpoint.learned.track_record()) {
                    return Err(rejects_everything(error));
                }
            }
            Attempt::Failed(error) => return Err(error),
            // Its turn comes with the others.
            Attempt::Stuck(_) | Attempt::Doubtful(_) => {}
            // The next one, if there is one, may have to wait for its turn.
            Attempt::Aged => self.permit = None,
            Attempt::Stopped => return Ok(false),
        }
        Ok(true)
    }
}

/// No entry of several, or of several attempts, was accepted, each sent alone.
fn rejects_everything(rejection: Error) -> Error {
    let detail = format!(
        "the sink refuses everything, each entry by itself too, so that the fault is not the entries': check the \
         endpoint ({rejection})"
    );
    Error::new(ErrorKind::WrongEndpoint, detail).with_source(rejection)
}
