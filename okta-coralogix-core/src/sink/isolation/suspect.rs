//! The attempts at one suspect.

use std::slice;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::memory::Failures;
use super::rule::{FailureClass, History};
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::interrupts::Interrupts;
use crate::observe::PipelineEvent;
use crate::sink::compress::compress;
use crate::sink::request::{Item, encode};
use crate::sink::transfer::{DeliveryHooks, Endpoint, Suspect, recheck, refuse};
use crate::{Error, ErrorKind, Result};

/// How often an entry is sent again that the sink rejects (400, 413) after all.
const MAX_REJECTIONS: u32 = 2;

/// Sends one suspect, alone and now and then, until it is accepted, too old or blocked. States:
/// * *resting*, after each failure, for ever longer;
/// * *waiting for evidence* that is newer than the last failure: others are accepted, or a check is passed;
/// * *tried*, or *blocked* if the rule and the guard say so.
///
/// Dropped, or stopped in any state, it leaves the entry to be handed back.
#[derive(Debug)]
pub(crate) struct Isolation<'a, H: DeliveryHooks> {
    pub(crate) endpoint: Endpoint<'a>,
    pub(crate) hooks: &'a mut H,
    pub(crate) backoff: Backoff,
    pub(crate) interrupts: Interrupts,
}

/// What follows an attempt.
enum Tried {
    Ended,
    /// The same entry failed once more; the error in words.
    Failed(FailureClass, String),
    /// Nothing is known about the entry.
    Unknown,
}

impl<H: DeliveryHooks> Isolation<'_, H> {
    /// Tries the entry of a suspect.
    ///
    /// # Errors
    /// If waiting cannot help.
    pub(crate) async fn run(mut self, suspect: Suspect<H::Slot>) -> Result<()> {
        let Suspect {
            mut item,
            class,
            detail,
        } = suspect;
        let learned = self.endpoint.learned;
        let evidence = learned.evidence();
        let id = item.state.slot.as_ref();
        let id = id.and_then(|slot| self.hooks.id(slot));
        let new = Failures {
            history: History::new(class, evidence.count(), evidence.tally()),
            detail,
            ambiguous: item.state.ambiguous,
        };
        let mut record = learned.suspects().record(id, new);
        let failures = record.failures();
        item.state.ambiguous |= failures.ambiguous;
        let tried = self.try_until_ended(&mut item, failures).await;
        if !item.is_open() && !item.state.handed_back {
            record.forget();
        }
        tried
    }

    /// # Errors
    /// If waiting cannot help.
    async fn try_until_ended(
        &mut self,
        item: &mut Item<H::Slot>,
        failures: &mut Failures,
    ) -> Result<()> {
        let learned = self.endpoint.learned;
        let evidence = learned.evidence();
        let suspicion = learned.guard().suspect();
        loop {
            let history = &mut failures.history;
            let rest = sleep_until(history.rests_until(learned.patience()));
            self.interrupts.wait(rest).await;
            self.await_evidence(history).await?;
            if self.interrupts.is_stopped() {
                return Ok(());
            }
            recheck(self.hooks, slice::from_mut(item));
            if !item.is_open() {
                return Ok(());
            }
            if history.is_blocked(learned.patience(), evidence.count(), evidence.tally()) {
                match learned.guard().holds() {
                    false => {
                        suspicion.blocked();
                        let detail = std::mem::take(&mut failures.detail);
                        refuse(self.hooks, item, DeadLetterReason::Blocked, detail);
                        return Ok(());
                    }
                    true => self.say_held(),
                }
            }
            let tried = self.attempt(item, history).await;
            failures.ambiguous |= item.state.ambiguous;
            match tried? {
                Tried::Ended => return Ok(()),
                // A success of something between may have stored it: it goes out again only once the sink itself has answered.
                Tried::Unknown => history.tried(learned.evidence().count()),
                Tried::Failed(class, said) => {
                    let (seen, others) = (evidence.count(), evidence.tally());
                    history.failed(class, learned.patience(), seen, others);
                    failures.detail = said;
                }
            }
        }
    }

    fn say_held(&self) {
        if let Some(entries) = self.endpoint.learned.guard().say() {
            let event = PipelineEvent::SuspectsHeld { entries };
            self.endpoint.reporter.report(&event);
        }
    }

    /// Waits until others were accepted since the last failure, or the sink has passed a check where nothing else is sent.
    ///
    /// # Errors
    /// Of a check that shows that waiting cannot help.
    async fn await_evidence(&mut self, history: &History) -> Result<()> {
        let learned = self.endpoint.learned;
        let evidence = learned.evidence();
        loop {
            let changed = evidence.changed();
            if self.interrupts.is_stopped() || history.is_followed(evidence.count()) {
                return Ok(());
            }
            let check_due = evidence.check_due();
            if check_due.is_some_and(|due| due <= Instant::now()) {
                if let Some(Err(error)) = learned.check_in_turn(&**self.endpoint.sink).await {
                    let error = learned.failed(error, 0, Instant::now());
                    if !error.is_temporary() {
                        return Err(error);
                    }
                    self.endpoint.stall.attempt_failed(&error);
                }
                continue;
            }
            let change = async {
                tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(check_due.unwrap_or_else(Instant::now)), if check_due.is_some() => {}
                }
            };
            self.interrupts.wait(change).await;
        }
    }

    async fn attempt(&mut self, item: &mut Item<H::Slot>, history: &History) -> Result<Tried> {
        let Endpoint {
            sink,
            reporter,
            learned,
            stall,
            ..
        } = self.endpoint;
        // A refused key rests for all.
        while let Some(until) = learned.rests_until() {
            self.interrupts.back_off_until(until).await;
            if self.interrupts.is_stopped() {
                return Ok(Tried::Ended);
            }
        }
        // Not one of the permits of other requests: if the sink is silent, all of them would soon be held.
        let permit = learned.suspect_permit().await;
        if self.interrupts.is_stopped() {
            return Ok(Tried::Ended);
        }
        let endpoint = self.endpoint;
        let mut term = None;
        self.interrupts
            .wait(async { term = endpoint.term().await })
            .await;
        let Some(term) = term else {
            return Ok(Tried::Ended);
        };
        // After all waits.
        recheck(self.hooks, slice::from_mut(item));
        if !item.is_open() {
            return Ok(Tried::Ended);
        }
        let batch = match encode(&**sink, slice::from_ref(&item.entry), usize::MAX)? {
            Ok(batch) => compress(sink, batch).await?,
            Err(error) => {
                refuse(self.hooks, item, error.reason(), error.to_string());
                return Ok(Tried::Ended);
            }
        };
        if history.wants_fresh_connection() {
            sink.reconnect();
        }
        let sent_at = Instant::now();
        let sent = endpoint.send(&batch, term).await;
        let took = sent_at.elapsed();
        drop(permit);
        let Err(error) = sent else {
            self.endpoint.accepted(&batch, took);
            // It was the endpoint that failed, not the entry.
            learned.evidence().failed(history.failures());
            if let Some(slot) = item.state.slot.take() {
                self.hooks.accepted(slot);
            }
            return Ok(Tried::Ended);
        };
        if error.is_ambiguous() {
            item.state.ambiguous = true;
            self.hooks.answer_lost(1);
        }
        stall.attempt_failed(&error);
        if let Some(class) = FailureClass::of(&error) {
            reporter.report(&PipelineEvent::SendFailed {
                error: &error,
                entries: 1,
                retry_in: Some(history.rest(learned.patience())),
                took,
                is_suspect: true,
            });
            return Ok(Tried::Failed(class, error.detail().to_owned()));
        }
        let error = learned.failed(error, batch.uncompressed_len, Instant::now());
        self.failed_otherwise(item, error, took).await
    }

    /// The entry failed as no suspect does: a limit of requests, a lost connection, a refused key, or a rejection of its content.
    async fn failed_otherwise(
        &mut self,
        item: &mut Item<H::Slot>,
        error: Error,
        took: Duration,
    ) -> Result<Tried> {
        let retry_in = self.backoff.next(error.retry());
        self.endpoint.reporter.report(&PipelineEvent::SendFailed {
            error: &error,
            entries: 1,
            retry_in,
            took,
            is_suspect: true,
        });
        let reason = match error.kind() {
            ErrorKind::Rejected => DeadLetterReason::Rejected,
            ErrorKind::TooLarge => DeadLetterReason::TooLarge,
            _ => match retry_in {
                None => return Err(error),
                Some(wait) => {
                    self.interrupts.wait(sleep(wait)).await;
                    return Ok(Tried::Unknown);
                }
            },
        };
        item.state.attempts += 1;
        if item.state.attempts < MAX_REJECTIONS {
            return Ok(Tried::Unknown);
        }
        refuse(self.hooks, item, reason, error.detail().to_owned());
        Ok(Tried::Ended)
    }
}
