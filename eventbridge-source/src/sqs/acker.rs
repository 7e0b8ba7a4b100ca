//! Deletes the messages of a delivery, or hands them back to the queue.

use std::sync::Arc;

use async_trait::async_trait;
use okta_coralogix_core::{Acker, Outcome, Result};
use tokio::sync::mpsc;

use super::consumer::Consumer;
use super::delete::delete;
use super::hand_back::{delay_by_receives, hand_back};
use crate::receiver::{MessageOutcomes, ReceivedMessage};

/// Deletes the messages whose items are all settled, and hands the others back. Dropped before that, all of them are handed back.
#[derive(Debug)]
pub(super) struct SqsAcker {
    consumer: Arc<Consumer>,
    /// Empty once they are settled.
    messages: Vec<ReceivedMessage>,
    /// The ids of messages to hand back, for the visibility task.
    unsettled: mpsc::UnboundedSender<Vec<String>>,
}

impl SqsAcker {
    pub(super) fn new(
        consumer: Arc<Consumer>,
        messages: Vec<ReceivedMessage>,
        unsettled: mpsc::UnboundedSender<Vec<String>>,
    ) -> Self {
        Self {
            consumer,
            messages,
            unsettled,
        }
    }
}

#[async_trait]
impl Acker for SqsAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let MessageOutcomes { settled, failed } = MessageOutcomes::of(&self.messages, outcomes);
        hand_back(&self.consumer, &failed, delay_by_receives).await;
        if let Err(error) = delete(&self.consumer, &settled).await {
            // Handed back, they would be delivered again at once, by this consumer or by another one.
            let mut state = self.consumer.state();
            state.in_flight.forget(&settled);
            return Err(error);
        }
        // None of them is in flight any more: `drop` finds nothing to hand back.
        let messages = std::mem::take(&mut self.messages);
        self.consumer.release_groups(&messages);
        Ok(())
    }
}

impl Drop for SqsAcker {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        self.consumer.release_groups(&self.messages);
        let ids = self.messages.drain(..).map(|message| message.id).collect();
        // The visibility task outlives every acker, unless the runtime has ended.
        self.unsettled.send(ids).ok();
    }
}
