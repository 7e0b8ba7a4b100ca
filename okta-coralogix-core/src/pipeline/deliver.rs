//! Delivers the events of one request, until each of them has ended.

use std::sync::Arc;

use tokio::time::Instant;

use super::Disposition;
use super::context::{Context, Report};
use super::dead_letters::Undeliverable;
use super::item_guard::Slot;
use crate::Result;
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::filter::EventId;
use crate::sink::{AgeCheck, DeliveryHooks, Isolation, Refused, Request, Suspect, Transfer};

/// Sends the events of a request until every item has ended or is a suspect. One that has not when the run stops is handed back.
///
/// # Errors
/// If waiting cannot help.
pub(super) async fn deliver(
    context: Arc<Context>,
    seed: u64,
    request: Request<Slot>,
) -> Result<Vec<Suspect<Slot>>> {
    let mut hooks = Hooks::new(&context);
    let backoff = Backoff::new(context.parts.backoff, seed);
    let interrupts = context.until_stopped();
    let transfer = Transfer::new(context.endpoint(), &mut hooks, backoff, interrupts);
    let sent = transfer.run(request).await;
    let written = context.write_dead_letters(hooks.undeliverable, seed).await;
    let suspects = sent?;
    written.map(|()| suspects)
}

/// Tries an event that failed alone while others passed, until it has ended. It is handed back when the run drains.
///
/// # Errors
/// If waiting cannot help.
pub(super) async fn isolate(
    context: Arc<Context>,
    seed: u64,
    suspect: Suspect<Slot>,
) -> Result<()> {
    let mut hooks = Hooks::new(&context);
    let isolation = Isolation {
        endpoint: context.endpoint(),
        hooks: &mut hooks,
        backoff: Backoff::new(context.parts.backoff, seed),
        interrupts: context.until_drained(),
    };
    let tried = isolation.run(suspect).await;
    let written = context.write_dead_letters(hooks.undeliverable, seed).await;
    tried.and(written)
}

#[derive(Debug)]
struct Hooks<'a> {
    context: &'a Context,
    undeliverable: Vec<Undeliverable>,
}

impl<'a> Hooks<'a> {
    fn new(context: &'a Context) -> Self {
        Self {
            context,
            undeliverable: Vec::new(),
        }
    }
}

impl DeliveryHooks for Hooks<'_> {
    type Slot = Slot;

    fn id(&self, slot: &Slot) -> Option<EventId> {
        slot.event_id()
    }

    fn accepted(&mut self, slot: Slot) {
        slot.end(Disposition::Delivered);
    }

    fn rejected(&mut self, slot: Slot, refused: Refused) {
        let Refused {
            reason,
            detail,
            may_have_arrived,
        } = refused;
        let mut undeliverable = Undeliverable::new(slot, reason, detail);
        undeliverable.letter.may_have_arrived = may_have_arrived;
        self.undeliverable.push(undeliverable);
    }

    fn recheck(&self, slot: &mut Slot, at: Instant) -> AgeCheck {
        self.context.parts.recheck_age(slot, at)
    }

    fn expired(&mut self, slot: Slot, disposition: Disposition, may_have_arrived: bool) {
        if may_have_arrived && disposition == Disposition::TooOld {
            self.context.report(Report::PossiblyDelivered);
        }
        match disposition {
            Disposition::DeadLettered => {
                let refused = Refused {
                    reason: DeadLetterReason::TooOld,
                    detail: "it became too old while it waited".to_owned(),
                    may_have_arrived,
                };
                self.rejected(slot, refused);
            }
            disposition => slot.end(disposition),
        }
    }

    fn answer_lost(&mut self, entries: usize) {
        self.context.report(Report::AnswerLost(entries));
    }
}
