//! What an invocation brings: a batch of SQS messages, or a body.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use okta_coralogix_core::{MalformedEvent, RawEvent};
use serde::Deserialize;

use crate::Intake;

/// What was read of a payload.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) items: Vec<Result<RawEvent, MalformedEvent>>,
    /// The messages of a batch, in their order; `None` where the payload is none.
    pub(super) messages: Option<Vec<Record>>,
}

/// One message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) group: Option<String>,
    /// How many items it holds.
    pub(super) items: usize,
}

/// `{"Records": [..]}` as Lambda passes on what it received of a queue.
#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: String,
    #[serde(borrow)]
    body: Cow<'a, str>,
    event_source: Cow<'a, str>,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

impl Payload {
    pub(super) fn read(bytes: Bytes, intake: &Intake) -> Self {
        let batch: Option<Batch<'_>> = serde_json::from_slice(&bytes).ok();
        let of_sqs = |message: &Message<'_>| message.event_source == "aws:sqs";
        match batch {
            Some(batch) if batch.records.iter().all(of_sqs) => {
                Self::of_batch(&bytes, batch, intake)
            }
            _ => Self {
                items: intake.read(bytes),
                messages: None,
            },
        }
    }

    fn of_batch(bytes: &Bytes, batch: Batch<'_>, intake: &Intake) -> Self {
        let (mut items, mut messages) = (Vec::new(), Vec::new());
        for message in batch.records {
            let body = match message.body {
                Cow::Borrowed(body) => bytes.slice_ref(body.as_bytes()),
                Cow::Owned(body) => body.into(),
            };
            let receives = message.attributes.get("ApproximateReceiveCount");
            let receives = receives.and_then(|count| count.parse().ok());
            let read = intake.read_received(body, receives);
            messages.push(Record {
                id: message.message_id,
                group: message.attributes.get("MessageGroupId").cloned(),
                items: read.len(),
            });
            items.extend(read);
        }
        Self {
            items,
            messages: Some(messages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_known_by_its_records_and_everything_else_is_a_body() {
        let read = |text: &'static str| Payload::read(text.into(), &Intake::default());
        let event = r#"{\"published\":\"2026-05-04T12:00:00Z\"}"#;
        let record = |source: &str| {
            format!(
                r#"{{"messageId":"m","body":"{event}","eventSource":"{source}","attributes":{{"MessageGroupId":"g"}}}}"#
            )
        };
        let batch = format!(r#"{{"Records":[{}]}}"#, record("aws:sqs"));
        let payload = Payload::read(batch.into(), &Intake::default());
        let message = Record {
            id: "m".into(),
            group: Some("g".into()),
            items: 1,
        };
        assert_eq!(payload.messages, Some(vec![message]));
        assert!(payload.items[0].is_ok());
        assert_eq!(read(r#"{"Records":[]}"#).messages, Some(vec![]));

        let other = format!(r#"{{"Records":[{}]}}"#, record("aws:kinesis"));
        let payload = Payload::read(other.into(), &Intake::default());
        assert_eq!((payload.messages, payload.items.len()), (None, 1));
        assert!(
            payload.items[0].is_err(),
            "its bytes go to the dead letters"
        );
        assert!(read(r#"{"published":"2026-05-04T12:00:00Z"}"#).items[0].is_ok());
        assert!(read("[1]").messages.is_none());
    }
}
