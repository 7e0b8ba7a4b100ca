//! The source: concurrent receives, and deliveries made of the messages that they prefetch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{AckOrder, Delivery, Error, ErrorKind, EventSource, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::acker::SqsAcker;
use super::builder::{Settings, SqsSourceBuilder};
use super::consumer::{CALL_TIMEOUT, Consumer, with_timeout};
use super::hand_back::{delay_by_receives, hand_back};
use super::queue::{Depth, Message, QueueAttributes};
use super::unreadable::{ReadMessage, UnreadableMessages};
use super::visibility::{self, DrainHandle, GRACE};
use crate::receiver::ReceivedMessage;

/// The most messages that one receive gives.
const MAX_RECEIVED: usize = 10;

/// How long `close` waits for messages to be handed back: less than the pipeline gives it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(4);

/// The wait between two looks at an empty queue.
const EMPTY_QUEUE_WAIT: Duration = Duration::from_secs(1);

/// One queue, as one of any number of consumers.
///
/// Receives run in tasks of their own: one while the queue is quiet, more while they come back full. A message stays in flight until
/// the pipeline is done with it: the source extends its visibility, in steps no longer than the queue's own timeout, and deletes it
/// once every event in it is settled. A message that is received again while it is in flight is the same message: the pipeline does not
/// get it a second time, and its latest receipt handle deletes it once the first copy is settled.
///
/// At the end of a run the pipeline [closes](EventSource::close) the source, which hands back the messages that are not settled.
/// Dropped without that, it does so too; [`drain_handle`](Self::drain_handle) tells when it is done.
#[derive(Debug)]
pub struct SqsSource {
    consumer: Arc<Consumer>,
    settings: Settings,
    receives: JoinSet<Result<usize>>,
    /// How many receives may run now.
    concurrent_receives: usize,
    /// How often in a row the queue was empty (`once`).
    empty_looks: u32,
    unreadable: UnreadableMessages,
    /// The ids of messages to hand back, for the visibility task.
    unsettled: mpsc::UnboundedSender<Vec<String>>,
    drain_handle: DrainHandle,
}

impl SqsSource {
    /// A builder.
    pub fn builder() -> SqsSourceBuilder {
        SqsSourceBuilder::new()
    }

    pub(super) fn new(consumer: Consumer, settings: Settings) -> Self {
        let consumer = Arc::new(consumer);
        let (unsettled, drain_handle) = visibility::start(Arc::clone(&consumer));
        Self {
            consumer,
            settings,
            receives: JoinSet::new(),
            concurrent_receives: 1,
            empty_looks: 0,
            unreadable: UnreadableMessages::default(),
            unsettled,
            drain_handle,
        }
    }

    /// How the queue is set up. In a FIFO queue the order of a group holds within a request to the sink, and from request to request only
    /// if they are sent one at a time: give the pipeline `max_in_flight_requests(1)`. An event that is tried alone for a while takes its
    /// whole group with it.
    #[must_use]
    pub fn attributes(&self) -> QueueAttributes {
        self.consumer.attributes()
    }

    /// Resolves when the source and its deliveries are dropped and the unsettled messages are handed back. Take it before the pipeline takes
    /// the source.
    #[must_use]
    pub fn drain_handle(&self) -> DrainHandle {
        self.drain_handle.clone()
    }

    /// Receives no more. The receives run on for a moment, and the visibility task waits for their end.
    fn stop(&mut self) {
        self.consumer.stop();
        let mut receives = std::mem::take(&mut self.receives);
        let (ended, _) = mpsc::unbounded_channel();
        let unsettled = std::mem::replace(&mut self.unsettled, ended);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let ended = async { while receives.join_next().await.is_some() {} };
                timeout(GRACE, ended).await.ok();
                receives.shutdown().await;
                drop(unsettled);
            });
        }
    }

    fn start_receives(&mut self) {
        let Settings {
            wait_time,
            max_prefetched_messages,
            ..
        } = self.settings;
        if has_enough(&self.consumer, max_prefetched_messages) {
            return;
        }
        while self.receives.len() < self.concurrent_receives {
            let consumer = Arc::clone(&self.consumer);
            self.receives.spawn(async move {
                loop {
                    let received = consumer.receive(wait_time).await?;
                    // While there is more, and the pipeline takes it.
                    let is_enough = has_enough(&consumer, max_prefetched_messages);
                    if received < MAX_RECEIVED || is_enough || consumer.is_stopped() {
                        return Ok(received);
                    }
                }
            });
        }
    }

    /// A delivery of prefetched messages; `None` if there are none, their groups are in the pipeline, or no event was found yet.
    fn next_delivery(&mut self) -> Result<Option<Delivery>> {
        loop {
            let (taken, clock_offset) = {
                let max_messages = self.settings.max_delivery_messages;
                let mut state = self.consumer.state();
                // A message behind one that is held may have an event.
                let in_order = self.unreadable.is_event_seen();
                let taken = state.prefetched.take(max_messages, in_order);
                (taken, state.clock_offset)
            };
            if taken.is_empty() {
                return Ok(None);
            }
            let read = taken.into_iter().map(|message| self.read(message));
            let read = read.collect();
            let read = self.unreadable.admit(read, Instant::now())?;
            if read.is_empty() {
                continue;
            }
            let (messages, parsed): (Vec<_>, Vec<_>) = read.into_iter().unzip();
            let consumer = Arc::clone(&self.consumer);
            let acker = SqsAcker::new(consumer, messages, self.unsettled.clone());
            let items = parsed.into_iter().flat_map(|parsed| parsed.items);
            let mut delivery = Delivery::new(items.collect(), Box::new(acker));
            delivery.clock_offset = clock_offset;
            return Ok(Some(delivery));
        }
    }

    fn read(&self, message: Message) -> ReadMessage {
        let receives = (message.receive_count > 0).then_some(message.receive_count);
        let parsed = self.settings.parser.parse_body(message.body, receives);
        let received = ReceivedMessage {
            id: message.id,
            group: message.group,
            items: parsed.items.len(),
        };
        (received, parsed)
    }

    /// After a receive without a message. True if the queue has been empty in two looks (`once`).
    ///
    /// # Errors
    /// The queue has only messages without an event, or gives no other.
    async fn is_drained(&mut self) -> Result<bool> {
        let held = self.unreadable.held();
        let is_fifo_blocked = held > 0 && self.consumer.attributes().is_fifo;
        let in_flight = self.consumer.state().in_flight.len();
        let is_of_interest = self.settings.once || is_fifo_blocked;
        if !is_of_interest || !self.receives.is_empty() || in_flight > held {
            return Ok(false);
        }
        let depth = self.consumer.queue().depth();
        let depth = with_timeout("sqs:GetQueueAttributes", CALL_TIMEOUT, depth).await?;
        if is_fifo_blocked {
            self.hand_back_held(depth)?;
        }
        let has_no_other = depth.visible == 0 && depth.delayed == 0;
        let is_empty = has_no_other && (held > 0 || depth.in_flight == 0);
        if !self.settings.once || !is_empty {
            self.empty_looks = 0;
            return Ok(false);
        }
        self.empty_looks += 1;
        if self.empty_looks >= 2 {
            return match held {
                0 => Ok(true),
                _ => Err(self.unreadable.error()),
            };
        }
        sleep(EMPTY_QUEUE_WAIT).await;
        Ok(false)
    }

    /// In a FIFO queue nothing of a group comes while a message of it is held: it comes again with those that follow it. While none
    /// follows, it is held, since each receive of it counts. One that is delayed follows once it is visible.
    ///
    /// # Errors
    /// That was done before, and brought nothing, and no other consumer has messages.
    fn hand_back_held(&mut self, depth: Depth) -> Result<()> {
        let held = self.unreadable.held() as u64;
        // Those that wait may be behind messages that another consumer has.
        if depth.visible == 0 || depth.in_flight > held {
            self.unreadable.expect_nothing();
        }
        if depth.visible == 0 {
            return Ok(());
        }
        let messages = self.unreadable.give_up(Instant::now())?;
        if messages.is_empty() {
            return Ok(());
        }
        self.consumer.release_groups(&messages);
        let ids: Vec<_> = messages.into_iter().map(|message| message.id).collect();
        let consumer = Arc::clone(&self.consumer);
        // In a task, since `next` may be dropped.
        tokio::spawn(async move { hand_back(&consumer, &ids, delay_by_receives).await });
        Ok(())
    }
}

#[async_trait]
impl EventSource for SqsSource {
    fn name(&self) -> &str {
        "sqs"
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    fn dedup_window(&self) -> DedupWindow {
        self.settings.dedup_window.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            let fatal = self.consumer.state().fatal.take();
            if let Some(error) = fatal {
                return Err(error);
            }
            if let Some(delivery) = self.next_delivery()? {
                return Ok(Some(delivery));
            }
            if let Some(warning) = self.unreadable.warning(Instant::now()) {
                tracing::warn!("{warning}");
            }
            self.start_receives();
            let received = tokio::select! {
                biased;
                Some(received) = self.receives.join_next() => received,
                () = self.consumer.changed.notified() => continue,
            };
            match received {
                Ok(Ok(0)) => {
                    self.concurrent_receives = 1;
                    if self.is_drained().await? {
                        return Ok(None);
                    }
                }
                Ok(Ok(MAX_RECEIVED)) => {
                    self.empty_looks = 0;
                    let more = self.concurrent_receives * 2;
                    self.concurrent_receives = more.min(self.settings.max_concurrent_receives);
                }
                Ok(Ok(_)) => self.empty_looks = 0,
                Ok(Err(error)) => {
                    self.concurrent_receives = 1;
                    return Err(error);
                }
                Err(ended) => {
                    let error = Error::temporary(ErrorKind::Unavailable, "a receive was aborted");
                    return Err(error.with_source(ended));
                }
            }
        }
    }

    /// Hands back what is not settled, and waits for that for up to 4 s. What is still hidden then comes back when its visibility
    /// timeout expires.
    async fn close(&mut self) -> Result<()> {
        self.stop();
        let drained = self.drain_handle.clone().wait();
        if timeout(CLOSE_TIMEOUT, drained).await.is_err() {
            tracing::warn!(
                "not all messages could be handed back in time; they come back when their visibility timeout expires"
            );
        }
        Ok(())
    }
}

impl Drop for SqsSource {
    fn drop(&mut self) {
        self.stop();
    }
}

/// True if enough messages wait for the pipeline, so that no receive starts.
fn has_enough(consumer: &Consumer, max_messages: usize) -> bool {
    consumer.state().prefetched.is_full(max_messages)
}
