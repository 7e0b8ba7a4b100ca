//! What becomes of an event before it is sent: judged, claimed, mapped.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::queue::{ItemId, Slot};
use super::{Disposition, Parts};
use crate::backoff::Backoff;
use crate::dead_letter::{DeadLetter, DeadLetterReason};
use crate::event::MalformedEvent;
use crate::filter::{AgePolicy, Claim, ClaimGuard, ClaimWaiter, DedupWindow, DropReason};
use crate::observe::PipelineEvent;
use crate::{ClockOffset, LogEntry, RawEvent, Result};

/// Longer ones (in bytes) are not remembered, so that the window stays small. Okta's have 36.
const MAX_UUID_BYTES: usize = 256;

/// What the steps of a run tell it.
#[derive(Debug)]
pub(super) enum Report {
    /// An item ended.
    Ended(ItemId, Disposition),
    /// The sink accepted something.
    Progress,
    /// Something failed and is tried again.
    Fault(String),
    /// The answer to a request of so many entries was lost.
    Ambiguous(usize),
}

pub(super) type Reports = mpsc::UnboundedSender<Report>;

/// What an item needs next.
#[derive(Debug)]
pub(super) enum Judged {
    Ended(Disposition),
    Undeliverable(Undeliverable),
    /// A copy is in flight: its outcome is awaited.
    Waits(ClaimWaiter),
    Send(Box<(Slot, LogEntry)>),
}

/// An item for the dead letters.
#[derive(Debug)]
pub(super) struct Undeliverable {
    pub(super) id: ItemId,
    pub(super) held: Option<ClaimGuard>,
    pub(super) letter: DeadLetter,
}

impl Parts {
    /// Judges one item of a delivery.
    pub(super) fn judge(
        &self,
        id: ItemId,
        item: Result<RawEvent, MalformedEvent>,
        clock_offset: ClockOffset,
        dedup: &DedupWindow,
    ) -> Judged {
        let event = match item {
            Ok(event) => event,
            Err(malformed) => return Judged::Undeliverable(self.malformed(id, malformed)),
        };
        let now = clock_offset.earlier(self.clock.now());
        let mut restamped = false;
        if self.age.is_too_old(event.published(), now) {
            match self.age.policy() {
                // The host's clock may be wrong, and there soon is another one to tell.
                _ if clock_offset.is_unknown() => return Judged::Ended(Disposition::HandedBack),
                AgePolicy::Drop => return Judged::Ended(Disposition::TooOld),
                AgePolicy::DeadLetter => {
                    return Judged::Undeliverable(self.dead_letter(
                        id,
                        &event,
                        None,
                        DeadLetterReason::TooOld,
                        "",
                    ));
                }
                AgePolicy::Restamp => restamped = true,
            }
        }
        match self
            .filters
            .iter()
            .find_map(|filter| filter.check(&event, now))
        {
            Some(DropReason::TooOld) if clock_offset.is_unknown() => {
                return Judged::Ended(Disposition::HandedBack);
            }
            Some(DropReason::TooOld) => return Judged::Ended(Disposition::TooOld),
            Some(DropReason::Filtered) => return Judged::Ended(Disposition::Filtered),
            None => {}
        }
        let uuid = event.uuid().filter(|uuid| uuid.len() <= MAX_UUID_BYTES);
        let held = match uuid.map(|uuid| dedup.claim(&uuid)) {
            None => None,
            Some(Claim::New(held)) => Some(held),
            Some(Claim::Duplicate) => return Judged::Ended(Disposition::Duplicate),
            Some(Claim::InFlight(joined)) => return Judged::Waits(joined),
        };
        let mut entry = match self.mapping.map(&event) {
            Ok(entry) => entry,
            Err(error) => {
                let reason = DeadLetterReason::Unmappable;
                return Judged::Undeliverable(self.dead_letter(
                    id,
                    &event,
                    held,
                    reason,
                    &error.to_string(),
                ));
            }
        };
        if restamped {
            entry.timestamp = Some(clock_offset.later(self.clock.now()));
        }
        let slot = Slot {
            id,
            event,
            held,
            clock_offset,
            judged_at: now,
            restamped,
            queued: Instant::now(),
        };
        Judged::Send(Box::new((slot, entry)))
    }

    fn malformed(&self, id: ItemId, malformed: MalformedEvent) -> Undeliverable {
        let detail = malformed.reason.to_string();
        let reason = DeadLetterReason::Malformed;
        Undeliverable {
            id,
            held: None,
            letter: DeadLetter::new(
                self.clock.now(),
                reason,
                detail,
                malformed.origin,
                malformed.bytes,
            ),
        }
    }

    /// A dead letter for an event.
    pub(super) fn dead_letter(
        &self,
        id: ItemId,
        event: &RawEvent,
        held: Option<ClaimGuard>,
        reason: DeadLetterReason,
        detail: &str,
    ) -> Undeliverable {
        let (origin, bytes) = (Arc::clone(event.origin()), event.document().clone());
        Undeliverable {
            id,
            held,
            letter: DeadLetter::new(self.clock.now(), reason, detail, origin, bytes),
        }
    }

    /// Writes dead letters, as often as it takes; their items end once they are durable.
    ///
    /// # Errors
    /// What waiting cannot mend, or what failed last when the run stops. The items are then handed back.
    pub(super) async fn write_dead_letters(
        &self,
        undeliverable: Vec<Undeliverable>,
        reports: &Reports,
        stop: &mut watch::Receiver<bool>,
        seed: u64,
    ) -> Result<()> {
        let (letters, items): (Vec<_>, Vec<_>) = undeliverable
            .into_iter()
            .map(|aside| (aside.letter, (aside.id, aside.held)))
            .unzip();
        let written = match letters.is_empty() {
            true => Ok(()),
            false => self.write_letters(&letters, reports, stop, seed).await,
        };
        let disposition = match written {
            Ok(()) => Disposition::DeadLettered,
            Err(_) => Disposition::HandedBack,
        };
        for (id, held) in items {
            end(reports, id, held, disposition);
        }
        written
    }

    async fn write_letters(
        &self,
        letters: &[DeadLetter],
        reports: &Reports,
        stop: &mut watch::Receiver<bool>,
        seed: u64,
    ) -> Result<()> {
        let mut backoff = Backoff::new(self.backoff, seed);
        loop {
            let Err(error) = self.dead_letters.write(letters).await else {
                return Ok(());
            };
            let retry_in = backoff.next(error.retry());
            self.observer.observe(&PipelineEvent::DeadLettersFailed {
                error: &error,
                retry_in,
            });
            let Some(wait) = retry_in.filter(|_| !*stop.borrow()) else {
                return Err(error);
            };
            reports.send(Report::Fault(error.to_string())).ok();
            tokio::select! {
                biased;
                () = sleep(wait) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }
}

/// DeliveryHooks an item: its claim is remembered or given back, and the run is told.
pub(super) fn end(
    reports: &Reports,
    id: ItemId,
    held: Option<ClaimGuard>,
    disposition: Disposition,
) {
    match held {
        Some(held) if disposition != Disposition::HandedBack => held.remember(),
        held => drop(held),
    }
    // A run that is gone counts no more.
    reports.send(Report::Ended(id, disposition)).ok();
}
