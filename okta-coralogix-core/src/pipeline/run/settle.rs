//! Settlements: passing the outcomes of deliveries to the source.

use futures::FutureExt;

use super::Run;
use crate::observe::PipelineEvent;
use crate::pipeline::tracked_delivery::Settlement;
use crate::{Outcome, Result};

impl Run {
    pub(super) fn start_settlements(&mut self) {
        for settlement in self.ledger.ready() {
            self.settle(settlement);
        }
    }

    pub(super) fn settle(&mut self, settlement: Settlement) {
        let Settlement {
            delivery,
            acker,
            outcomes,
        } = settlement;
        let settled = async move {
            let result = acker.settle(&outcomes).await;
            (delivery, outcomes, result)
        };
        self.tasks.settlements.push(settled.boxed());
    }

    pub(super) fn settled(&mut self, delivery: u64, outcomes: &[Outcome], result: Result<()>) {
        self.ledger.settled(delivery);
        if self.ledger.unsettled() == 0 {
            self.queue.rest();
        }
        let Err(error) = result else {
            self.context.stall.settlement_succeeded(outcomes);
            self.settle_backoff.reset();
            let items = outcomes.len();
            return self.observe(&PipelineEvent::Settled { items });
        };
        self.observe(&PipelineEvent::SettleFailed { error: &error });
        match self.settle_backoff.next(error.retry()) {
            Some(wait) => {
                self.ledger.rewind();
                self.context.stall.settlement_failed(&error);
                self.source.rest(wait);
            }
            None => self.fail(error),
        }
    }
}
