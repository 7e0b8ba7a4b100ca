//! The visibility of messages in flight: a task extends it, and hands unsettled messages back.
//!
//! A message is, in this order:
//!
//! 1. *in flight*, from its receive on: hidden from other consumers. At half of its visibility timeout the task extends it; a failed
//!    extension is repeated soon, and one that SQS refuses for this receipt handle is not.
//! 2. *received again*, if its visibility expired all the same: the same message with a newer handle, which every later call uses.
//! 3. *deleted* by the acker once all of its items are settled, or *handed back*: its visibility is set to the delay of
//!    [`hand_back`](super::hand_back). A receive of such a message starts anew at 1.
//!
//! When the source and all of its deliveries are dropped, the task hands back the messages that are still in flight, and ends. Never is a
//! message deleted before it is settled, nor given to the pipeline twice at a time, nor extended after it was deleted or handed back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::consumer::{Consumer, in_batches};
use super::hand_back::{hand_back, no_delay};
use super::in_flight::Receipt;
use super::queue::VisibilityChange;

/// The task wakes up after this even if no extension is due.
const MAX_SLEEP: Duration = Duration::from_secs(3600);

/// At the end, how long running receives may still return messages; and after their end, how long the queue has to notice the closed
/// connections. Otherwise it could deliver a message that was handed back to a closed receive, and hide it until its visibility timeout
/// expires.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// Starts the task. It ends when every sender of `unsettled` is dropped: that of the source, and those of its ackers.
pub(super) fn start(consumer: Arc<Consumer>) -> (mpsc::UnboundedSender<Vec<String>>, DrainHandle) {
    let (unsettled, dropped) = mpsc::unbounded_channel();
    let (done, drained) = watch::channel(());
    tokio::spawn(async move {
        run(&consumer, dropped).await;
        drop(done);
    });
    (unsettled, DrainHandle(drained))
}

async fn run(consumer: &Consumer, mut unsettled: mpsc::UnboundedReceiver<Vec<String>>) {
    loop {
        let now = Instant::now();
        let due = consumer.state().in_flight.next_extension();
        // An extension that is due does not wait for messages that are handed back.
        tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or(now + MAX_SLEEP)) => extend(consumer, Instant::now()).await,
            ids = unsettled.recv() => match ids {
                Some(ids) => hand_back(consumer, &ids, no_delay).await,
                None => break,
            },
            () = consumer.received.notified() => {}
        }
    }
    sleep(GRACE).await;
    let left = consumer.state().in_flight.ids();
    hand_back(consumer, &left, no_delay).await;
}

/// Extends the visibility of the messages that are due.
async fn extend(consumer: &Consumer, now: Instant) {
    let due = consumer.state().in_flight.due(now);
    in_batches(&due, |batch| extend_batch(consumer, batch)).await;
}

async fn extend_batch(consumer: &Consumer, receipts: Vec<Receipt>) {
    let visibility = consumer.state().in_flight.visibility();
    let change = |receipt: &Receipt| VisibilityChange {
        handle: receipt.handle.clone(),
        visibility,
    };
    let changes: Vec<_> = receipts.iter().map(change).collect();
    let asked = Instant::now();
    let response = consumer.change_visibility(&changes).await;
    let now = Instant::now();
    let mut state = consumer.state();
    match response {
        Ok(failed) => {
            for (index, receipt) in receipts.iter().enumerate() {
                match failed.iter().find(|entry| entry.index == index) {
                    None => state.in_flight.extended(receipt, asked),
                    Some(entry) if entry.is_permanent => state.in_flight.stop_extending(receipt),
                    Some(_) => state.in_flight.extend_soon(receipt, now),
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, messages = receipts.len(), "the visibility of messages could not be extended; they may arrive twice");
            for receipt in &receipts {
                state.in_flight.extend_soon(receipt, now);
            }
            if !error.is_temporary() {
                state.fatal.get_or_insert(error);
                consumer.changed.notify_one();
            }
        }
    }
}

/// Resolves when a dropped source has handed its unsettled messages back to the queue.
///
/// A program that ends without waiting for it loses nothing: the messages come back when their visibility timeout expires.
#[derive(Debug, Clone)]
pub struct DrainHandle(watch::Receiver<()>);

impl DrainHandle {
    /// Resolves when the source and its deliveries are dropped, and every unsettled message is handed back.
    pub async fn wait(mut self) {
        // Nothing is ever sent: the channel closes when the task ends.
        while self.0.changed().await.is_ok() {}
    }
}
