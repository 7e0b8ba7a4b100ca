//! The simulated queue: its messages, scripted faults, and a record of the calls.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::{ClockOffset, Error, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::model::{Done, Model};
use super::server::SqsServer;
use crate::sqs::queue::{
    Depth, FailedEntry, Message, Queue, QueueAttributes, Received, VisibilityChange,
};

/// A queue. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct SqsSimulator {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    stale: StaleHandle,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) model: Model,
    /// For each of the next entries of delete batches: it fails, and whether permanently.
    delete_failures: VecDeque<bool>,
    faults: Vec<(Call, VecDeque<Error>)>,
    calls: Vec<Call>,
    /// The longest time for which a message was asked to be hidden.
    longest_visibility: Duration,
    clock_offset: ClockOffset,
    /// The one access key that is accepted, and the error code for the others.
    access_key: Option<(String, &'static str)>,
}

/// The effect of a call with the receipt handle of an earlier receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StaleHandle {
    /// It succeeds and does nothing, as in standard queues.
    #[default]
    Ignored,
    /// The entry fails, as in FIFO queues and other simulators.
    Refused,
}

/// A call of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `ReceiveMessage`.
    Receive,
    /// `DeleteMessageBatch`.
    Delete,
    /// `ChangeMessageVisibilityBatch`.
    ChangeVisibility,
    /// `GetQueueAttributes`.
    Attributes,
}

/// Builds a [`SqsSimulator`].
#[derive(Debug)]
#[must_use]
pub struct SqsSimulatorBuilder {
    pub(super) model: Model,
    stale: StaleHandle,
}

impl SqsSimulatorBuilder {
    /// The queue's visibility timeout. Default: 30 s.
    pub fn visibility_timeout(mut self, timeout: Duration) -> Self {
        self.model.visibility_timeout = timeout;
        self
    }

    /// A FIFO queue.
    pub fn fifo(mut self) -> Self {
        self.model.is_fifo = true;
        self
    }

    /// A message that was received this often moves to the dead-letter queue at its next receive. Default: never.
    pub fn max_receive_count(mut self, receives: u32) -> Self {
        self.model.max_receive_count = Some(receives);
        self
    }

    /// A message that is sent becomes visible after this. Default: at once.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.model.delay = delay;
        self
    }

    /// The queue gives its counts as they were so long ago. Default: as they are.
    pub fn counts_lag(mut self, lag: Duration) -> Self {
        self.model.counts_lag = lag;
        self
    }

    /// The effect of a call with an old receipt handle.
    pub fn stale_handles(mut self, stale: StaleHandle) -> Self {
        self.stale = stale;
        self
    }

    /// The queue, empty.
    #[must_use]
    pub fn build(self) -> SqsSimulator {
        let state = State {
            model: self.model,
            ..State::default()
        };
        SqsSimulator {
            state: Arc::new(Mutex::new(state)),
            changed: Arc::default(),
            stale: self.stale,
        }
    }
}

impl SqsSimulator {
    /// A builder with the defaults of SQS.
    pub fn builder() -> SqsSimulatorBuilder {
        let builder = SqsSimulatorBuilder {
            model: Model::default(),
            stale: StaleHandle::default(),
        };
        builder.visibility_timeout(Duration::from_secs(30))
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: impl Into<Bytes>) {
        self.send_to(None, body.into());
    }

    /// Puts a message of a group into the queue.
    pub fn send_in_group(&self, group: &str, body: impl Into<Bytes>) {
        self.send_to(Some(group.to_owned()), body.into());
    }

    fn send_to(&self, group: Option<String>, body: Bytes) {
        self.state().model.send(body, group, Instant::now());
        self.changed.notify_waiters();
    }

    /// Each of the next entries of delete batches fails, one for each of these; true: permanently (`SenderFault`).
    pub fn fail_deletes(&self, is_permanent: impl IntoIterator<Item = bool>) {
        self.state().delete_failures.extend(is_permanent);
    }

    /// The next calls of this kind fail with these errors.
    pub fn fail_calls(&self, call: Call, errors: impl IntoIterator<Item = Error>) {
        self.state()
            .faults
            .push((call, errors.into_iter().collect()));
    }

    /// Sets the offset of the queue's clock from the host's.
    pub fn set_clock_offset(&self, offset: ClockOffset) {
        self.state().clock_offset = offset;
    }

    /// From now on the server refuses calls that are signed with another access key: with the error code `code`, such as `ExpiredToken`.
    /// Default: every key is accepted.
    pub fn accept_access_key(&self, id: impl Into<String>, code: &'static str) {
        self.state().access_key = Some((id.into(), code));
    }

    /// The error code for a call with this `Authorization`.
    pub(super) fn refusal(&self, authorization: &str) -> Option<&'static str> {
        let state = self.state();
        let (accepted, code) = state.access_key.as_ref()?;
        let signed_with = authorization
            .split_once("Credential=")
            .and_then(|(_, rest)| rest.split('/').next());
        (signed_with != Some(accepted)).then_some(*code)
    }

    /// Makes every message in flight visible again, as if its visibility timeout had expired.
    pub fn show_all(&self) {
        self.state().model.show_all();
        self.changed.notify_waiters();
    }

    /// The messages in it now.
    #[must_use]
    pub fn depth_now(&self) -> Depth {
        self.state().model.depth(Instant::now())
    }

    /// The bodies that the redrive policy moved to the dead-letter queue.
    #[must_use]
    pub fn dead(&self) -> Vec<Bytes> {
        self.state().model.dead.clone()
    }

    /// How many messages were deleted.
    #[must_use]
    pub fn deleted(&self) -> u64 {
        self.state().model.deleted
    }

    /// How many messages were received, each as often as it was.
    #[must_use]
    pub fn receives(&self) -> u64 {
        self.state().model.receives
    }

    /// How often a call was made.
    #[must_use]
    pub fn calls(&self, call: Call) -> usize {
        let state = self.state();
        state.calls.iter().filter(|made| **made == call).count()
    }

    /// Resolves once this many receives were begun.
    pub async fn wait_for_receives(&self, receives: usize) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.calls(Call::Receive) >= receives {
                return;
            }
            changed.await;
        }
    }

    /// The longest time for which a message was asked to be hidden.
    #[must_use]
    pub fn longest_visibility(&self) -> Duration {
        self.state().longest_visibility
    }

    /// Listens on 127.0.0.1, in the protocol of the AWS SDKs.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn serve(&self) -> std::io::Result<SqsServer> {
        SqsServer::start(self.clone()).await
    }

    /// The counts that the queue gives.
    pub(super) fn late_depth(&self) -> Depth {
        self.state().model.late_depth(Instant::now())
    }

    pub(super) fn is_fifo(&self) -> bool {
        self.state().model.is_fifo
    }

    /// Nothing that runs under this lock panics half way.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call, and fails it as scripted.
    pub(super) fn called(&self, call: Call) -> Result<()> {
        let mut state = self.state();
        state.calls.push(call);
        self.changed.notify_waiters();
        let fault = state
            .faults
            .iter_mut()
            .filter(|(of, _)| *of == call)
            .find_map(|(_, errors)| errors.pop_front());
        fault.map_or(Ok(()), Err)
    }

    /// Up to `most` messages; waits up to `wait` for the first.
    pub(super) async fn take(
        &self,
        most: usize,
        wait: Duration,
        visibility: Option<Duration>,
    ) -> Vec<Message> {
        let end = Instant::now() + wait;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let now = Instant::now();
            let (taken, next_visible) = {
                let mut state = self.state();
                let hidden = visibility.unwrap_or_default();
                state.longest_visibility = state.longest_visibility.max(hidden);
                let taken = state.model.receive(most, visibility, now);
                (taken, state.model.next_visible())
            };
            if !taken.is_empty() || now >= end {
                return taken;
            }
            let wake = next_visible.map_or(end, |at| at.min(end));
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// The entry that fails because of its receipt handle.
    fn failed(&self, index: usize, done: Done) -> Option<FailedEntry> {
        match done {
            Done::Yes | Done::Gone => None,
            Done::Stale if self.stale == StaleHandle::Ignored => None,
            Done::Stale | Done::Unknown => Some(invalid_handle(index)),
        }
    }
}

fn invalid_handle(index: usize) -> FailedEntry {
    FailedEntry {
        index,
        is_permanent: true,
        code: "ReceiptHandleIsInvalid".to_owned(),
    }
}

fn scripted(index: usize, is_permanent: bool) -> FailedEntry {
    let code = if is_permanent {
        "Scripted"
    } else {
        "InternalError"
    };
    FailedEntry {
        index,
        is_permanent,
        code: code.to_owned(),
    }
}

#[async_trait]
impl Queue for SqsSimulator {
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
        self.called(Call::Receive)?;
        Ok(Received {
            messages: self.take(10, wait, Some(visibility)).await,
            clock_offset: self.state().clock_offset,
        })
    }

    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>> {
        self.called(Call::Delete)?;
        let mut state = self.state();
        let mut failed = Vec::new();
        for (index, handle) in handles.iter().enumerate() {
            // A client that asks for a permission with a handle that was never given uses up no failure.
            let scripted_failure = match state.model.is_handle(handle) {
                true => state.delete_failures.pop_front(),
                false => None,
            };
            failed.extend(match scripted_failure {
                Some(is_permanent) => Some(scripted(index, is_permanent)),
                None => self.failed(index, state.model.delete(handle, Instant::now())),
            });
        }
        drop(state);
        // A group may be free now.
        self.changed.notify_waiters();
        Ok(failed)
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>> {
        self.called(Call::ChangeVisibility)?;
        let mut state = self.state();
        let mut failed = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let VisibilityChange { handle, visibility } = change;
            state.longest_visibility = state.longest_visibility.max(*visibility);
            let now = Instant::now();
            if state.model.change_visibility(handle, *visibility, now) != Done::Yes {
                failed.push(invalid_handle(index));
            }
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(failed)
    }

    async fn attributes(&self) -> Result<QueueAttributes> {
        self.called(Call::Attributes)?;
        let model = &self.state().model;
        Ok(QueueAttributes {
            visibility_timeout: model.visibility_timeout,
            is_fifo: model.is_fifo,
            has_redrive_policy: model.max_receive_count.is_some(),
        })
    }

    async fn depth(&self) -> Result<Depth> {
        self.called(Call::Attributes)?;
        Ok(self.late_depth())
    }
}
