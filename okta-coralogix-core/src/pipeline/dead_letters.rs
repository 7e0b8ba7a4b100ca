//! Writing dead letters: an item ends as dead-lettered once its letter is durable.

use std::sync::Arc;

use super::context::Context;
use super::item_guard::{ItemGuard, Slot};
use super::{Disposition, Parts};
use crate::backoff::Backoff;
use crate::dead_letter::{DeadLetter, DeadLetterReason, DeadLetterTarget};
use crate::observe::PipelineEvent;
use crate::{MalformedEvent, Origin, RawEvent, Result};

/// An item that cannot be delivered, and its dead letter.
#[derive(Debug)]
pub(super) struct Undeliverable {
    pub(super) item: ItemGuard,
    pub(super) letter: DeadLetter,
    /// `None`: it could not be read as one.
    event: Option<RawEvent>,
}

impl Undeliverable {
    pub(super) fn malformed(item: ItemGuard, event: MalformedEvent) -> Self {
        let (now, detail) = (item.context.parts.clock.now(), event.reason.to_string());
        let reason = DeadLetterReason::Malformed;
        let mut letter = DeadLetter::new(now, reason, detail, event.origin, event.bytes);
        letter.target = Some(item.context.target(&letter.origin, None));
        Self {
            item,
            letter,
            event: None,
        }
    }

    pub(super) fn new(slot: Slot, reason: DeadLetterReason, detail: impl Into<String>) -> Self {
        let Slot { item, event, .. } = slot;
        let now = item.context.parts.clock.now();
        let (origin, bytes) = (Arc::clone(event.origin()), event.document().clone());
        let mut letter = DeadLetter::new(now, reason, detail, origin, bytes);
        letter.target = Some(item.context.target(event.origin(), Some(&event)));
        Self {
            item,
            letter,
            event: Some(event),
        }
    }
}

impl Context {
    /// Where the dead letter of an event belongs; `event` is `None` if it could not be read as one.
    fn target(&self, origin: &Origin, event: Option<&RawEvent>) -> DeadLetterTarget {
        let Parts { mapping, sink, .. } = &*self.parts;
        let mut target = DeadLetterTarget::integration(self.reporter.context().pipeline);
        if let Some(names) = mapping.names(origin, event) {
            target.application = Some(names.application.plain().into());
            target.subsystem = Some(names.subsystem.plain().into());
        }
        target.endpoint = Some(sink.address()).filter(|address| !address.is_empty());
        target
    }

    /// Writes dead letters, with retries; their items end once they are durable. `seed` determines the waits.
    ///
    /// # Errors
    /// If waiting cannot help, or the last failure when the run stops. The items are then handed back.
    pub(super) async fn write_dead_letters(
        &self,
        undeliverable: Vec<Undeliverable>,
        seed: u64,
    ) -> Result<()> {
        if undeliverable.is_empty() {
            return Ok(());
        }
        let (letters, items): (Vec<_>, Vec<_>) = undeliverable
            .into_iter()
            .map(|one| (one.letter, (one.item, one.event)))
            .unzip();
        self.write_letters(&letters, seed).await?;
        let location = self.parts.dead_letters.location();
        for (letter, (item, event)) in letters.iter().zip(items) {
            let event = event.as_ref();
            self.observe(&PipelineEvent::DeadLettered {
                letter,
                event,
                location: &location,
            });
            item.end(Disposition::DeadLettered, event);
        }
        Ok(())
    }

    async fn write_letters(&self, letters: &[DeadLetter], seed: u64) -> Result<()> {
        let mut interrupts = self.until_stopped();
        let mut backoff = Backoff::new(self.parts.backoff, seed);
        loop {
            let Err(error) = self.parts.dead_letters.write(letters).await else {
                return Ok(());
            };
            let retry_in = backoff.next(error.retry());
            self.observe(&PipelineEvent::DeadLettersFailed {
                error: &error,
                retry_in,
            });
            let Some(wait) = retry_in.filter(|_| !interrupts.is_stopped()) else {
                return Err(error);
            };
            self.stall.attempt_failed(&error);
            interrupts.back_off(wait).await;
        }
    }
}
