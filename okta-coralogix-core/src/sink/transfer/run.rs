//! The loop of a transfer: one request after the other.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::failing::Failing;
use super::pending::{Doubt, Pending, Planned};
use super::{AgeCheck, DeliveryHooks, Endpoint, Suspect, refuse};
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::delivery::Disposition;
use crate::interrupts::Interrupts;
use crate::observe::PipelineEvent;
use crate::sink::Batch;
use crate::sink::compress::compress;
use crate::sink::concurrency::Permit;
use crate::sink::request::{Item, Request};
use crate::{Error, ErrorKind, Result};

/// How often the same request is sent again after something between answered it with a success.
const MAX_ODD_REPEATS: u32 = 3;

/// Where the sink answers checks itself and the request is answered so all the same: the wait before the next check, which doubles
/// each time.
const ODD_ANSWER_REST: Duration = Duration::from_secs(60);
const MAX_ODD_ANSWER_REST: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(crate) struct Transfer<'a, H: DeliveryHooks> {
    pub(super) endpoint: Endpoint<'a>,
    hooks: &'a mut H,
    pub(super) backoff: Backoff,
    pub(super) interrupts: Interrupts,
    pub(super) pending: Pending<H::Slot>,
    /// Kept from a request that was not sent because an item had aged, so that the next one does not wait for a permit again.
    pub(super) permit: Option<Permit<'a>>,
    /// The sink has accepted a request of this transfer: what it rejects is the entries' fault, not the endpoint's.
    pub(super) accepts: bool,
    suspects: Vec<Suspect<H::Slot>>,
}

/// The end of the attempts at one request.
pub(super) enum Attempt {
    Accepted,
    /// With an error that sending the same request again cannot help: a 413 or a 400, a refused key, a wrong endpoint. Ambiguous
    /// if the sink may have accepted the same request before.
    Failed(Error),
    /// It fails while others pass.
    Stuck(Doubt),
    /// A part of such a request fails too, and nothing has passed since.
    Doubtful(Doubt),
    /// Not sent, since an item had become too old: the others make another request.
    Aged,
    Stopped,
}

impl<'a, H: DeliveryHooks> Transfer<'a, H> {
    pub(crate) fn new(
        endpoint: Endpoint<'a>,
        hooks: &'a mut H,
        backoff: Backoff,
        interrupts: Interrupts,
    ) -> Self {
        Self {
            endpoint,
            hooks,
            backoff,
            interrupts,
            pending: Pending::new(),
            permit: None,
            accepts: false,
            suspects: Vec::new(),
        }
    }

    /// Sends until every item has ended or is a suspect, or nothing more may be sent. Returns the suspects.
    ///
    /// # Errors
    /// If waiting cannot help.
    pub(crate) async fn run(mut self, first: Request<H::Slot>) -> Result<Vec<Suspect<H::Slot>>> {
        let _on_its_way = self.endpoint.learned.evidence().on_its_way();
        let mut next = Some(first);
        while let Some(Request { batch, mut items }) = next {
            match self.send(batch, &mut items).await? {
                Attempt::Accepted => self.accepted(&mut items),
                Attempt::Failed(error) => self.failed(items, error).await?,
                Attempt::Stuck(doubt) => self.stuck(items, doubt),
                Attempt::Doubtful(doubt) => {
                    for item in &mut items {
                        item.state.gave_way = true;
                    }
                    self.pending.push_last(items, doubt);
                }
                Attempt::Aged => self.pending.push(items),
                Attempt::Stopped => return Ok(Vec::new()),
            }
            next = self.next_request()?;
        }
        Ok(self.suspects)
    }

    /// Halves a request that fails while others pass; an entry that does so alone is a suspect.
    fn stuck(&mut self, mut items: Vec<Item<H::Slot>>, doubt: Doubt) {
        self.backoff.reset();
        for item in &mut items {
            item.state.failed_at = Some(doubt.at);
            item.state.gave_way = false;
        }
        match items.len() {
            1 => self.suspects.extend(items.pop().map(|item| Suspect {
                item,
                class: doubt.class,
                detail: doubt.detail,
            })),
            _ => self.pending.push_halves(items),
        }
    }

    fn next_request(&mut self) -> Result<Option<Request<H::Slot>>> {
        while let Some(Planned { mut items, doubt }) = self.pending.pop() {
            let evidence = self.endpoint.learned.evidence();
            if let Some(doubt) = doubt.filter(|doubt| evidence.passes_since(doubt.at)) {
                self.stuck(items.into(), doubt);
                continue;
            }
            let taken = Request::take(&**self.endpoint.sink, &mut items, usize::MAX)?;
            self.pending.push(items);
            match taken {
                Ok(request) => return Ok(Some(request)),
                Err((mut item, error)) => self.reject(&mut item, error.reason(), error.to_string()),
            }
        }
        Ok(None)
    }

    /// Sends one request until it is accepted or rejected, it is clear that it fails while others pass, an item ages, or the transfer is
    /// stopped.
    pub(super) async fn send(
        &mut self,
        batch: Batch,
        items: &mut [Item<H::Slot>],
    ) -> Result<Attempt> {
        let endpoint = self.endpoint;
        let learned = endpoint.learned;
        let entries = items.len();
        let batch = compress(endpoint.sink, batch).await?;
        let mut odd_answers = 0;
        let began = Instant::now();
        let mut failing = Failing::new(items);
        loop {
            let permit = match self.permit.take() {
                Some(permit) => permit,
                None => learned.permit().await,
            };
            if self.interrupts.is_stopped() {
                return Ok(Attempt::Stopped);
            }
            if let Some(until) = learned.rests_until() {
                drop(permit);
                self.interrupts.back_off_until(until).await;
                continue;
            }
            let mut term = None;
            self.interrupts
                .wait(async { term = endpoint.term().await })
                .await;
            let Some(term) = term else {
                return Ok(Attempt::Stopped);
            };
            // After all waits: for a turn, an answer, the permit, the lease.
            if recheck(self.hooks, items) {
                self.permit = Some(permit);
                return Ok(Attempt::Aged);
            }
            let sent_at = Instant::now();
            let sent = endpoint.send(&batch, term).await;
            let mut answered_at = Instant::now();
            let took = answered_at - sent_at;
            drop(permit);
            let Err(mut error) = sent else {
                endpoint.accepted(&batch, took);
                self.backoff.reset();
                return Ok(Attempt::Accepted);
            };
            if error.kind() == ErrorKind::TimedOut {
                learned.timed_out(batch.uncompressed_len);
            }
            if error.is_ambiguous() {
                for item in &mut *items {
                    item.state.ambiguous = true;
                }
                self.hooks.answer_lost(entries);
                odd_answers += u32::from(error.kind() == ErrorKind::Intercepted);
            }
            learned.evidence().failed(1);
            if let Some((class, since)) = failing.is_again(&error, sent_at) {
                // Of a part: a check of its own for each would take too long.
                let key_since = failing.before.is_none().then_some(since);
                let passes = match error.kind() {
                    ErrorKind::Forbidden => self.key_passes_since(key_since).await,
                    _ => self.passes_since(since).await,
                };
                // Something before the sink may fail the request whatever the key is, so that only the check tells that it is refused.
                let passes = passes.unwrap_or_else(|refused| {
                    (error, answered_at) = (refused, Instant::now());
                    false
                });
                // A key that no check passes is refused: it rests.
                let may_give_way = failing.may_give_way && error.is_temporary();
                if passes || (may_give_way && !self.pending.is_empty()) {
                    endpoint.reporter.report(&PipelineEvent::SendFailed {
                        error: &error,
                        entries,
                        retry_in: None,
                        took,
                        is_suspect: false,
                    });
                    endpoint.stall.attempt_failed(&error);
                    let doubt = Doubt {
                        class,
                        detail: error.detail().to_owned(),
                        at: sent_at,
                    };
                    return Ok(match passes {
                        true => Attempt::Stuck(doubt),
                        false => Attempt::Doubtful(doubt),
                    });
                }
            }
            let error = learned.failed(error, batch.uncompressed_len, answered_at);
            let retry_in = self.backoff.next(error.retry());
            endpoint.reporter.report(&PipelineEvent::SendFailed {
                error: &error,
                entries,
                retry_in,
                took,
                is_suspect: false,
            });
            let Some(wait) = retry_in else {
                return Ok(Attempt::Failed(error));
            };
            endpoint.stall.attempt_failed(&error);
            self.interrupts.back_off(wait).await;
            if let Some(cycle) = odd_answers.checked_sub(MAX_ODD_REPEATS + 1) {
                self.rest_between_odd_answers(cycle, began).await;
                if let Some(error) = self.await_sink().await {
                    return Ok(Attempt::Failed(error));
                }
            }
        }
    }

    /// The sink answers checks itself, and yet something between answers the request: each repeat may store its entries once more.
    /// The rests grow with the time that this lasts, so that the first acceptance of another request does not make the next one an hour.
    async fn rest_between_odd_answers(&mut self, cycle: u32, began: Instant) {
        let Some(doublings) = cycle.checked_sub(1) else {
            return;
        };
        // A new endpoint is to be believed in time.
        let wait = match self.endpoint.learned.track_record().has_accepted {
            true => ODD_ANSWER_REST
                .saturating_mul(2_u32.saturating_pow(doublings))
                .min(ODD_ANSWER_REST.max(2 * began.elapsed())),
            false => ODD_ANSWER_REST,
        };
        let wait = sleep(wait.min(MAX_ODD_ANSWER_REST));
        self.interrupts.wait(wait).await;
    }

    /// Asks the sink, at growing intervals, until it answers itself: something between took a request and may have passed it on, so that
    /// it must not go out again and again. The error, if it is believed that the sink never answered.
    async fn await_sink(&mut self) -> Option<Error> {
        let endpoint = self.endpoint;
        loop {
            if self.interrupts.is_stopped() {
                return None;
            }
            let asked_at = Instant::now();
            let checked = endpoint.learned.check(&**endpoint.sink).await;
            // A permanent error is the sink's own too: the request will meet it.
            let error = checked?.err().filter(Error::is_temporary)?;
            let error = endpoint.learned.failed(error, 0, Instant::now());
            let retry_in = self.backoff.next(error.retry());
            endpoint.reporter.report(&PipelineEvent::SendFailed {
                error: &error,
                entries: 0,
                retry_in,
                took: asked_at.elapsed(),
                is_suspect: false,
            });
            let Some(wait) = retry_in else {
                return Some(error);
            };
            endpoint.stall.attempt_failed(&error);
            self.interrupts.back_off(wait).await;
        }
    }

    /// True if the sink has taken something since, or passes a check now: it is the request that fails.
    ///
    /// # Errors
    /// Of a check that shows that the key is refused.
    async fn passes_since(&self, since: Instant) -> Result<bool> {
        let evidence = self.endpoint.learned.evidence();
        Ok(evidence.passes_since(since) || self.passes_check().await?)
    }

    /// True if the sink has passed a check of late and since, or passes one now: it is not the key that is forbidden.
    ///
    /// # Errors
    /// Of a check that shows that the key is refused.
    async fn key_passes_since(&self, since: Option<Instant>) -> Result<bool> {
        let evidence = self.endpoint.learned.evidence();
        Ok(evidence.key_passes_since(since) || self.passes_check().await?)
    }

    async fn passes_check(&self) -> Result<bool> {
        let Endpoint { sink, learned, .. } = self.endpoint;
        match learned.check_in_turn(&**sink).await {
            Some(Err(error)) if error.is_refused_credential() => Err(error),
            checked => Ok(matches!(checked, Some(Ok(())))),
        }
    }

    pub(super) fn accepted(&mut self, items: &mut [Item<H::Slot>]) {
        self.accepts = true;
        for item in items {
            if let Some(slot) = item.state.slot.take() {
                self.hooks.accepted(slot);
            }
        }
    }

    pub(super) fn reject(
        &mut self,
        item: &mut Item<H::Slot>,
        reason: DeadLetterReason,
        detail: String,
    ) {
        refuse(self.hooks, item, reason, detail);
    }
}

/// Lets the caller check the age of the items again. True if their request must be encoded anew.
pub(crate) fn recheck<H: DeliveryHooks>(hooks: &mut H, items: &mut [Item<H::Slot>]) -> bool {
    let at = Instant::now();
    let mut changed = false;
    for item in items {
        let Some(slot) = &mut item.state.slot else {
            continue;
        };
        match hooks.recheck(slot, at) {
            AgeCheck::Keep => continue,
            AgeCheck::Restamp(timestamp) => item.entry.timestamp = Some(timestamp),
            AgeCheck::End(disposition) => {
                item.state.handed_back = disposition == Disposition::HandedBack;
                if let Some(slot) = item.state.slot.take() {
                    hooks.expired(slot, disposition, item.state.ambiguous);
                }
            }
        }
        changed = true;
    }
    changed
}
