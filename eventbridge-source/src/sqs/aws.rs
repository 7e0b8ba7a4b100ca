//! A queue of AWS, through the AWS SDK.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sqs::error::BoxError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, Message as SdkMessage, MessageSystemAttributeName,
    QueueAttributeName,
};
use chrono::{DateTime, Utc};
use okta_coralogix_core::{Clock, ClockOffset, Error, ErrorKind, Result, SystemClock};

use super::error;
use super::queue::{
    Depth, FailedEntry, Message, Queue, QueueAttributes, Received, VisibilityChange,
};

/// A queue of AWS. Credentials, endpoint and TLS are those of the caller's client.
///
/// The client need not retry: the source does. Its timeouts must exceed the 20 s of a long poll.
#[derive(Debug, Clone)]
pub struct AwsQueue {
    client: Client,
    url: String,
    clock: Arc<dyn Clock>,
}

impl AwsQueue {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The local clock, for the offset of the queue's. Default: the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    async fn get_attributes(&self, names: &[QueueAttributeName]) -> Result<Attributes> {
        let response = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| error::request_error("sqs:GetQueueAttributes", error))?;
        Ok(Attributes(response.attributes.unwrap_or_default()))
    }
}

struct Attributes(std::collections::HashMap<QueueAttributeName, String>);

impl Attributes {
    fn has(&self, name: &QueueAttributeName) -> bool {
        self.0.contains_key(name)
    }

    fn number(&self, name: &QueueAttributeName) -> Result<u64> {
        let value = self.0.get(name);
        value.and_then(|value| value.parse().ok()).ok_or_else(|| {
            let detail = format!("SQS gave no number as {name}");
            Error::temporary(ErrorKind::UnexpectedResponse, detail)
        })
    }
}

/// Reads the clock offset from the `Date` of a response.
#[derive(Debug, Clone)]
struct DateHeader {
    clock: Arc<dyn Clock>,
    offset: Arc<Mutex<ClockOffset>>,
}

impl DateHeader {
    fn get(&self) -> ClockOffset {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| httpdate::HttpDate::from_str(date).ok()) {
            let remote = DateTime::<Utc>::from(std::time::SystemTime::from(date));
            let offset = ClockOffset::between(self.clock.now(), remote);
            *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
        }
        Ok(())
    }
}

#[async_trait]
impl Queue for AwsQueue {
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
        let date = DateHeader {
            clock: Arc::clone(&self.clock),
            offset: Arc::default(),
        };
        let response = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .wait_time_seconds(seconds(wait))
            .visibility_timeout(seconds(visibility))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .customize()
            .interceptor(date.clone())
            .send()
            .await
            .map_err(|error| error::request_error("sqs:ReceiveMessage", error))?;
        let messages = response.messages.unwrap_or_default();
        Ok(Received {
            messages: messages.into_iter().filter_map(message).collect(),
            clock_offset: date.get(),
        })
    }

    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>> {
        let entry = |(index, handle): (usize, &String)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(handle)
                .build()
                .map_err(incomplete)
        };
        let entries = handles.iter().enumerate().map(entry);
        let response = self
            .client
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect::<Result<_>>()?))
            .send()
            .await
            .map_err(|error| error::request_error("sqs:DeleteMessage", error))?;
        let done = response.successful().iter().map(|entry| entry.id());
        Ok(not_done(handles.len(), done, response.failed()))
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>> {
        let entry = |(index, change): (usize, &VisibilityChange)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&change.handle)
                .visibility_timeout(seconds(change.visibility))
                .build()
                .map_err(incomplete)
        };
        let entries = changes.iter().enumerate().map(entry);
        let response = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect::<Result<_>>()?))
            .send()
            .await
            .map_err(|error| error::request_error("sqs:ChangeMessageVisibility", error))?;
        let done = response.successful().iter().map(|entry| entry.id());
        Ok(not_done(changes.len(), done, response.failed()))
    }

    async fn attributes(&self) -> Result<QueueAttributes> {
        // All, since asking a standard queue for `FifoQueue` is an error.
        let attributes = self.get_attributes(&[QueueAttributeName::All]).await?;
        let visibility = attributes.number(&QueueAttributeName::VisibilityTimeout)?;
        Ok(QueueAttributes {
            visibility_timeout: Duration::from_secs(visibility),
            is_fifo: self.url.ends_with(".fifo"),
            has_redrive_policy: attributes.has(&QueueAttributeName::RedrivePolicy),
        })
    }

    async fn depth(&self) -> Result<Depth> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
            ApproximateNumberOfMessagesNotVisible,
        };
        let names = [
            ApproximateNumberOfMessages,
            ApproximateNumberOfMessagesDelayed,
            ApproximateNumberOfMessagesNotVisible,
        ];
        let attributes = self.get_attributes(&names).await?;
        let delayed = attributes.number(&ApproximateNumberOfMessagesDelayed);
        Ok(Depth {
            visible: attributes.number(&ApproximateNumberOfMessages)? + delayed.unwrap_or(0),
            in_flight: attributes.number(&ApproximateNumberOfMessagesNotVisible)?,
        })
    }
}

/// `None` without an id or a receipt handle, which SQS always gives: the message could be neither tracked nor deleted.
fn message(message: SdkMessage) -> Option<Message> {
    let attributes = message.attributes.unwrap_or_default();
    let receives = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
    let receive_count = receives.and_then(|count| count.parse().ok()).unwrap_or(0);
    let group = attributes.get(&MessageSystemAttributeName::MessageGroupId);
    Some(Message {
        id: message.message_id?,
        handle: message.receipt_handle?,
        body: message.body.unwrap_or_default().into(),
        receive_count,
        group: group.cloned(),
    })
}

/// The entries that a response does not report as done: those that failed, and those that it leaves out.
fn not_done<'a>(
    entries: usize,
    done: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<FailedEntry> {
    let mut open: Vec<bool> = vec![true; entries];
    for index in done.filter_map(|id| id.parse::<usize>().ok()) {
        if let Some(open) = open.get_mut(index) {
            *open = false;
        }
    }
    let refused = |index: usize| {
        let failed = failed.iter().find(|entry| entry.id() == index.to_string());
        FailedEntry {
            index,
            is_permanent: failed.is_some_and(BatchResultErrorEntry::sender_fault),
            code: failed.map_or("no answer", |entry| entry.code()).to_owned(),
        }
    };
    let open = open.into_iter().enumerate().filter(|(_, open)| *open);
    open.map(|(index, _)| refused(index)).collect()
}

fn incomplete(error: aws_sdk_sqs::error::BuildError) -> Error {
    Error::new(ErrorKind::Config, "an entry of a batch is incomplete").with_source(error)
}

/// Full seconds, rounded up.
fn seconds(time: Duration) -> i32 {
    let full = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(full).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_leaves_out_is_not_done() {
        let failed = BatchResultErrorEntry::builder()
            .id("1")
            .sender_fault(true)
            .code("ReceiptHandleIsInvalid")
            .build()
            .unwrap();
        let refused = not_done(4, ["0", "7", "x"].into_iter(), &[failed]);
        let told: Vec<_> = refused
            .iter()
            .map(|entry| (entry.index, entry.is_permanent))
            .collect();
        assert_eq!(told, [(1, true), (2, false), (3, false)]);
    }

    #[test]
    fn a_part_of_a_second_counts_as_one() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(20)), 20);
    }
}
