//! Deletes the messages of a delivery, or hands them back to the queue.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use okta_coralogix_core::{Acker, Detached, Outcome, Result};
use tokio::sync::mpsc;

use super::consumer::Consumer;
use super::delete::delete;
use super::hand_back::{delay_by_receives, hand_back};
use crate::receiver::{MessageOutcomes, ReceivedMessage};

/// Deletes the messages whose items are all settled, and hands the others back. Dropped before that, all of them are handed back. What was
/// received behind a message that is handed back, in its FIFO group, goes back with it.
#[derive(Debug)]
pub(super) struct SqsAcker {
    consumer: Arc<Consumer>,
    /// Empty once they are settled.
    messages: Vec<Delivered>,
    /// The ids of messages to hand back, for the visibility task.
    unsettled: mpsc::UnboundedSender<Vec<String>>,
}

/// A message of a delivery.
#[derive(Debug)]
struct Delivered {
    message: ReceivedMessage,
    /// The indices of its items in the delivery.
    items: Range<usize>,
}

impl SqsAcker {
    pub(super) fn new(
        consumer: Arc<Consumer>,
        messages: Vec<ReceivedMessage>,
        unsettled: mpsc::UnboundedSender<Vec<String>>,
    ) -> Self {
        let mut end = 0;
        let messages = messages.into_iter().map(|message| {
            let start = end;
            end += message.items;
            Delivered {
                message,
                items: start..end,
            }
        });
        Self {
            consumer,
            messages: messages.collect(),
            unsettled,
        }
    }

    /// The ids of the messages that were received behind these in their groups, and are not delivered yet.
    fn take_successors(&self, ids: &[String]) -> Vec<String> {
        let ids: HashSet<_> = ids.iter().collect();
        let messages = self.messages().filter(|message| ids.contains(&message.id));
        self.consumer.take_successors(messages)
    }

    fn messages(&self) -> impl Iterator<Item = &ReceivedMessage> {
        self.messages.iter().map(|delivered| &delivered.message)
    }
}

#[async_trait]
impl Acker for SqsAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let MessageOutcomes {
            settled,
            mut failed,
        } = MessageOutcomes::of(self.messages(), outcomes);
        failed.extend(self.take_successors(&failed));
        hand_back(&self.consumer, &failed, delay_by_receives).await;
        if let Err(error) = delete(&self.consumer, &settled).await {
            // Handed back, they would be delivered again at once, by this consumer or by another one.
            let mut state = self.consumer.state();
            state.in_flight.forget(&settled);
            return Err(error);
        }
        self.consumer.release_groups(self.messages());
        // None of them is in flight any more: `drop` finds nothing to hand back.
        self.messages.clear();
        Ok(())
    }

    /// With its whole message, and with its whole group: of two parts of a group the later one could be deleted first.
    fn detach(&mut self, item: usize) -> Option<Detached> {
        let holds = |delivered: &Delivered| delivered.items.contains(&item);
        let group = self.messages.iter().find(|delivered| holds(delivered))?;
        let group = group.message.group.clone();
        let goes = |delivered: &mut Delivered| {
            holds(delivered) || (group.is_some() && delivered.message.group == group)
        };
        let messages: Vec<_> = self.messages.extract_if(.., goes).collect();
        let items = messages
            .iter()
            .flat_map(|delivered| delivered.items.clone());
        let items = items.collect();
        let acker = Self {
            consumer: Arc::clone(&self.consumer),
            messages,
            unsettled: self.unsettled.clone(),
        };
        Some(Detached::new(items, Box::new(acker)))
    }
}

impl Drop for SqsAcker {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let successors = self.consumer.take_successors(self.messages());
        self.consumer.release_groups(self.messages());
        let messages = self.messages.drain(..);
        let ids = messages.map(|delivered| delivered.message.id);
        let ids = ids.chain(successors).collect();
        // The visibility task outlives every acker, unless the runtime has ended.
        self.unsettled.send(ids).ok();
    }
}
