//! Admission: malformed, age, filters, dedup claim, mapping.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::Disposition;
use super::dead_letters::Undeliverable;
use super::item_guard::{ItemGuard, Slot};
use super::run::Run;
use crate::dead_letter::DeadLetterReason;
use crate::filter::{Claim, DropReason, MAX_UUID_BYTES};
use crate::observe::PipelineEvent;
use crate::sink::{AgeCheck, Item, Suspect};
use crate::{ClockOffset, MalformedEvent, RawEvent, Result};

/// When a delivery was received, and what holds for all of its items.
#[derive(Clone, Copy)]
pub(super) struct Receipt {
    pub(super) clock_offset: ClockOffset,
    pub(super) deadline: Option<Instant>,
    /// By the clocks of the host and of the remote, the earlier one.
    pub(super) now: DateTime<Utc>,
    pub(super) at: Instant,
    /// Another route should have brought the items.
    pub(super) heals: bool,
}

impl Run {
    /// Admits one item of a delivery: ends it, lets it wait for a copy, queues it, or returns it for the dead letters.
    pub(super) fn admit(
        &mut self,
        item: ItemGuard,
        event: Result<RawEvent, MalformedEvent>,
        receipt: Receipt,
    ) -> Option<Undeliverable> {
        let event = match event {
            Ok(event) => event,
            Err(event) => return Some(Undeliverable::malformed(item, event)),
        };
        let context = Arc::clone(&self.context);
        let parts = &context.parts;
        let Receipt {
            clock_offset, now, ..
        } = receipt;
        let mut slot = Slot {
            item,
            event,
            clock_offset,
            judged_at: now,
            restamped: false,
            queued: receipt.at,
        };
        let ended = |slot: Slot, disposition| {
            slot.end(disposition);
            None
        };
        let timestamp = match parts.check_age(&slot.event, now, clock_offset) {
            AgeCheck::Keep => None,
            AgeCheck::Restamp(timestamp) => Some(timestamp),
            AgeCheck::End(Disposition::DeadLettered) => {
                return Some(Undeliverable::new(slot, DeadLetterReason::TooOld, ""));
            }
            AgeCheck::End(disposition) => return ended(slot, disposition),
        };
        slot.restamped = timestamp.is_some();
        let mut filters = parts.filters.iter();
        if let Some(reason) = filters.find_map(|filter| filter.check(&slot.event, now)) {
            let disposition = match reason {
                DropReason::TooOld if clock_offset.is_unknown() => Disposition::HandedBack,
                DropReason::TooOld => Disposition::TooOld,
                DropReason::Filtered | DropReason::Other(_) => Disposition::Filtered,
            };
            if disposition != Disposition::HandedBack {
                let event = &slot.event;
                context.observe(&PipelineEvent::Dropped { reason, event });
            }
            return ended(slot, disposition);
        }
        let uuid = slot.event.uuid();
        let uuid = uuid.filter(|uuid| uuid.len() <= MAX_UUID_BYTES);
        match uuid.map(|uuid| context.dedup.claim(&uuid)) {
            None => {}
            Some(Claim::New(claim)) => {
                slot.item.claim = Some(claim);
                slot.item.heals =
                    (receipt.heals).then(|| context.dedup.covers(slot.event.published()));
            }
            Some(Claim::Duplicate) => return ended(slot, Disposition::Duplicate),
            Some(Claim::InFlight(copy)) => {
                self.wait_for_copy(slot.item, copy, receipt.deadline);
                return None;
            }
        }
        match parts.mapping.map(&slot.event) {
            Ok(mut entry) => {
                entry.timestamp = timestamp.or(entry.timestamp);
                let item = Item::new(entry, slot);
                match context
                    .learned
                    .suspects()
                    .find(|| item.state.slot.as_ref()?.event_id())
                {
                    None => self.queue.push(item),
                    Some((class, detail)) => self.isolate(vec![Suspect {
                        item,
                        class,
                        detail,
                    }]),
                }
                None
            }
            Err(error) => {
                let reason = DeadLetterReason::Unmappable;
                Some(Undeliverable::new(slot, reason, error.to_string()))
            }
        }
    }
}
