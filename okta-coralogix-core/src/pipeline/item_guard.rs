//! One item of a delivery, from its receipt to its end.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::Disposition;
use super::context::{Context, Report};
use crate::filter::{ClaimGuard, EventId, MAX_UUID_BYTES};
use crate::observe::PipelineEvent;
use crate::{ClockOffset, RawEvent};

/// Which item of which delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ItemId {
    pub(super) delivery: u64,
    pub(super) index: usize,
}

/// An item that has not ended. Dropped, it ends as handed back.
#[derive(Debug)]
pub(super) struct ItemGuard {
    pub(super) id: ItemId,
    pub(super) claim: Option<ClaimGuard>,
    pub(super) context: Arc<Context>,
    /// Set: another route should have brought the event. False: it may have.
    pub(super) heals: Option<bool>,
    /// `None` until it ends.
    disposition: Option<Disposition>,
}

impl ItemGuard {
    pub(super) fn new(id: ItemId, context: &Arc<Context>) -> Self {
        Self {
            id,
            claim: None,
            context: Arc::clone(context),
            heals: None,
            disposition: None,
        }
    }

    /// Ends the item: its claim is remembered or released, and the run counts it.
    pub(super) fn end(mut self, disposition: Disposition, event: Option<&RawEvent>) {
        self.disposition = Some(disposition);
        if let (Disposition::Delivered, Some(is_verified), Some(event)) =
            (disposition, self.heals, event)
        {
            self.context
                .observe(&PipelineEvent::Healed { event, is_verified });
            self.context.report(Report::Healed { is_verified });
        }
        self.context
            .observe(&PipelineEvent::Ended { disposition, event });
    }
}

impl Drop for ItemGuard {
    fn drop(&mut self) {
        let disposition = self.disposition.unwrap_or(Disposition::HandedBack);
        match self.claim.take() {
            Some(claim) if disposition != Disposition::HandedBack => claim.remember(),
            claim => drop(claim),
        }
        if self.disposition.is_none() {
            self.context.observe(&PipelineEvent::Ended {
                disposition,
                event: None,
            });
        }
        self.context.report(Report::Ended(self.id, disposition));
    }
}

/// The slot of an entry: the event behind it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) item: ItemGuard,
    pub(super) event: RawEvent,
    pub(super) clock_offset: ClockOffset,
    /// The time that its age was checked against at its receipt.
    pub(super) judged_at: DateTime<Utc>,
    /// The age rule gave it a new timestamp: its age is not checked again.
    pub(super) restamped: bool,
    pub(super) queued: Instant,
}

impl Slot {
    /// Ends the item.
    pub(super) fn end(self, disposition: Disposition) {
        self.item.end(disposition, Some(&self.event));
    }

    /// The event's id, if it has one.
    pub(super) fn event_id(&self) -> Option<EventId> {
        let uuid = self.event.uuid()?;
        (uuid.len() <= MAX_UUID_BYTES).then(|| EventId::new(&uuid))
    }

    /// The time that its age is checked against: the earlier of the clock, and of the time of its receipt plus what has passed
    /// since, so that a step of the host's clock cannot make it old.
    pub(super) fn age_clock(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let waited = TimeDelta::from_std(self.queued.elapsed()).unwrap_or(TimeDelta::MAX);
        let passed = self.judged_at.checked_add_signed(waited).unwrap_or(now);
        self.clock_offset.earlier(now).min(passed)
    }
}
