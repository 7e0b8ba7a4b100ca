//! Parses the payload of an invocation: a batch of SQS messages, a request to the function's URL, or a body.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{MalformedEvent, RawEvent};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::url_request::{Sender, UrlRequest};
use crate::BodyParser;
use crate::body::ParsedBody;
use crate::receiver::{CredentialDigest, ReceivedMessage};

#[derive(Debug)]
pub(super) struct Payload {
    pub(super) items: Vec<Result<RawEvent, MalformedEvent>>,
    /// An event was found in it.
    pub(super) has_event: bool,
    /// The messages of a batch, in order; `None` if the payload is none.
    pub(super) messages: Option<Vec<ReceivedMessage>>,
    /// The sender of a request to the function's URL; then there are no items without authorization.
    pub(super) request: Option<Sender>,
}

/// `{"Records": [..]}`, as Lambda passes the messages of a queue. Each record is parsed by itself, so that a malformed one does not affect
/// the others.
#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: String,
    #[serde(borrow)]
    body: Cow<'a, str>,
    event_source: Cow<'a, str>,
    #[serde(default, rename = "eventSourceARN")]
    event_source_arn: Cow<'a, str>,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

impl<'a> Message<'a> {
    /// The record with its message, if it can be parsed.
    fn read(record: &'a RawValue) -> Read<'a> {
        (record, serde_json::from_str(record.get()).ok())
    }
}

type Read<'a> = (&'a RawValue, Option<Message<'a>>);

/// The parts of a malformed record that the reply needs.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Unread {
    #[serde(default)]
    message_id: String,
    #[serde(default, rename = "eventSourceARN")]
    event_source_arn: String,
    #[serde(default)]
    attributes: serde_json::Value,
}

impl Payload {
    /// `keys` are those that a request to the function's URL may have.
    pub(super) fn read(bytes: Bytes, parser: &BodyParser, keys: &[CredentialDigest]) -> Self {
        if let Some(records) = records(&bytes) {
            return Self::of_batch(&bytes, records, parser);
        }
        let body = |body| {
            let ParsedBody { items, has_event } = parser.parse_body(body, None);
            Self {
                items,
                has_event,
                messages: None,
                request: None,
            }
        };
        let Some(request) = UrlRequest::read(&bytes) else {
            return body(bytes);
        };
        let sender = request.sender(keys);
        match sender.is_authorized {
            true => Self {
                request: Some(sender),
                ..body(request.body())
            },
            false => Self {
                items: Vec::new(),
                has_event: false,
                messages: None,
                request: Some(sender),
            },
        }
    }

    fn of_batch(bytes: &Bytes, records: Vec<Read<'_>>, parser: &BodyParser) -> Self {
        let (mut items, mut messages, mut has_event) = (Vec::new(), Vec::new(), false);
        for (record, message) in records {
            let Some(message) = message else {
                let unread: Unread = serde_json::from_str(record.get()).unwrap_or_default();
                let group = unread.attributes.get("MessageGroupId");
                messages.push(ReceivedMessage {
                    group: group
                        .and_then(|group| group.as_str())
                        .filter(|_| is_fifo(&unread.event_source_arn))
                        .map(Into::into),
                    // An empty id tells Lambda that all of the batch has failed.
                    id: unread.message_id,
                    items: 1,
                });
                let reason = "a record of a batch that cannot be read";
                let record = bytes.slice_ref(record.get().as_bytes());
                items.push(parser.malformed(record, MalformedReason::Refused(reason.into())));
                continue;
            };
            let body = match message.body {
                Cow::Borrowed(body) => bytes.slice_ref(body.as_bytes()),
                Cow::Owned(body) => body.into(),
            };
            let receives = message.attributes.get("ApproximateReceiveCount");
            let receives = receives.and_then(|count| count.parse().ok());
            let read = parser.parse_body(body, receives);
            let group = message.attributes.get("MessageGroupId");
            let is_fifo = is_fifo(&message.event_source_arn);
            messages.push(ReceivedMessage {
                id: message.message_id,
                group: group.filter(|_| is_fifo).cloned(),
                items: read.items.len(),
            });
            items.extend(read.items);
            has_event |= read.has_event;
        }
        Self {
            items,
            has_event,
            messages: Some(messages),
            request: None,
        }
    }
}

/// The messages of a batch: of `{"Records": [..]}`, or of the array that a pipe makes.
fn records(bytes: &Bytes) -> Option<Vec<Read<'_>>> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        let records = read_all(serde_json::from_slice(bytes).ok()?);
        return (!records.is_empty() && is_of_sqs(&records)).then_some(records);
    }
    let batch: Batch<'_> = serde_json::from_slice(bytes).ok()?;
    let records = read_all(batch.records);
    is_of_sqs(&records).then_some(records)
}

fn read_all(records: Vec<&RawValue>) -> Vec<Read<'_>> {
    records.into_iter().map(Message::read).collect()
}

fn is_fifo(queue: &str) -> bool {
    queue.ends_with(".fifo")
}

/// True if all records that can be read are of a queue, and there is one if there is any.
fn is_of_sqs(records: &[Read<'_>]) -> bool {
    let mut messages = records.iter().filter_map(|(_, message)| message.as_ref());
    let some = records.is_empty() || messages.clone().next().is_some();
    some && messages.all(|message| message.event_source == "aws:sqs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_known_by_its_records_and_everything_else_is_a_body() {
        let read = |text: &'static str| Payload::read(text.into(), &BodyParser::default(), &[]);
        let event = r#"{\"published\":\"2026-05-04T12:00:00Z\"}"#;
        let record = |source: &str| {
            format!(
                r#"{{"messageId":"m","body":"{event}","eventSource":"{source}","eventSourceARN":"arn:x.fifo","attributes":{{"MessageGroupId":"g"}}}}"#
            )
        };
        let batch = format!(r#"{{"Records":[{}]}}"#, record("aws:sqs"));
        let payload = Payload::read(batch.into(), &BodyParser::default(), &[]);
        let message = ReceivedMessage {
            id: "m".into(),
            group: Some("g".into()),
            items: 1,
        };
        assert_eq!(payload.messages, Some(vec![message]));
        assert!(payload.items[0].is_ok());
        assert_eq!(read(r#"{"Records":[]}"#).messages, Some(vec![]));

        let other = format!(r#"{{"Records":[{}]}}"#, record("aws:kinesis"));
        let payload = Payload::read(other.into(), &BodyParser::default(), &[]);
        assert_eq!((payload.messages, payload.items.len()), (None, 1));
        assert!(
            payload.items[0].is_err(),
            "its bytes go to the dead letters"
        );
        assert!(read(r#"{"published":"2026-05-04T12:00:00Z"}"#).items[0].is_ok());
        assert!(read("[1]").messages.is_none());
    }

    #[test]
    fn a_record_that_cannot_be_read_takes_no_other_along() {
        let good = r#"{"messageId":"a","body":"{\"published\":\"2026-05-04T12:00:00Z\"}","eventSource":"aws:sqs"}"#;
        let half_a_pair = r#"{"messageId":"b","body":"\ud800","eventSource":"aws:sqs"}"#;
        let odd = r#"{"body":7}"#;
        let batch = format!(r#"{{"Records":[{half_a_pair},{good},{odd}]}}"#);
        let payload = Payload::read(batch.into(), &BodyParser::default(), &[]);
        let messages = payload.messages.unwrap();
        let ids: Vec<_> = messages.iter().map(|message| &*message.id).collect();
        assert_eq!(
            ids,
            ["b", "a", ""],
            "Lambda takes an id that is none for a failure of all"
        );
        let bytes = |index: usize| &payload.items[index].as_ref().unwrap_err().bytes;
        assert_eq!(
            (&bytes(0)[..], &bytes(2)[..]),
            (half_a_pair.as_bytes(), odd.as_bytes())
        );
        assert!(payload.items[1].is_ok());
    }

    #[test]
    fn groups_have_an_order_in_fifo_queues_only() {
        let batch = |arn: &str| {
            let record = format!(
                r#"{{"messageId":"m","body":"","eventSource":"aws:sqs","eventSourceARN":"{arn}","attributes":{{"MessageGroupId":"g"}}}}"#
            );
            let payload = Payload::read(
                format!(r#"{{"Records":[{record}]}}"#).into(),
                &BodyParser::default(),
                &[],
            );
            payload.messages.unwrap().remove(0).group
        };
        assert_eq!(
            batch("arn:aws:sqs:eu-central-1:0:okta.fifo"),
            Some("g".into())
        );
        assert_eq!(batch("arn:aws:sqs:eu-central-1:0:okta"), None);
    }
}
