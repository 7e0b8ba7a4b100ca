//! The source of one invocation: a single delivery.

use async_trait::async_trait;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{
    AckOrder, Delivery, EventSource, MalformedEvent, Outcome, RawEvent, Result,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::receiver::OneshotAcker;

/// The source of one invocation's pipeline.
#[derive(Debug)]
pub struct Invocation {
    delivery: Option<Delivery>,
    dedup_window: DedupWindow,
}

impl Invocation {
    /// The source, and the receiver of the outcomes, which is closed if the delivery is dropped.
    pub(super) fn new(
        items: Vec<Result<RawEvent, MalformedEvent>>,
        deadline: Instant,
        dedup_window: DedupWindow,
    ) -> (Self, oneshot::Receiver<Vec<Outcome>>) {
        let (sender, outcomes) = oneshot::channel();
        let mut delivery = Delivery::new(items, Box::new(OneshotAcker(sender)));
        delivery.deadline = Some(deadline.into_std());
        let source = Self {
            delivery: Some(delivery),
            dedup_window,
        };
        (source, outcomes)
    }
}

#[async_trait]
impl EventSource for Invocation {
    fn name(&self) -> &str {
        "lambda"
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    fn dedup_window(&self) -> DedupWindow {
        self.dedup_window.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        Ok(self.delivery.take())
    }
}
