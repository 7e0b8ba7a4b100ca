//! The narrow seam to the queue: what the source asks of it, and what it answers.

use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::{ClockOffset, Result};

/// One SQS queue. [`AwsQueue`](super::AwsQueue) is the real one; `simulator` has one in memory.
///
/// # Implementing
/// 1. Each call is one attempt; repeating is the caller's. Temporary and permanent errors are told apart by the hint.
/// 2. The entries of a batch fail one by one: `Ok` names those that were refused, and every other one was done.
#[async_trait]
pub trait Queue: Debug + Send + Sync + 'static {
    /// Up to 10 messages, waiting up to `wait` (at most 20 s) for the first. They stay hidden for `visibility`.
    ///
    /// # Errors
    /// None of the messages was taken, or they come back after `visibility`.
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received>;

    /// Deletes up to 10 messages by their receipt handles.
    ///
    /// # Errors
    /// Whether any was deleted is open.
    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>>;

    /// Sets for how long from now up to 10 messages stay hidden.
    ///
    /// # Errors
    /// Whether any was changed is open.
    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>>;

    /// How the queue is set up.
    ///
    /// # Errors
    /// As said above.
    async fn attributes(&self) -> Result<QueueAttributes>;

    /// About how much is in it.
    ///
    /// # Errors
    /// As said above.
    async fn depth(&self) -> Result<Depth>;
}

/// What one receive gave.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// The messages, in the queue's order.
    pub messages: Vec<Message>,
    /// How far the queue's clock is from the host's, by the `Date` of the answer.
    pub clock_offset: ClockOffset,
}

/// One message, as received.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The same each time the message is received.
    pub id: String,
    /// Another one each time the message is received. Only the newest is sure to work.
    pub handle: String,
    /// The text.
    pub body: Bytes,
    /// How often it has been received, this time included; 0 if the queue does not say.
    pub receive_count: u32,
    /// The message group (FIFO queues).
    pub group: Option<String>,
}

/// Without the body, which tells of people.
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

/// For how long a message is to stay hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibilityChange {
    /// The receipt handle.
    pub handle: String,
    /// From now on, in full seconds, at most 12 hours; 0: visible at once.
    pub visibility: Duration,
}

/// An entry of a batch that was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedEntry {
    /// Its index in the batch.
    pub index: usize,
    /// True if the same entry will be refused again (a handle that is no longer valid); false if the queue could not do it now.
    pub is_permanent: bool,
    /// The queue's word for the reason.
    pub code: String,
}

/// How a queue is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueAttributes {
    /// For how long a received message stays hidden unless a call says otherwise.
    pub visibility_timeout: Duration,
    /// Messages of a group are given in order, one lot at a time.
    pub is_fifo: bool,
    /// What is received too often moves to a dead-letter queue.
    pub has_redrive_policy: bool,
}

/// About how many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Waiting, or not to be received yet.
    pub visible: u64,
    /// Received by somebody, and neither deleted nor visible again.
    pub in_flight: u64,
}

impl Depth {
    /// True if there is nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.visible == 0 && self.in_flight == 0
    }
}
