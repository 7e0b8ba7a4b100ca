//! The 24-hour rule in a run: applied when an event is received, and again before its request is sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::item_guard::Slot;
use super::{Disposition, Parts};
use crate::filter::AgePolicy;
use crate::sink::AgeCheck;
use crate::{ClockOffset, RawEvent};

/// The age of an entry that was received less than this ago is not checked again.
const RECHECK_AFTER: Duration = Duration::from_secs(1);

impl Parts {
    /// Applies the rule to an event at `now`.
    pub(super) fn check_age(
        &self,
        event: &RawEvent,
        now: DateTime<Utc>,
        clock_offset: ClockOffset,
    ) -> AgeCheck {
        if !self.age.is_too_old(event.published(), now) {
            return AgeCheck::Keep;
        }
        match self.age.policy() {
            // The host's clock may be wrong, and Okta's or Coralogix's will soon be known.
            _ if clock_offset.is_unknown() => AgeCheck::End(Disposition::HandedBack),
            AgePolicy::Drop => AgeCheck::End(Disposition::TooOld),
            AgePolicy::DeadLetter => AgeCheck::End(Disposition::DeadLettered),
            AgePolicy::Restamp => AgeCheck::Restamp(clock_offset.later(self.clock.now())),
        }
    }

    /// Applies the rule to an event that has waited, by the same policy as at its receipt.
    pub(super) fn recheck_age(&self, slot: &mut Slot, at: Instant) -> AgeCheck {
        if slot.restamped || at.duration_since(slot.queued) < RECHECK_AFTER {
            return AgeCheck::Keep;
        }
        let now = slot.age_clock(self.clock.now());
        let check = self.check_age(&slot.event, now, slot.clock_offset);
        slot.restamped = matches!(check, AgeCheck::Restamp(_));
        check
    }
}
