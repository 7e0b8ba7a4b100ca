//! One consumer of the queue: the state that the source, its ackers and the visibility task share.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::{ClockOffset, Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::in_flight::{InFlightMessages, Receipt};
use super::prefetch::PrefetchBuffer;
use super::queue::{FailedEntry, Queue, QueueAttributes, Received, VisibilityChange};
use crate::receiver::ReceivedMessage;

/// Entries of a batch, as SQS limits them.
const MAX_BATCH_ENTRIES: usize = 10;

const MAX_CONCURRENT_BATCHES: usize = 8;

/// The longest step in which visibility is extended: the messages of a killed consumer come back within it.
const MAX_VISIBILITY_STEP: Duration = Duration::from_secs(60);

/// For each call, beside the time of a long poll.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Consumer {
    queue: Box<dyn Queue>,
    attributes: QueueAttributes,
    seed: u64,
    state: Mutex<State>,
    /// The source was dropped: nothing more is received.
    stopped: AtomicBool,
    /// Messages were received, a group was released, or an error ends the run.
    pub(super) changed: Notify,
    /// Messages were received whose visibility has to be extended.
    pub(super) received: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) in_flight: InFlightMessages,
    pub(super) prefetched: PrefetchBuffer,
    pub(super) clock_offset: ClockOffset,
    /// An error that ends the run, found by the visibility task.
    pub(super) fatal: Option<Error>,
}

impl Consumer {
    pub(super) fn new(queue: Box<dyn Queue>, attributes: QueueAttributes, seed: u64) -> Self {
        let visibility = attributes.visibility_timeout.min(MAX_VISIBILITY_STEP);
        Self {
            queue,
            attributes,
            seed,
            state: Mutex::new(State {
                in_flight: InFlightMessages::new(visibility),
                prefetched: PrefetchBuffer::default(),
                clock_offset: ClockOffset::default(),
                fatal: None,
            }),
            stopped: AtomicBool::new(false),
            changed: Notify::new(),
            received: Notify::new(),
        }
    }

    /// Nothing that runs under this lock panics half way.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self) -> &dyn Queue {
        &*self.queue
    }

    pub(super) fn attributes(&self) -> QueueAttributes {
        self.attributes
    }

    /// The seed of the jitter.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// One receive. Returns the number of messages that the queue gave.
    pub(super) async fn receive(&self, wait_time: Duration) -> Result<usize> {
        let visibility = self.state().in_flight.visibility();
        let call = self.queue.receive(wait_time, visibility);
        let Received {
            messages,
            clock_offset,
        } = with_timeout("sqs:ReceiveMessage", wait_time + CALL_TIMEOUT, call).await?;
        let count = messages.len();
        let now = Instant::now();
        let mut state = self.state();
        state.clock_offset = clock_offset;
        for mut message in messages {
            if state.in_flight.insert(&message, now) {
                // In a standard queue a group is only a hint to the queue.
                message.group = message.group.filter(|_| self.attributes.is_fifo);
                state.prefetched.push(message);
            }
        }
        drop(state);
        if count > 0 {
            self.received.notify_one();
            // The source need not wait for the receives that follow this one.
            self.changed.notify_one();
        }
        Ok(count)
    }

    /// The latest receipts of those messages that are in flight.
    pub(super) fn receipts(&self, ids: &[String]) -> Vec<Receipt> {
        let state = self.state();
        let receipt = |id: &String| state.in_flight.receipt(id);
        ids.iter().filter_map(receipt).collect()
    }

    pub(super) async fn change_visibility(
        &self,
        changes: &[VisibilityChange],
    ) -> Result<Vec<FailedEntry>> {
        with_timeout(
            "sqs:ChangeMessageVisibility",
            CALL_TIMEOUT,
            self.queue.change_visibility(changes),
        )
        .await
    }

    /// The ids of the prefetched messages in the groups of messages that go back. They go back too, and are prefetched no more: released
    /// before that, the groups would go on behind them.
    pub(super) fn take_successors<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a ReceivedMessage>,
    ) -> Vec<String> {
        let messages = messages.into_iter();
        let groups: HashSet<_> = messages
            .filter_map(|message| message.group.as_deref())
            .collect();
        self.state().prefetched.remove_groups(&groups)
    }

    /// Releases the groups of these messages, so that the next ones of the groups may follow.
    pub(super) fn release_groups<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a ReceivedMessage>,
    ) {
        let messages = messages.into_iter();
        let mut state = self.state();
        for group in messages.filter_map(|message| message.group.as_ref()) {
            state.prefetched.release_group(group);
        }
        drop(state);
        self.changed.notify_one();
    }
}

/// Makes `call` for each batch of entries, for several batches at a time.
pub(super) async fn in_batches<T: Clone, F: Future>(
    entries: &[T],
    call: impl Fn(Vec<T>) -> F,
) -> Vec<F::Output> {
    let batches = entries.chunks(MAX_BATCH_ENTRIES);
    let calls: Vec<F> = batches.map(|batch| call(batch.to_vec())).collect();
    stream::iter(calls)
        .buffer_unordered(MAX_CONCURRENT_BATCHES)
        .collect()
        .await
}

/// A call that takes longer than `limit` fails; the queue may have executed it.
pub(super) async fn with_timeout<T>(
    action: &str,
    limit: Duration,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, call).await.unwrap_or_else(|_| {
        let detail = format!(
            "SQS did not answer {action} within {}; check the queue's URL, and what lies on the way",
            seconds(limit)
        );
        Err(Error::temporary(ErrorKind::Network, detail).with_ambiguity(true))
    })
}
