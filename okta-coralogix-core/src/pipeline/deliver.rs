//! One request's worth of events, until each of them has ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::admit::{Report, Reports, Undeliverable, end};
use super::queue::Slot;
use super::{Disposition, Parts};
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::filter::AgePolicy;
use crate::sink::{Batch, DeliveryHooks, LearnedLimits, Open, Route, Transfer};
use crate::{Error, LogEntry, Result};

/// An entry that was received less than this ago has not waited: it is not judged by its age again.
const WAITED: Duration = Duration::from_secs(1);

/// Sends the events of a request until every item has ended. What has not when it must stop is handed back.
///
/// # Errors
/// What waiting cannot mend.
pub(super) async fn deliver(
    parts: Arc<Parts>,
    reports: Reports,
    mut stop: watch::Receiver<bool>,
    learned: Arc<LearnedLimits>,
    seed: u64,
    (slots, entries): (Vec<Slot>, Vec<LogEntry>),
    batch: Batch,
) -> Result<()> {
    let mut events = Events {
        parts: &parts,
        reports: &reports,
        slots: slots.into_iter().map(Some).collect(),
        undeliverable: Vec::new(),
    };
    let route = Route {
        sink: &parts.sink,
        observer: &*parts.observer,
        learned: &learned,
    };
    let backoff = Backoff::new(parts.backoff, seed);
    let transfer = Transfer::new(
        route,
        &mut events,
        backoff,
        stop.clone(),
        entries,
        Some(batch),
    );
    let sent = transfer.run().await;
    let undeliverable = std::mem::take(&mut events.undeliverable);
    let kept = parts
        .write_dead_letters(undeliverable, &reports, &mut stop, seed)
        .await;
    for index in 0..events.slots.len() {
        events.end(index, Disposition::HandedBack);
    }
    sent.and(kept)
}

/// The events behind the entries.
#[derive(Debug)]
struct Events<'a> {
    parts: &'a Parts,
    reports: &'a Reports,
    /// `None` once the item has ended.
    slots: Vec<Option<Slot>>,
    undeliverable: Vec<Undeliverable>,
}

impl Events<'_> {
    fn end(&mut self, index: usize, disposition: Disposition) {
        if let Some(slot) = self.slots[index].take() {
            end(self.reports, slot.id, slot.held, disposition);
        }
    }
}

impl DeliveryHooks for Events<'_> {
    fn accepted(&mut self, index: usize) {
        self.end(index, Disposition::Delivered);
    }

    fn refused(&mut self, index: usize, reason: DeadLetterReason, detail: &str) {
        if let Some(slot) = self.slots[index].take() {
            let aside = self
                .parts
                .dead_letter(slot.id, &slot.event, slot.held, reason, detail);
            self.undeliverable.push(aside);
        }
    }

    /// By the same policy as at the receipt.
    fn retire(&mut self, open: &mut Open, indices: &[usize]) -> bool {
        let now = self.parts.clock.now();
        let age = self.parts.age;
        let mut any = false;
        for &index in indices {
            let Some(slot) = &mut self.slots[index] else {
                continue;
            };
            let judged = slot.restamped || slot.queued.elapsed() < WAITED;
            if judged || !age.is_too_old(slot.event.published(), slot.judging_time(now)) {
                continue;
            }
            any = true;
            match age.policy() {
                // As at the receipt: there soon is another clock to tell.
                _ if slot.clock_offset.is_unknown() => {
                    open.end(index);
                    self.end(index, Disposition::HandedBack);
                }
                AgePolicy::Drop => {
                    open.end(index);
                    self.end(index, Disposition::TooOld);
                }
                AgePolicy::DeadLetter => {
                    open.end(index);
                    let detail = "it became too old while it waited";
                    self.refused(index, DeadLetterReason::TooOld, detail);
                }
                AgePolicy::Restamp => {
                    slot.restamped = true;
                    if let Some(entry) = open.get_mut(index) {
                        entry.timestamp = Some(slot.clock_offset.later(now));
                    }
                }
            }
        }
        any
    }

    fn progress(&mut self) {
        self.reports.send(Report::Progress).ok();
    }

    fn fault(&mut self, error: &Error) {
        self.reports.send(Report::Fault(error.to_string())).ok();
    }

    fn ambiguous(&mut self, entries: usize) {
        self.reports.send(Report::Ambiguous(entries)).ok();
    }
}
