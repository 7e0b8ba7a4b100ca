//! Taking from the source, and judging what it gave.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::abortable;
use tokio::time::Instant;

use super::Run;
use crate::backoff::later;
use crate::filter::ClaimWaiter;
use crate::observe::PipelineEvent;
use crate::pipeline::Disposition;
use crate::pipeline::admit::{Judged, Undeliverable, end};
use crate::pipeline::queue::ItemId;
use crate::{Delivery, MalformedEvent, Outcome, RawEvent, Result};

impl Run {
    /// True if the source is to be asked. Once it is being asked this stays true until it answers, so that an exchange with it
    /// is never left alone half way.
    pub(super) fn takes(&mut self) -> bool {
        if self.exhausted || self.drain_until.is_some() {
            return false;
        }
        let has_room = self.ledger.unsettled() < self.limits.deliveries
            && self.ledger.open_items() < self.limits.events
            && self.ledger.bytes() < self.limits.bytes;
        if self.asked.is_none() && has_room && self.source_rests_until.is_none() {
            self.asked = Some(Instant::now());
        }
        self.asked.is_some()
    }

    pub(super) fn taken(&mut self, taken: Option<Result<Delivery>>) {
        self.asked = None;
        match taken {
            None => self.exhausted = true,
            Some(Ok(delivery)) => {
                self.source_backoff.reset();
                self.stall.source_answered();
                self.take(delivery);
            }
            Some(Err(error)) => {
                let retry_in = self.source_backoff.next(error.retry());
                self.parts.observer.observe(&PipelineEvent::SourceFailed {
                    error: &error,
                    retry_in,
                });
                match retry_in {
                    Some(wait) => {
                        self.stall.source_failed(error.to_string());
                        self.rest_the_source(wait);
                    }
                    None => self.fail(error),
                }
            }
        }
    }

    fn take(&mut self, delivery: Delivery) {
        let items = delivery.items.len();
        self.parts
            .observer
            .observe(&PipelineEvent::Received { items });
        self.summary.received += items as u64;
        let bytes = delivery.items.iter().map(size).sum();
        let number = self
            .ledger
            .open(delivery.acker, items, bytes, delivery.deadline);
        let mut undeliverable = Vec::new();
        for (index, item) in delivery.items.into_iter().enumerate() {
            let id = ItemId {
                delivery: number,
                index,
            };
            match self
                .parts
                .judge(id, item, delivery.clock_offset, &self.dedup)
            {
                Judged::Ended(disposition) => self.ended(id, disposition),
                Judged::Send(slot) => self.queue.push(slot.0, slot.1),
                Judged::Undeliverable(aside) => undeliverable.push(aside),
                Judged::Waits(joined) => self.join(id, joined),
            }
        }
        self.dead_letter(undeliverable);
    }

    /// The source is not asked for a while.
    pub(super) fn rest_the_source(&mut self, wait: Duration) {
        let until = later(Instant::now(), wait);
        self.source_rests_until = self.source_rests_until.max(Some(until));
    }

    /// DeliveryHooks a copy as the one in flight ends.
    fn join(&mut self, id: ItemId, joined: ClaimWaiter) {
        let reports = self.reports.clone();
        let ended = async move {
            let disposition = match joined.await {
                Outcome::Settled => Disposition::Duplicate,
                Outcome::HandedBack => Disposition::HandedBack,
            };
            end(&reports, id, None, disposition);
        };
        let (ended, abort) = abortable(ended);
        self.joined.insert(id, abort);
        // Aborted only once the item has ended.
        self.undeliverable.push(ended.map(|_| Ok(())).boxed());
    }

    pub(super) fn dead_letter(&mut self, undeliverable: Vec<Undeliverable>) {
        if undeliverable.is_empty() {
            return;
        }
        for aside in &undeliverable {
            self.ledger.underway(aside.id);
        }
        let (parts, reports) = (Arc::clone(&self.parts), self.reports.clone());
        let (mut stop, seed) = (self.stop.subscribe(), self.limits.seed);
        let written = async move {
            parts
                .write_dead_letters(undeliverable, &reports, &mut stop, seed)
                .await
        };
        self.undeliverable.push(written.boxed());
    }
}

fn size(item: &Result<RawEvent, MalformedEvent>) -> usize {
    match item {
        Ok(event) => event.document().len(),
        Err(malformed) => malformed.bytes.len(),
    }
}
