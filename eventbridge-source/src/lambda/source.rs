//! One invocation as a source: one delivery, and no more.

use async_trait::async_trait;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{
    AckOrder, Acker, Delivery, EventSource, MalformedEvent, Outcome, RawEvent, Result,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The source of one invocation's pipeline.
#[derive(Debug)]
pub struct Invocation {
    delivery: Option<Delivery>,
    dedup: DedupWindow,
}

impl Invocation {
    /// The source, and what hears the outcomes.
    pub(super) fn new(
        items: Vec<Result<RawEvent, MalformedEvent>>,
        deadline: Instant,
        dedup: DedupWindow,
    ) -> (Self, oneshot::Receiver<Vec<Outcome>>) {
        let (tell, told) = oneshot::channel();
        let mut delivery = Delivery::new(items, Box::new(Teller(tell)));
        delivery.deadline = Some(deadline);
        let delivery = Some(delivery);
        (Self { delivery, dedup }, told)
    }
}

#[async_trait]
impl EventSource for Invocation {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    fn dedup_window(&self) -> DedupWindow {
        self.dedup.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        Ok(self.delivery.take())
    }
}

/// Dropped, it tells that nothing was settled.
#[derive(Debug)]
struct Teller(oneshot::Sender<Vec<Outcome>>);

#[async_trait]
impl Acker for Teller {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        // Whoever asked may have run out of time; then it has been told so.
        self.0.send(outcomes.to_vec()).ok();
        Ok(())
    }
}
