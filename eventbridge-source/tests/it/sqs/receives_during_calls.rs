//! Messages that are received again while a call about them is under way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventbridge_source::sqs::simulator::{
    Call, Depth, FailedEntry, Queue, Received, SqsSimulator, StaleHandle, VisibilityChange,
};
use eventbridge_source::sqs::{QueueAttributes, SqsSource};
use okta_coralogix_core::{EventSource, Outcome, Result};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::harness::{envelopes, secs};

/// A queue that delays each answer to a change of visibility, and each deletion, until a permit is added.
#[derive(Debug)]
struct SlowQueue {
    queue: SqsSimulator,
    permits: Arc<Semaphore>,
}

impl SlowQueue {
    async fn wait(&self) {
        self.permits.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl Queue for SlowQueue {
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
        self.queue.receive(wait, visibility).await
    }

    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>> {
        self.wait().await;
        self.queue.delete(handles).await
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>> {
        let changed = self.queue.change_visibility(changes).await;
        self.wait().await;
        changed
    }

    async fn attributes(&self) -> Result<QueueAttributes> {
        self.queue.attributes().await
    }

    async fn depth(&self) -> Result<Depth> {
        self.queue.depth().await
    }
}

async fn open(queue: &SqsSimulator) -> (SqsSource, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let slow = SlowQueue {
        queue: queue.clone(),
        permits: Arc::clone(&permits),
    };
    let source = SqsSource::builder().queue(slow).once(true).seed(1);
    (source.open().await.unwrap(), permits)
}

#[tokio::test(start_paused = true)]
async fn message_received_during_its_hand_back_counts_as_new() {
    let queue = SqsSimulator::builder().build();
    queue.send(envelopes(1).remove(0));
    let (mut source, permits) = open(&queue).await;
    let first = source.next().await.unwrap().unwrap();
    let hand_back = tokio::spawn(first.acker.settle(&[Outcome::HandedBack]));
    // The message is visible again, and the acker does not know it yet.
    let again = timeout(secs(5), source.next()).await;
    permits.add_permits(1);
    hand_back.await.unwrap().unwrap();
    let again = again.expect("the message is given again").unwrap().unwrap();
    permits.add_permits(1);
    again.acker.settle(&[Outcome::Settled]).await.unwrap();
    assert!(queue.depth_now().is_empty(), "{:?}", queue.depth_now());
    assert!(source.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn message_received_during_its_deletion_is_deleted_by_its_new_handle() {
    for stale in [StaleHandle::Ignored, StaleHandle::Refused] {
        let queue = SqsSimulator::builder().stale_handles(stale).build();
        queue.send(envelopes(1).remove(0));
        let (mut source, permits) = open(&queue).await;
        let delivery = source.next().await.unwrap().unwrap();
        let settle = tokio::spawn(delivery.acker.settle(&[Outcome::Settled]));
        tokio::task::yield_now().await;
        queue.show_all();
        let copy = timeout(secs(5), source.next()).await;
        assert!(copy.is_err(), "a copy of a message in flight: {copy:?}");
        assert_eq!((queue.receives(), queue.deleted()), (2, 0));
        permits.add_permits(2);
        settle.await.unwrap().unwrap();
        assert_eq!(queue.deleted(), 1, "{stale:?}");
        assert_eq!(queue.calls(Call::Delete), 2, "{stale:?}");
        assert!(source.next().await.unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn fifo_group_goes_on_after_its_delivery_was_dropped() {
    let queue = SqsSimulator::builder().fifo().build();
    let bodies = envelopes(2);
    for body in &bodies {
        queue.send_in_group("a", body.clone());
    }
    let source = SqsSource::builder().queue(queue).max_delivery_messages(1);
    let mut source = source.once(true).seed(1).open().await.unwrap();
    drop(source.next().await.unwrap().unwrap());
    let mut given = Vec::new();
    while let Some(delivery) = timeout(secs(60), source.next()).await.unwrap().unwrap() {
        given.push(delivery.items[0].as_ref().unwrap().document().clone());
        delivery.acker.settle(&[Outcome::Settled]).await.unwrap();
    }
    given.sort_unstable();
    let mut expected = bodies;
    expected.sort_unstable();
    assert_eq!(given, expected);
}
