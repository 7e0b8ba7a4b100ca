//! The settings of an [`SqsSource`], their defaults and checks.

use std::time::Duration;

use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::{Error, Result};

use super::aws::AwsQueue;
use super::consumer::{CALL_TIMEOUT, Consumer, with_timeout};
use super::queue::Queue;
use super::source::SqsSource;
use crate::BodyParser;

/// The longest long poll, as SQS limits it.
const MAX_WAIT_TIME: Duration = Duration::from_secs(20);

const MIN_VISIBILITY_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) parser: BodyParser,
    pub(super) max_concurrent_receives: usize,
    pub(super) wait_time: Duration,
    pub(super) max_prefetched_messages: usize,
    pub(super) max_delivery_messages: usize,
    pub(super) once: bool,
    pub(super) dedup_window: DedupWindow,
}

/// Builds an [`SqsSource`].
#[derive(Debug)]
#[must_use]
pub struct SqsSourceBuilder {
    queue: Option<Box<dyn Queue>>,
    settings: Settings,
    seed: u64,
}

impl SqsSourceBuilder {
    pub(super) fn new() -> Self {
        Self {
            queue: None,
            settings: Settings {
                parser: BodyParser::default(),
                max_concurrent_receives: 4,
                wait_time: MAX_WAIT_TIME,
                max_prefetched_messages: 1000,
                max_delivery_messages: 1000,
                once: false,
                dedup_window: DedupWindow::default(),
            },
            seed: fastrand::u64(..),
        }
    }

    /// The queue with this URL, through the caller's client.
    pub fn client(self, client: aws_sdk_sqs::Client, queue_url: impl Into<String>) -> Self {
        self.queue(AwsQueue::new(client, queue_url))
    }

    /// The queue.
    pub fn queue(mut self, queue: impl Queue) -> Self {
        self.queue = Some(Box::new(queue));
        self
    }

    /// Which bodies are taken, and how. Default: Okta's envelopes, and bare events.
    pub fn body_parser(mut self, parser: BodyParser) -> Self {
        self.settings.parser = parser;
        self
    }

    /// The most receives at a time: more than one run while they come back full. Default: 4.
    pub fn max_concurrent_receives(mut self, receives: usize) -> Self {
        self.settings.max_concurrent_receives = receives;
        self
    }

    /// How long a receive waits for the first message. Default: 20 s, which is the longest that SQS allows.
    pub fn wait_time(mut self, wait_time: Duration) -> Self {
        self.settings.wait_time = wait_time;
        self
    }

    /// The most messages that wait for the pipeline, hidden from other consumers; each running receive may exceed it by 10. Nothing more is
    /// received either while they have 32 MiB. Default: 1,000.
    pub fn max_prefetched_messages(mut self, messages: usize) -> Self {
        self.settings.max_prefetched_messages = messages;
        self
    }

    /// The most messages of one delivery, which also ends with the message that makes it exceed 16 MiB. Default: 1,000.
    pub fn max_delivery_messages(mut self, messages: usize) -> Self {
        self.settings.max_delivery_messages = messages;
        self
    }

    /// The source ends when the queue is empty: no message is visible or in flight, with any consumer, in two looks. A receive then waits for
    /// 1 s at most. Default: it never ends.
    pub fn once(mut self, once: bool) -> Self {
        self.settings.once = once;
        self
    }

    /// The window in which events are de-duplicated. Default: the last 20,000 of this process.
    pub fn dedup_window(mut self, window: DedupWindow) -> Self {
        self.settings.dedup_window = window;
        self
    }

    /// The seed of the jitter. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Reads the attributes of the queue, and opens the source.
    ///
    /// # Errors
    /// `Config` if a setting is missing or out of range, or the queue's visibility timeout is too short to work with; and the errors of the
    /// queue.
    pub async fn open(mut self) -> Result<SqsSource> {
        let queue = self
            .queue
            .ok_or_else(|| Error::config("queue", "is not set; give a client and a queue's URL"))?;
        let at_least_one = [
            (
                "max_concurrent_receives",
                self.settings.max_concurrent_receives,
            ),
            (
                "max_prefetched_messages",
                self.settings.max_prefetched_messages,
            ),
            ("max_delivery_messages", self.settings.max_delivery_messages),
        ];
        if let Some((field, _)) = at_least_one.iter().find(|(_, value)| *value == 0) {
            return Err(Error::config(field, "must be at least 1"));
        }
        if self.settings.wait_time > MAX_WAIT_TIME {
            return Err(Error::config("wait_time", "must be at most 20 s"));
        }
        if self.settings.once {
            self.settings.wait_time = self.settings.wait_time.min(Duration::from_secs(1));
        }
        let attributes =
            with_timeout("sqs:GetQueueAttributes", CALL_TIMEOUT, queue.attributes()).await?;
        if attributes.visibility_timeout < MIN_VISIBILITY_TIMEOUT {
            let detail = format!(
                "the queue's visibility timeout is {}; set it to 2 s or more, 60 s for instance",
                seconds(attributes.visibility_timeout)
            );
            return Err(Error::config("queue", detail));
        }
        if !attributes.has_redrive_policy {
            tracing::warn!(
                "the queue has no redrive policy: a message that is never settled comes back until its retention period ends"
            );
        }
        let consumer = Consumer::new(queue, attributes, self.seed);
        Ok(SqsSource::new(consumer, self.settings))
    }
}
