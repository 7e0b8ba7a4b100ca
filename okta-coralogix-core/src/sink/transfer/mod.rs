//! A transfer sends the items of one request until each of them has ended.
//!
//! An item is *pending* (planned for a request), *in a request*, or *ended*: accepted, rejected permanently, or expired.
//!
//! * A transfer begins with one request. A request that fails for a while is sent again, byte for byte, after a backoff.
//! * Before each attempt the caller checks the items' age again ([`DeliveryHooks::recheck`]); if one has changed or ended, the others
//!   make another request. Not after a lost answer: the sink may have accepted that request, so only the same one is repeated.
//! * An accepted request ends its items. A rejected one (413, 400) goes by the rules in `split.rs`: it is halved, its items
//!   become pending again in their order, and one that is rejected alone ends, or the endpoint is at fault.
//! * A transfer ends once nothing is pending, when it is stopped, or with an error that waiting cannot help.
//!
//! No item ends twice. None is dead-lettered while others can still tell whether the endpoint is at fault; a lone item that a new
//! endpoint rejects is, since nothing tells. The slot of an item that has not ended when the transfer does is dropped, which the
//! caller takes for handed back.

mod failing;
mod pending;
mod rejection;
mod run;
mod split;

pub(crate) use run::{Transfer, recheck};

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout_at};

use super::isolation::FailureClass;
use super::learned_limits::LearnedLimits;
use super::request::Item;
use super::{Batch, LogSink};
use crate::dead_letter::DeadLetterReason;
use crate::delivery::Disposition;
use crate::filter::EventId;
use crate::observe::{PipelineEvent, Reporter};
use crate::stall::Stall;
use crate::{Error, ErrorKind, Lease, Result};

/// The callbacks of a transfer to the caller that gave the items.
pub(crate) trait DeliveryHooks {
    /// What the caller attached to an entry, to end it by.
    type Slot;

    /// The id by which the entry is known when its source gives it again.
    fn id(&self, _slot: &Self::Slot) -> Option<EventId> {
        None
    }

    /// The sink accepted the entry.
    fn accepted(&mut self, slot: Self::Slot);

    /// The entry cannot be sent: the sink rejects it, or it fits no request.
    fn rejected(&mut self, slot: Self::Slot, refused: Refused);

    /// Checks the age of an entry that is about to be sent, at this time.
    fn recheck(&self, _slot: &mut Self::Slot, _at: Instant) -> AgeCheck {
        AgeCheck::Keep
    }

    /// [`recheck`](Self::recheck) ended the entry, which may have arrived if the answer to a request with it was lost.
    fn expired(&mut self, _slot: Self::Slot, _disposition: Disposition, _may_have_arrived: bool) {}

    /// The answer to a request of so many entries was lost: they may arrive twice.
    fn answer_lost(&mut self, _entries: usize) {}
}

/// Why an entry cannot be sent.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) reason: DeadLetterReason,
    pub(crate) detail: String,
    /// The answer to a request with it was lost.
    pub(crate) may_have_arrived: bool,
}

/// An entry that failed alone while others passed.
#[derive(Debug)]
pub(crate) struct Suspect<T> {
    pub(crate) item: Item<T>,
    pub(crate) class: FailureClass,
    /// The failure in words.
    pub(crate) detail: String,
}

/// The verdict of the age rule on an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AgeCheck {
    Keep,
    /// It is sent with this timestamp.
    Restamp(DateTime<Utc>),
    End(Disposition),
}

/// A sink, and what is shared by the requests to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint<'a> {
    pub(crate) sink: &'a Arc<dyn LogSink>,
    pub(crate) reporter: &'a Reporter,
    pub(crate) learned: &'a LearnedLimits,
    pub(crate) stall: &'a Stall,
    pub(crate) lease: Option<&'a Arc<dyn Lease>>,
}

/// Until when a request may be underway.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term(Option<Instant>);

impl Endpoint<'_> {
    /// Waits until a request may be sent. `None`: never any more.
    pub(crate) async fn term(&self) -> Option<Term> {
        match self.lease {
            None => Some(Term(None)),
            Some(lease) => lease
                .deadline()
                .await
                .ok()
                .map(|until| Term(Some(Instant::from_std(until)))),
        }
    }

    /// Sends a request. After its term it is not waited for: it may have arrived.
    pub(crate) async fn send(&self, batch: &Batch, Term(until): Term) -> Result<()> {
        let send = self.sink.send(batch);
        let Some(until) = until else {
            return send.await;
        };
        if Instant::now() >= until {
            let detail = "the lease on the log ran out before a request was sent";
            return Err(Error::temporary(ErrorKind::Network, detail));
        }
        timeout_at(until, send).await.unwrap_or_else(|_| {
            let detail = "the lease on the log ran out while a request was underway";
            Err(Error::temporary(ErrorKind::Network, detail).with_ambiguity(true))
        })
    }

    /// The sink accepted a request.
    pub(crate) fn accepted(&self, batch: &Batch, took: Duration) {
        self.learned.accepted(batch);
        self.stall.moved();
        self.reporter.report(&PipelineEvent::Accepted {
            entries: batch.entries,
            bytes: batch.body.len(),
            uncompressed: batch.uncompressed_len,
            took,
        });
    }
}

/// Ends an item that cannot be sent.
pub(crate) fn refuse<H: DeliveryHooks>(
    hooks: &mut H,
    item: &mut Item<H::Slot>,
    reason: DeadLetterReason,
    detail: String,
) {
    if let Some(slot) = item.state.slot.take() {
        let refused = Refused {
            reason,
            detail,
            may_have_arrived: item.state.ambiguous,
        };
        hooks.rejected(slot, refused);
    }
}
