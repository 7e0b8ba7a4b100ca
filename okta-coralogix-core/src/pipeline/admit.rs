//! What becomes of an item when it is received: filtered, claimed, mapped.

use tokio::time::Instant;

use super::Disposition;
use super::context::Context;
use super::dead_letters::Undeliverable;
use super::item::{ItemGuard, Slot};
use crate::dead_letter::DeadLetterReason;
use crate::filter::{Claim, ClaimWaiter, DropReason};
use crate::sink::{AgeCheck, Item};
use crate::{ClockOffset, MalformedEvent, RawEvent, Result};

/// Longer ones are not remembered, so that the window stays small. Okta's have 36.
const MAX_UUID_BYTES: usize = 256;

/// What follows for an item.
#[derive(Debug)]
pub(super) enum Admission {
    Ended,
    DeadLetter(Undeliverable),
    /// A copy is in flight: the item ends as that does.
    Wait(ItemGuard, ClaimWaiter),
    Send(Box<Item<Slot>>),
}

impl Context {
    /// Judges one item of a delivery.
    pub(super) fn admit(
        &self,
        mut item: ItemGuard,
        event: Result<RawEvent, MalformedEvent>,
        clock_offset: ClockOffset,
    ) -> Admission {
        let event = match event {
            Ok(event) => event,
            Err(event) => return Admission::DeadLetter(Undeliverable::malformed(item, event)),
        };
        let ended = |item: ItemGuard, disposition| {
            item.end(disposition);
            Admission::Ended
        };
        let now = clock_offset.earlier(self.parts.clock.now());
        let timestamp = match self.parts.check_age(&event, now, clock_offset) {
            AgeCheck::Keep => None,
            AgeCheck::Restamp(timestamp) => Some(timestamp),
            AgeCheck::End(Disposition::DeadLettered) => {
                let reason = DeadLetterReason::TooOld;
                return Admission::DeadLetter(Undeliverable::event(item, &event, reason, ""));
            }
            AgeCheck::End(disposition) => return ended(item, disposition),
        };
        let mut filters = self.parts.filters.iter();
        match filters.find_map(|filter| filter.check(&event, now)) {
            Some(DropReason::TooOld) if clock_offset.is_unknown() => {
                return ended(item, Disposition::HandedBack);
            }
            Some(DropReason::TooOld) => return ended(item, Disposition::TooOld),
            Some(DropReason::Filtered) => return ended(item, Disposition::Filtered),
            None => {}
        }
        let uuid = event.uuid().filter(|uuid| uuid.len() <= MAX_UUID_BYTES);
        match uuid.map(|uuid| self.dedup.claim(&uuid)) {
            None => {}
            Some(Claim::New(claim)) => item.claim = Some(claim),
            Some(Claim::Duplicate) => return ended(item, Disposition::Duplicate),
            Some(Claim::InFlight(copy)) => return Admission::Wait(item, copy),
        }
        let mut entry = match self.parts.mapping.map(&event) {
            Ok(entry) => entry,
            Err(error) => {
                let (reason, detail) = (DeadLetterReason::Unmappable, error.to_string());
                return Admission::DeadLetter(Undeliverable::event(item, &event, reason, detail));
            }
        };
        entry.timestamp = timestamp.or(entry.timestamp);
        let slot = Slot {
            item,
            event,
            clock_offset,
            judged_at: now,
            restamped: timestamp.is_some(),
            queued: Instant::now(),
        };
        Admission::Send(Box::new(Item::new(entry, slot)))
    }
}
