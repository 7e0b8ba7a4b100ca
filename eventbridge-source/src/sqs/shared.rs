//! What the source, its ackers and its keeper share: the queue, what is held of it, and how to be done with a message.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use okta_coralogix_core::backoff::{Backoff, BackoffPolicy};
use okta_coralogix_core::{ClockOffset, Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::in_flight::{InFlightMessages, Receipt};
use super::queue::{FailedEntry, Message, Queue, Received, VisibilityChange};

/// Entries of a batch, as SQS limits them.
const BATCH: usize = 10;

/// Batches asked for at a time.
const AT_A_TIME: usize = 8;

/// What a call may take, beside the time of a long poll.
pub(super) const CALL: Duration = Duration::from_secs(10);

/// How often handing back is tried: the message comes back by itself anyway.
const HAND_BACK_ATTEMPTS: usize = 3;

#[derive(Debug)]
pub(super) struct Shared {
    queue: Box<dyn Queue>,
    visibility: Duration,
    /// Groups have an order. In a standard queue a group is only a hint to the queue.
    is_fifo: bool,
    seed: u64,
    state: Mutex<State>,
    /// The source was dropped.
    ending: AtomicBool,
    /// Something is ready, a group has become free, or something ended the run.
    pub(super) changed: Notify,
    /// Something was taken that the keeper has to look after.
    pub(super) taken: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) held: InFlightMessages,
    /// Received, and not given to the pipeline yet.
    pub(super) ready: VecDeque<Message>,
    /// Bytes of these.
    pub(super) ready_bytes: usize,
    /// How many messages of each group the pipeline has.
    pub(super) groups: HashMap<String, usize>,
    pub(super) clock_offset: ClockOffset,
    /// What ends the run, found where nobody was asking.
    fatal: Option<Error>,
}

impl Shared {
    pub(super) fn new(
        queue: Box<dyn Queue>,
        visibility: Duration,
        is_fifo: bool,
        seed: u64,
    ) -> Self {
        Self {
            queue,
            visibility,
            is_fifo,
            seed,
            state: Mutex::new(State {
                held: InFlightMessages::new(visibility),
                ready: VecDeque::new(),
                ready_bytes: 0,
                groups: HashMap::new(),
                clock_offset: ClockOffset::default(),
                fatal: None,
            }),
            ending: AtomicBool::new(false),
            changed: Notify::new(),
            taken: Notify::new(),
        }
    }

    /// Nothing that runs under this lock panics half way.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self) -> &dyn Queue {
        &*self.queue
    }

    /// The source was dropped: nothing more is received.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    pub(super) fn take_fatal(&self) -> Option<Error> {
        self.state().fatal.take()
    }

    /// One receive. Returns how many messages it gave.
    pub(super) async fn receive(&self, wait: Duration) -> Result<usize> {
        let asked = self.queue.receive(wait, self.visibility);
        let Received {
            messages,
            clock_offset,
        } = within(wait + CALL, asked).await?;
        let count = messages.len();
        let now = Instant::now();
        let mut state = self.state();
        state.clock_offset = clock_offset;
        for mut message in messages {
            if state.held.take(&message, now) {
                message.group = message.group.filter(|_| self.is_fifo);
                state.ready_bytes += message.body.len();
                state.ready.push_back(message);
            }
        }
        drop(state);
        if count > 0 {
            self.taken.notify_one();
            // Whoever asks for events need not wait for the end of the receives that follow this one.
            self.changed.notify_one();
        }
        Ok(count)
    }

    /// Deletes messages that are settled, as often as it takes.
    ///
    /// # Errors
    /// What waiting cannot mend.
    pub(super) async fn delete(&self, ids: Vec<String>) -> Result<()> {
        let batches: Vec<Vec<String>> = ids.chunks(BATCH).map(<[String]>::to_vec).collect();
        let deletions = batches.into_iter().map(|batch| self.delete_batch(batch));
        let mut deletions = stream::iter(deletions).buffer_unordered(AT_A_TIME);
        let mut result = Ok(());
        while let Some(deleted) = deletions.next().await {
            result = result.and(deleted);
        }
        result
    }

    async fn delete_batch(&self, ids: Vec<String>) -> Result<()> {
        let mut backoff = Backoff::new(BackoffPolicy::default(), self.seed);
        let mut left = ids;
        while !left.is_empty() {
            let receipts = self.receipts(&left);
            let handles: Vec<_> = receipts
                .iter()
                .map(|receipt| receipt.handle.clone())
                .collect();
            if handles.is_empty() {
                return Ok(());
            }
            let failure = match within(CALL, self.queue.delete(&handles)).await {
                Err(error) => Some(error),
                Ok(refused) => {
                    let again = self.deleted(&receipts, &refused);
                    left = again.ids;
                    again.because
                }
            };
            // What failed for a while waits; what has a newer handle by now goes on at once.
            if let Some(error) = failure {
                let Some(wait) = backoff.next(error.retry()) else {
                    return Err(error);
                };
                tracing::debug!(%error, messages = left.len(), "messages could not be deleted and are deleted again");
                sleep(wait).await;
            }
        }
        Ok(())
    }

    fn receipts(&self, ids: &[String]) -> Vec<Receipt> {
        let state = self.state();
        ids.iter().filter_map(|id| state.held.receipt(id)).collect()
    }

    /// Forgets what was deleted; returns what has to be deleted again.
    fn deleted(&self, receipts: &[Receipt], refused: &[FailedEntry]) -> Again {
        let mut again = Again::default();
        let mut state = self.state();
        for (index, receipt) in receipts.iter().enumerate() {
            match refused.iter().find(|refused| refused.index == index) {
                Some(refused) if !refused.is_permanent => {
                    let detail = format!("SQS did not delete a message: {}", refused.code);
                    again.because = Some(Error::temporary(ErrorKind::Unavailable, detail));
                    again.ids.push(receipt.id.clone());
                }
                // Received again since: the old handle may have deleted nothing.
                _ if !state.held.release(receipt) => again.ids.push(receipt.id.clone()),
                Some(refused) => {
                    // It comes back, and is a duplicate then.
                    tracing::debug!(
                        code = refused.code,
                        "a message is not deleted by its handle"
                    );
                }
                None => {}
            }
        }
        again
    }

    /// Gives messages back; each stays hidden for as long as `delay` says of its receive count. One that cannot be given back
    /// comes back when its visibility runs out.
    pub(super) async fn hand_back(&self, ids: Vec<String>, delay: impl Fn(u32) -> Duration) {
        let returned: Vec<_> = {
            let mut state = self.state();
            let begin = |id: &String| state.held.return_begins(id);
            ids.iter().filter_map(begin).collect()
        };
        let batches = returned.chunks(BATCH).map(|batch| {
            let change = |(receipt, receives): &(Receipt, u32)| VisibilityChange {
                handle: receipt.handle.clone(),
                visibility: delay(*receives),
            };
            let changes: Vec<_> = batch.iter().map(change).collect();
            async move { self.hand_back_batch(&changes).await }
        });
        let calls: Vec<_> = batches.collect();
        stream::iter(calls)
            .buffer_unordered(AT_A_TIME)
            .collect::<Vec<()>>()
            .await;
        let mut state = self.state();
        for (receipt, _) in &returned {
            state.held.release(receipt);
        }
    }

    async fn hand_back_batch(&self, changes: &[VisibilityChange]) {
        let mut backoff = Backoff::new(BackoffPolicy::default(), self.seed);
        for _ in 0..HAND_BACK_ATTEMPTS {
            let error = match within(CALL, self.queue.change_visibility(changes)).await {
                Ok(refused) => {
                    if let Some(first) = refused.first() {
                        let (count, code) = (refused.len(), &first.code);
                        tracing::debug!(count, code, "messages come back when their time runs out");
                    }
                    return;
                }
                Err(error) => error,
            };
            tracing::warn!(%error, messages = changes.len(), "messages could not be given back");
            match backoff.next(error.retry()) {
                Some(wait) => sleep(wait).await,
                None => return,
            }
        }
    }

    /// Extends the visibility of what is due.
    pub(super) async fn extend(&self, now: Instant) {
        let due = self.state().held.due(now);
        let batches: Vec<_> = due
            .chunks(BATCH)
            .map(|batch| self.extend_batch(batch))
            .collect();
        stream::iter(batches)
            .buffer_unordered(AT_A_TIME)
            .collect::<Vec<()>>()
            .await;
    }

    async fn extend_batch(&self, receipts: &[Receipt]) {
        let change = |receipt: &Receipt| VisibilityChange {
            handle: receipt.handle.clone(),
            visibility: self.visibility,
        };
        let changes: Vec<_> = receipts.iter().map(change).collect();
        let asked = Instant::now();
        let answer = within(CALL, self.queue.change_visibility(&changes)).await;
        let now = Instant::now();
        let mut state = self.state();
        match answer {
            Ok(refused) => {
                for (index, receipt) in receipts.iter().enumerate() {
                    match refused.iter().find(|refused| refused.index == index) {
                        None => state.held.extended(receipt, asked),
                        Some(refused) if refused.is_permanent => {
                            state.held.not_to_be_extended(receipt);
                        }
                        Some(_) => state.held.not_extended(receipt, now),
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, messages = receipts.len(), "messages could not be kept hidden; they may come twice");
                for receipt in receipts {
                    state.held.not_extended(receipt, now);
                }
                if !error.is_temporary() {
                    state.fatal.get_or_insert(error);
                    self.changed.notify_one();
                }
            }
        }
    }

    /// The pipeline is done with messages of these groups.
    pub(super) fn groups_end<'a>(&self, groups: impl Iterator<Item = &'a str>) {
        let mut state = self.state();
        for group in groups {
            if let Some(count) = state.groups.get_mut(group) {
                *count -= 1;
                if *count == 0 {
                    state.groups.remove(group);
                }
            }
        }
        drop(state);
        self.changed.notify_one();
    }
}

/// What has to be deleted again, and why if that has to wait.
#[derive(Default)]
struct Again {
    ids: Vec<String>,
    because: Option<Error>,
}

/// A call that takes longer than `time` has failed.
pub(super) async fn within<T>(time: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(time, call).await.unwrap_or_else(|_| {
        let detail = format!("SQS did not answer within {time:?}");
        Err(Error::temporary(ErrorKind::Network, detail).with_ambiguity(true))
    })
}
