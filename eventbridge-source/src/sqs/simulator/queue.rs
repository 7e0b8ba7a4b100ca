//! The simulator: the model, faults, and what was asked of it.

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
use crate::sqs::{Depth, FailedEntry, Message, Queue, QueueAttributes, Received, VisibilityChange};

/// A queue. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct SqsSimulator {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    stale: StaleHandle,
}

#[derive(Debug)]
struct State {
    model: Model,
    /// How many of the next entries of delete batches fail, and whether for good.
    delete_failures: VecDeque<bool>,
    faults: Vec<(Call, VecDeque<Error>)>,
    calls: Vec<Call>,
    /// The longest time for which a message was asked to be hidden.
    longest_visibility: Duration,
    clock_offset: ClockOffset,
}

/// What a real queue does with a handle of an earlier receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StaleHandle {
    /// It says that it was done, and does nothing: standard queues.
    #[default]
    Ignored,
    /// The entry fails: FIFO queues, and what other stand-ins do.
    Refused,
}

/// A call of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone)]
#[must_use]
pub struct SqsSimulatorBuilder {
    visibility: Duration,
    is_fifo: bool,
    most_receives: Option<u32>,
    stale: StaleHandle,
}

impl SqsSimulatorBuilder {
    /// The queue's visibility timeout. Default: 30 s.
    pub fn visibility_timeout(mut self, visibility: Duration) -> Self {
        self.visibility = visibility;
        self
    }

    /// A FIFO queue.
    pub fn fifo(mut self) -> Self {
        self.is_fifo = true;
        self
    }

    /// What was received this often moves to the dead letters when it would be received again. Default: never.
    pub fn max_receive_count(mut self, receives: u32) -> Self {
        self.most_receives = Some(receives);
        self
    }

    /// What becomes of old handles.
    pub fn stale_handles(mut self, stale: StaleHandle) -> Self {
        self.stale = stale;
        self
    }

    /// The queue, empty.
    #[must_use]
    pub fn build(self) -> SqsSimulator {
        SqsSimulator {
            state: Arc::new(Mutex::new(State {
                model: Model::new(self.visibility, self.is_fifo, self.most_receives),
                delete_failures: VecDeque::new(),
                faults: Vec::new(),
                calls: Vec::new(),
                longest_visibility: Duration::ZERO,
                clock_offset: ClockOffset::default(),
            })),
            changed: Arc::default(),
            stale: self.stale,
        }
    }
}

impl SqsSimulator {
    /// A builder with the defaults of SQS.
    pub fn builder() -> SqsSimulatorBuilder {
        SqsSimulatorBuilder {
            visibility: Duration::from_secs(30),
            is_fifo: false,
            most_receives: None,
            stale: StaleHandle::default(),
        }
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: impl Into<Bytes>) {
        self.state().model.send(body.into(), None);
        self.changed.notify_waiters();
    }

    /// Puts a message of a group into the queue.
    pub fn send_in_group(&self, group: &str, body: impl Into<Bytes>) {
        self.state().model.send(body.into(), Some(group.to_owned()));
        self.changed.notify_waiters();
    }

    /// Each of the next entries of delete batches fails, one for each of these; true: for good (`SenderFault`).
    pub fn fail_deletes(&self, is_permanent: impl IntoIterator<Item = bool>) {
        self.state().delete_failures.extend(is_permanent);
    }

    /// The next calls of one sort fail with these.
    pub fn fail_calls(&self, call: Call, errors: impl IntoIterator<Item = Error>) {
        self.state()
            .faults
            .push((call, errors.into_iter().collect()));
    }

    /// The time of the queue, seen from the host.
    pub fn set_clock_offset(&self, offset: ClockOffset) {
        self.state().clock_offset = offset;
    }

    /// Everything in flight is visible again, as if its time had run out.
    pub fn show_all(&self) {
        self.state().model.show_all();
        self.changed.notify_waiters();
    }

    /// What is in it now.
    #[must_use]
    pub fn depth_now(&self) -> Depth {
        self.state().model.depth(Instant::now())
    }

    /// The bodies that the redrive policy has moved away.
    #[must_use]
    pub fn dead(&self) -> Vec<Bytes> {
        self.state().model.dead().to_vec()
    }

    /// How many messages were deleted.
    #[must_use]
    pub fn deleted(&self) -> u64 {
        self.state().model.deleted()
    }

    /// How many messages were given out, each as often as it was.
    #[must_use]
    pub fn receives(&self) -> u64 {
        self.state().model.receives()
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

    pub(super) fn is_fifo(&self) -> bool {
        self.state().model.is_fifo()
    }

    /// Nothing that runs under this lock panics half way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call, and plays its fault.
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

    fn refused(&self, done: Done) -> Option<&'static str> {
        match done {
            Done::Yes | Done::Gone => None,
            Done::Stale if self.stale == StaleHandle::Ignored => None,
            Done::Stale | Done::Unknown => Some("ReceiptHandleIsInvalid"),
        }
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
        let mut refused = Vec::new();
        let mut state = self.state();
        for (index, handle) in handles.iter().enumerate() {
            if let Some(is_permanent) = state.delete_failures.pop_front() {
                let code = if is_permanent {
                    "Scripted"
                } else {
                    "InternalError"
                }
                .to_owned();
                refused.push(FailedEntry {
                    index,
                    is_permanent,
                    code,
                });
                continue;
            }
            let done = state.model.delete(handle, Instant::now());
            if let Some(code) = self.refused(done) {
                let code = code.to_owned();
                refused.push(FailedEntry {
                    index,
                    is_permanent: true,
                    code,
                });
            }
        }
        drop(state);
        // A group may be free now.
        self.changed.notify_waiters();
        Ok(refused)
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>> {
        self.called(Call::ChangeVisibility)?;
        let mut refused = Vec::new();
        let mut state = self.state();
        for (index, change) in changes.iter().enumerate() {
            state.longest_visibility = state.longest_visibility.max(change.visibility);
            let now = Instant::now();
            let done = state
                .model
                .change_visibility(&change.handle, change.visibility, now);
            if done != Done::Yes {
                let code = "ReceiptHandleIsInvalid".to_owned();
                refused.push(FailedEntry {
                    index,
                    is_permanent: true,
                    code,
                });
            }
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(refused)
    }

    async fn attributes(&self) -> Result<QueueAttributes> {
        self.called(Call::Attributes)?;
        let state = self.state();
        Ok(QueueAttributes {
            visibility_timeout: state.model.visibility(),
            is_fifo: state.model.is_fifo(),
            has_redrive_policy: state.model.redrives(),
        })
    }

    async fn depth(&self) -> Result<Depth> {
        self.called(Call::Attributes)?;
        Ok(self.depth_now())
    }
}
