//! The interface between the source and an SQS queue.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::{ClockOffset, Result};

/// One SQS queue. [`AwsQueue`](super::AwsQueue) is the real one; `simulator` has one in memory, around which a test may put its own.
///
/// # Implementing
/// 1. Each call makes one attempt; the source retries. An error says whether it is temporary.
/// 2. The entries of a batch fail one by one: `Ok` names those that failed; every other one was done.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Up to 10 messages, waiting up to `wait` (at most 20 s) for the first. They stay hidden for `visibility`.
    ///
    /// # Errors
    /// No message was received, or those that were come back after `visibility`.
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received>;

    /// Deletes up to 10 messages by their receipt handles.
    ///
    /// # Errors
    /// Any of the messages may have been deleted.
    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>>;

    /// Sets for how long from now up to 10 messages stay hidden.
    ///
    /// # Errors
    /// Any of the messages may have been changed.
    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>>;

    /// How the queue is set up.
    ///
    /// # Errors
    /// The queue refused the call, or did not answer.
    async fn attributes(&self) -> Result<QueueAttributes>;

    /// Approximately how many messages it holds.
    ///
    /// # Errors
    /// The queue refused the call, or did not answer.
    async fn depth(&self) -> Result<Depth>;
}

/// What implements it need not be `Debug`.
impl Debug for dyn Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<Q: Queue + ?Sized> Queue for $pointer<Q> {
            async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
                (**self).receive(wait, visibility).await
            }

            async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>> {
                (**self).delete(handles).await
            }

            async fn change_visibility(
                &self,
                changes: &[VisibilityChange],
            ) -> Result<Vec<FailedEntry>> {
                (**self).change_visibility(changes).await
            }

            async fn attributes(&self) -> Result<QueueAttributes> {
                (**self).attributes().await
            }

            async fn depth(&self) -> Result<Depth> {
                (**self).depth().await
            }
        }
    )*};
}

forward!(Arc Box);

/// The response to one receive.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Received {
    /// The messages, in the queue's order.
    pub messages: Vec<Message>,
    /// The offset of the queue's clock from the host's, by the `Date` of the response.
    pub clock_offset: ClockOffset,
}

/// One message, as received.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The same each time the message is received.
    pub id: String,
    /// The receipt handle, another one at each receive. Only the latest is sure to work.
    pub handle: String,
    /// The message body.
    pub body: Bytes,
    /// How often it has been received, this time included; 0 if unknown.
    pub receive_count: u32,
    /// The message group (FIFO queues).
    pub group: Option<String>,
}

/// Without the body, which has personal data.
impl Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("bytes", &self.body.len())
            .field("receive_count", &self.receive_count)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// Sets for how long a message stays hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VisibilityChange {
    /// The receipt handle.
    pub handle: String,
    /// From now on, in full seconds, at most 12 hours; 0: visible at once.
    pub visibility: Duration,
}

/// An entry of a batch that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedEntry {
    /// Its index in the batch.
    pub index: usize,
    /// True if it would fail again (a receipt handle that is no longer valid); false if the queue could not do it now.
    pub is_permanent: bool,
    /// The error code of the queue.
    pub code: String,
}

/// How a queue is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueAttributes {
    /// For how long a received message stays hidden unless a call says otherwise.
    pub visibility_timeout: Duration,
    /// A FIFO queue: the messages of a group are received in order.
    pub is_fifo: bool,
    /// A message that is received too often moves to a dead-letter queue.
    pub has_redrive_policy: bool,
}

/// The approximate number of messages in a queue. SQS counts late: by about a minute, its documentation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Depth {
    /// Not received, or visible again. Those of a FIFO queue count too that come only after others of their group.
    pub visible: u64,
    /// Sent, and not visible yet (`DelaySeconds`).
    pub delayed: u64,
    /// Received by a consumer, and neither deleted nor visible again.
    pub in_flight: u64,
}

impl Depth {
    /// True if there are no messages.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.visible == 0 && self.delayed == 0 && self.in_flight == 0
    }
}
