//! The source: receives that run side by side, and deliveries made of what they gave.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{AckOrder, Delivery, Error, ErrorKind, EventSource, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::acker::{Part, SqsAcker};
use super::builder::SqsSourceBuilder;
use super::queue::{Message, QueueAttributes};
use super::shared::{CALL, Shared, within};
use super::visibility::{self, DrainHandle, Dropped, GRACE};
use crate::BodyParser;

/// What a receive gives at most.
const FULL: usize = 10;

/// Bytes that may wait before more is received, and after which a delivery is full: messages have up to 1 MiB.
const READ_AHEAD_BYTES: usize = 32 << 20;
const DELIVERY_BYTES: usize = 16 << 20;

/// Between two looks at a queue that seems to be empty.
const LOOK: Duration = Duration::from_secs(1);

/// One queue, as one of any number of consumers.
///
/// Receives run in tasks of their own: one while the queue is quiet, more while they come back full. What they give is held:
/// its visibility is extended, in steps no longer than the queue's own timeout, until the pipeline is done with it. A message
/// is deleted once every event in it is settled. One that is received again while it is held is the same message: it is not given to
/// the pipeline a second time, and it is deleted by its newest handle once the first copy is settled.
///
/// Dropped, it gives back what was not settled; [`drain_handle`](Self::drain_handle) tells when that has been done.
#[derive(Debug)]
pub struct SqsSource {
    shared: Arc<Shared>,
    settings: Settings,
    attributes: QueueAttributes,
    dedup: DedupWindow,
    receives: JoinSet<Result<usize>>,
    /// How many receives may run now.
    wanted: usize,
    /// How often in a row the queue was seen empty (`once`).
    looks: u32,
    drop_off: mpsc::UnboundedSender<Dropped>,
    drain_handle: DrainHandle,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) parser: BodyParser,
    pub(super) max_concurrent_receives: usize,
    pub(super) wait_time: Duration,
    pub(super) max_prefetched_messages: usize,
    pub(super) max_delivery_messages: usize,
    pub(super) once: bool,
}

impl SqsSource {
    /// A builder.
    pub fn builder() -> SqsSourceBuilder {
        SqsSourceBuilder::new()
    }

    pub(super) fn new(
        shared: Shared,
        settings: Settings,
        attributes: QueueAttributes,
        dedup: DedupWindow,
    ) -> Self {
        let shared = Arc::new(shared);
        let (drop_off, drain_handle) = visibility::start(Arc::clone(&shared));
        Self {
            shared,
            settings,
            attributes,
            dedup,
            receives: JoinSet::new(),
            wanted: 1,
            looks: 0,
            drop_off,
            drain_handle,
        }
    }

    /// How the queue is set up. In a FIFO queue the order of a group holds within a request to the sink, and from request to request only
    /// if they are sent one at a time: give the pipeline `requests(1)`.
    #[must_use]
    pub fn attributes(&self) -> QueueAttributes {
        self.attributes
    }

    /// Tells, once the source and its deliveries are dropped, when the queue has got back what was not settled. To be asked for before the
    /// pipeline takes the source.
    #[must_use]
    pub fn drain_handle(&self) -> DrainHandle {
        self.drain_handle.clone()
    }

    /// How often a message was received again while it was held.
    #[must_use]
    pub fn redelivered(&self) -> u64 {
        self.shared.state().held.redelivered()
    }

    fn start_receives(&mut self) {
        if has_enough(&self.shared, self.settings.max_prefetched_messages) {
            return;
        }
        while self.receives.len() < self.wanted {
            let shared = Arc::clone(&self.shared);
            let Settings {
                wait_time,
                max_prefetched_messages,
                ..
            } = self.settings;
            self.receives.spawn(async move {
                loop {
                    let received = shared.receive(wait_time).await?;
                    // As long as there is more, and somebody to take it.
                    let is_enough = has_enough(&shared, max_prefetched_messages);
                    if received < FULL || is_enough || shared.is_ending() {
                        return Ok(received);
                    }
                }
            });
        }
    }

    /// What is ready and may be given now.
    fn take_ready(&self) -> Option<Delivery> {
        let mut state = self.shared.state();
        let mut kept = VecDeque::new();
        let mut taken: Vec<Message> = Vec::new();
        let mut bytes = 0;
        // A group of which the pipeline has something waits, all of it.
        let mut waiting: HashSet<String> = state.groups.keys().cloned().collect();
        while let Some(message) = state.ready.pop_front() {
            let waits = message
                .group
                .as_ref()
                .is_some_and(|group| waiting.contains(group));
            let is_full =
                taken.len() == self.settings.max_delivery_messages || bytes >= DELIVERY_BYTES;
            if waits || is_full {
                waiting.extend(message.group.clone());
                kept.push_back(message);
            } else {
                bytes += message.body.len();
                taken.push(message);
            }
        }
        state.ready = kept;
        state.ready_bytes -= bytes;
        for group in taken.iter().filter_map(|message| message.group.as_ref()) {
            *state.groups.entry(group.clone()).or_default() += 1;
        }
        let clock_offset = state.clock_offset;
        drop(state);
        if taken.is_empty() {
            return None;
        }
        let (mut items, mut parts) = (Vec::new(), Vec::new());
        for message in taken {
            let receives = (message.receive_count > 0).then_some(message.receive_count);
            let read = self.settings.parser.parse_received(message.body, receives);
            parts.push(Part {
                id: message.id,
                group: message.group,
                items: read.len(),
            });
            items.extend(read);
        }
        let acker = SqsAcker::new(Arc::clone(&self.shared), parts, self.drop_off.clone());
        let mut delivery = Delivery::new(items, Box::new(acker));
        delivery.clock_offset = clock_offset;
        Some(delivery)
    }

    /// True if the queue holds nothing, and this has been so for two looks (`once`).
    async fn is_empty_for_good(&mut self) -> Result<bool> {
        if !self.settings.once || !self.receives.is_empty() || self.shared.state().held.len() > 0 {
            return Ok(false);
        }
        if !within(CALL, self.shared.queue().depth()).await?.is_empty() {
            self.looks = 0;
            return Ok(false);
        }
        self.looks += 1;
        if self.looks >= 2 {
            return Ok(true);
        }
        sleep(LOOK).await;
        Ok(false)
    }
}

#[async_trait]
impl EventSource for SqsSource {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    fn dedup_window(&self) -> DedupWindow {
        self.dedup.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            if let Some(error) = self.shared.take_fatal() {
                return Err(error);
            }
            if let Some(delivery) = self.take_ready() {
                return Ok(Some(delivery));
            }
            self.start_receives();
            let received = tokio::select! {
                biased;
                Some(received) = self.receives.join_next() => received,
                () = self.shared.changed.notified() => continue,
            };
            match received {
                Ok(Ok(0)) => {
                    self.wanted = 1;
                    if self.is_empty_for_good().await? {
                        return Ok(None);
                    }
                }
                Ok(Ok(FULL)) => {
                    self.looks = 0;
                    self.wanted = (self.wanted * 2).min(self.settings.max_concurrent_receives);
                }
                Ok(Ok(_)) => self.looks = 0,
                Ok(Err(error)) => {
                    self.wanted = 1;
                    return Err(error);
                }
                Err(ended) => {
                    let error = Error::temporary(ErrorKind::Unavailable, "a receive was cut off");
                    return Err(error.with_source(ended));
                }
            }
        }
    }
}

/// The receives go on for a moment, and the keeper waits for their end.
impl Drop for SqsSource {
    fn drop(&mut self) {
        self.shared.end();
        let mut receives = std::mem::take(&mut self.receives);
        let keeper = self.drop_off.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let ended = async { while receives.join_next().await.is_some() {} };
                timeout(GRACE, ended).await.ok();
                receives.shutdown().await;
                drop(keeper);
            });
        }
    }
}

/// True if so much waits for the pipeline that nothing more is to be received.
fn has_enough(shared: &Shared, max_prefetched_messages: usize) -> bool {
    let state = shared.state();
    state.ready.len() >= max_prefetched_messages || state.ready_bytes >= READ_AHEAD_BYTES
}
