//! Delivers the events of one request, until each of them has ended.

use std::sync::Arc;

use super::Disposition;
use super::context::{Context, Report};
use super::dead_letters::Undeliverable;
use super::item_guard::Slot;
use crate::Result;
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetterReason;
use crate::sink::{AgeCheck, DeliveryHooks, Request, Transfer};

/// Sends the events of a request until every item has ended. One that has not when the run stops is handed back.
///
/// # Errors
/// If waiting cannot help.
pub(super) async fn deliver(
    context: Arc<Context>,
    seed: u64,
    request: Request<Slot>,
) -> Result<()> {
    let mut hooks = Hooks {
        context: &context,
        undeliverable: Vec::new(),
    };
    let backoff = Backoff::new(context.parts.backoff, seed);
    let stop = context.stop.subscribe();
    let transfer = Transfer::new(context.endpoint(), &mut hooks, backoff, stop);
    let sent = transfer.run(request).await;
    let written = context.write_dead_letters(hooks.undeliverable, seed).await;
    sent.and(written)
}

#[derive(Debug)]
struct Hooks<'a> {
    context: &'a Context,
    undeliverable: Vec<Undeliverable>,
}

impl DeliveryHooks for Hooks<'_> {
    type Slot = Slot;

    fn accepted(&mut self, slot: Slot) {
        slot.item.end(Disposition::Delivered);
    }

    fn rejected(&mut self, slot: Slot, reason: DeadLetterReason, detail: String) {
        self.undeliverable
            .push(Undeliverable::new(slot, reason, detail));
    }

    fn recheck(&self, slot: &mut Slot) -> AgeCheck {
        self.context.parts.recheck_age(slot)
    }

    fn expired(&mut self, slot: Slot, disposition: Disposition) {
        match disposition {
            Disposition::DeadLettered => {
                let detail = "it became too old while it waited".to_owned();
                self.rejected(slot, DeadLetterReason::TooOld, detail);
            }
            disposition => slot.item.end(disposition),
        }
    }

    fn answer_lost(&mut self, entries: usize) {
        self.context.report(Report::AnswerLost(entries));
    }
}
