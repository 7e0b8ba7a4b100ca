//! The loop of a transfer: one request after the other.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::pending::Pending;
use super::{AgeCheck, DeliveryHooks, Endpoint};
use crate::backoff::{Backoff, wait_or_stop};
use crate::dead_letter::DeadLetterReason;
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
    /// True once nothing more may be sent.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) pending: Pending<H::Slot>,
    /// Kept from a request that was not sent because an item had aged, so that the next one does not wait for a permit again.
    pub(super) permit: Option<Permit<'a>>,
    /// The sink has accepted a request of this transfer: what it rejects is the entries' fault, not the endpoint's.
    pub(super) accepts: bool,
}

/// The end of the attempts at one request.
pub(super) enum Attempt {
    Accepted,
    /// With an error that sending the same request again cannot help: a 413 or a 400, a refused key, a wrong endpoint. Ambiguous
    /// if the sink may have accepted the same request before.
    Failed(Error),
    /// Not sent, since an item had become too old: the others make another request.
    Aged,
    Stopped,
}

impl<'a, H: DeliveryHooks> Transfer<'a, H> {
    pub(crate) fn new(
        endpoint: Endpoint<'a>,
        hooks: &'a mut H,
        backoff: Backoff,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            endpoint,
            hooks,
            backoff,
            stop,
            pending: Pending::new(),
            permit: None,
            accepts: false,
        }
    }

    /// Sends until every item has ended, or nothing more may be sent.
    ///
    /// # Errors
    /// If waiting cannot help.
    pub(crate) async fn run(mut self, first: Request<H::Slot>) -> Result<()> {
        let mut next = Some(first);
        while let Some(Request { batch, mut items }) = next {
            match self.send(batch, &mut items).await? {
                Attempt::Accepted => self.accepted(&mut items),
                Attempt::Failed(error) => self.failed(items, error).await?,
                Attempt::Aged => self.pending.push(items),
                Attempt::Stopped => return Ok(()),
            }
            next = self.next_request()?;
        }
        Ok(())
    }

    fn next_request(&mut self) -> Result<Option<Request<H::Slot>>> {
        while let Some(mut items) = self.pending.pop() {
            let taken = Request::take(&**self.endpoint.sink, &mut items, usize::MAX)?;
            self.pending.push(items);
            match taken {
                Ok(request) => return Ok(Some(request)),
                Err((mut item, error)) => self.reject(&mut item, error.reason(), error.to_string()),
            }
        }
        Ok(None)
    }

    /// Sends one request until it is accepted or rejected, an item ages, or the transfer is stopped.
    pub(super) async fn send(
        &mut self,
        batch: Batch,
        items: &mut [Item<H::Slot>],
    ) -> Result<Attempt> {
        let endpoint = self.endpoint;
        let entries = items.len();
        let batch = compress(endpoint.sink, batch).await?;
        let mut odd_answers = 0;
        let mut ambiguous = matches!(items, [alone] if alone.state.ambiguous);
        loop {
            let permit = match self.permit.take() {
                Some(permit) => permit,
                None => endpoint.learned.permit().await,
            };
            if *self.stop.borrow() {
                return Ok(Attempt::Stopped);
            }
            if let Some(until) = endpoint.learned.rests_until() {
                drop(permit);
                wait_or_stop(sleep_until(until), &mut self.stop).await;
                continue;
            }
            // After all waits: for a turn, an answer, the permit.
            if !ambiguous && self.recheck(items) {
                self.permit = Some(permit);
                return Ok(Attempt::Aged);
            }
            let sent = endpoint.sink.send(&batch).await;
            drop(permit);
            let Err(error) = sent else {
                endpoint.learned.accepted(batch.uncompressed_len);
                self.backoff.reset();
                endpoint.stall.moved();
                let bytes = batch.body.len();
                endpoint
                    .observer
                    .observe(&PipelineEvent::Accepted { entries, bytes });
                return Ok(Attempt::Accepted);
            };
            if error.is_ambiguous() {
                ambiguous = true;
                self.hooks.answer_lost(entries);
                odd_answers += u32::from(error.kind() == ErrorKind::Intercepted);
            }
            let error = endpoint.learned.failed(error, batch.uncompressed_len);
            let retry_in = self.backoff.next(error.retry());
            endpoint.observer.observe(&PipelineEvent::SendFailed {
                error: &error,
                entries,
                retry_in,
            });
            let Some(wait) = retry_in else {
                return Ok(Attempt::Failed(error.with_ambiguity(ambiguous)));
            };
            endpoint.stall.attempt_failed(&error);
            wait_or_stop(sleep(wait), &mut self.stop).await;
            if let Some(cycle) = odd_answers.checked_sub(MAX_ODD_REPEATS + 1) {
                self.rest_between_odd_answers(cycle).await;
                if let Some(error) = self.await_sink().await {
                    return Ok(Attempt::Failed(error.with_ambiguity(true)));
                }
            }
        }
    }

    /// The sink answers checks itself, and yet something between answers the request: each repeat may store its entries once more.
    async fn rest_between_odd_answers(&mut self, cycle: u32) {
        let Some(doublings) = cycle.checked_sub(1) else {
            return;
        };
        // A new endpoint is to be believed in time.
        let wait = match self.endpoint.learned.track_record().has_accepted {
            true => ODD_ANSWER_REST.saturating_mul(2_u32.saturating_pow(doublings)),
            false => ODD_ANSWER_REST,
        };
        wait_or_stop(sleep(wait.min(MAX_ODD_ANSWER_REST)), &mut self.stop).await;
    }

    /// Asks the sink, at growing intervals, until it answers itself: something between took a request and may have passed it on, so that
    /// it must not go out again and again. The error, if it is believed that the sink never answered.
    async fn await_sink(&mut self) -> Option<Error> {
        let endpoint = self.endpoint;
        loop {
            let permit = endpoint.learned.permit().await;
            if *self.stop.borrow() {
                return None;
            }
            let checked = endpoint.sink.check().await;
            drop(permit);
            // With an error of its own, such as a refused key, the request will meet too.
            let Some(error) = checked.err().filter(Error::is_temporary) else {
                return None;
            };
            let error = endpoint.learned.failed(error, 0);
            let retry_in = self.backoff.next(error.retry());
            endpoint.observer.observe(&PipelineEvent::SendFailed {
                error: &error,
                entries: 0,
                retry_in,
            });
            let Some(wait) = retry_in else {
                return Some(error);
            };
            endpoint.stall.attempt_failed(&error);
            wait_or_stop(sleep(wait), &mut self.stop).await;
        }
    }

    /// Lets the caller check the age of the items again. True if their request must be encoded anew.
    fn recheck(&mut self, items: &mut [Item<H::Slot>]) -> bool {
        let mut changed = false;
        for item in items {
            let Some(slot) = &mut item.state.slot else {
                continue;
            };
            match self.hooks.recheck(slot) {
                AgeCheck::Keep => continue,
                AgeCheck::Restamp(timestamp) => item.entry.timestamp = Some(timestamp),
                AgeCheck::End(disposition) => {
                    if let Some(slot) = item.state.slot.take() {
                        self.hooks.expired(slot, disposition);
                    }
                }
            }
            changed = true;
        }
        changed
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
        if let Some(slot) = item.state.slot.take() {
            self.hooks.rejected(slot, reason, detail);
        }
    }
}
