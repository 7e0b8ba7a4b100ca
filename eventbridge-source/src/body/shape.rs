//! Tells the kind of a JSON object by its keys.

use std::ops::Range;

use okta_coralogix_core::internal::json::{Members, elements, substr_range};

/// The kind of one JSON value of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    /// It has a key that only an envelope has.
    Envelope,
    /// A LogEvent, or an unknown object.
    Event,
    /// An envelope one level inside an object, which an input transformer made: where it is.
    Wrapped(Range<usize>),
    /// An SNS notification, with its message.
    Notification(String),
    /// What Lambda gets of SNS, or one record of it: the notifications.
    NotificationRecords(Vec<Record<'a, &'a str>>),
    /// A message of SQS, as a pipe passes it on: its body.
    QueueRecord(String),
    /// A request of Firehose to an HTTP endpoint, or one record of it: the text of each record, in base64; `None` for a record
    /// without one.
    FirehoseRequest(Vec<Record<'a, Option<String>>>),
    /// SNS sends it before the first message.
    SubscriptionConfirmation,
    /// The second kind of event bus (`event-busv2`) writes it into a dead-letter queue: ids of events, not the events.
    DeadLetterRecord,
}

/// A record of several that came at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a, T> {
    /// All of it.
    pub(super) json: &'a str,
    pub(super) content: T,
}

impl<'a> Shape<'a> {
    pub(super) fn of(json: &'a [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(json) else {
            return Self::Event;
        };
        let Some(members) = Members::of(text) else {
            return Self::Event;
        };
        let mut seen = Seen::default();
        for member in members.iter() {
            seen.see(&member.key(), member.value);
        }
        seen.shape(text)
    }
}

/// The keys that tell shapes apart. The last value of a repeated key counts.
#[derive(Default)]
struct Seen<'a> {
    members: usize,
    /// The last object among the members.
    object: Option<&'a str>,
    detail: bool,
    detail_type: bool,
    published: bool,
    failed_messages: bool,
    bus: bool,
    kind: Option<String>,
    message: Option<String>,
    message_id: bool,
    body: Option<String>,
    event_source: Option<String>,
    request_id: bool,
    records: Option<&'a str>,
    notification_records: Option<&'a str>,
    notification: bool,
    data: bool,
}

impl<'a> Seen<'a> {
    fn see(&mut self, key: &str, value: &'a str) {
        self.members += 1;
        if value.starts_with('{') {
            self.object = Some(value);
        }
        match key {
            "detail" => self.detail = value.starts_with('{'),
            "detail-type" => self.detail_type = true,
            "published" => self.published = true,
            "failedMessages" => self.failed_messages = value.starts_with('['),
            "busArn" | "subscriberArn" | "exhaustedRetryCondition" => self.bus = true,
            "Type" => self.kind = string(value),
            "Message" => self.message = string(value),
            "messageId" => self.message_id = true,
            "body" => self.body = string(value),
            "eventSource" => self.event_source = string(value),
            "requestId" => self.request_id = true,
            "records" => self.records = Some(value),
            "Records" => self.notification_records = Some(value),
            "Sns" => self.notification = true,
            "data" => self.data = true,
            _ => {}
        }
    }

    fn shape(self, text: &'a str) -> Shape<'a> {
        if self.detail {
            return Shape::Envelope;
        }
        if self.published {
            return Shape::Event;
        }
        match (self.kind.as_deref(), self.message) {
            (Some("Notification"), Some(message)) => return Shape::Notification(message),
            (Some("SubscriptionConfirmation" | "UnsubscribeConfirmation"), Some(_)) => {
                return Shape::SubscriptionConfirmation;
            }
            _ => {}
        }
        if let Some(body) = self.body
            && self.message_id
            && self.event_source.as_deref() == Some("aws:sqs")
        {
            return Shape::QueueRecord(body);
        }
        if self.failed_messages && self.bus {
            return Shape::DeadLetterRecord;
        }
        if self.request_id
            && let Some(records) = self.records.and_then(firehose_records)
        {
            return Shape::FirehoseRequest(records);
        }
        if let Some(records) = self.notification_records.and_then(notification_records) {
            return Shape::NotificationRecords(records);
        }
        // The dead letters have the malformed records of a body each by itself.
        if self.notification
            && let Some(record) = notification_record(text)
        {
            return Shape::NotificationRecords(vec![record]);
        }
        if self.data && self.members == 1 {
            let record = firehose_record(text);
            if record.content.is_some() {
                return Shape::FirehoseRequest(vec![record]);
            }
        }
        if let Some(inner) = self.object
            && self.members == 1
            && is_envelope(inner)
        {
            return Shape::Wrapped(substr_range(text, inner));
        }
        // "`detail` is missing" says more than "`published` is missing".
        match self.detail_type {
            true => Shape::Envelope,
            false => Shape::Event,
        }
    }
}

fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// True if it has an event and says where that is from: another object with a `detail` is not taken for an envelope.
fn is_envelope(object: &str) -> bool {
    let Some(members) = Members::of(object) else {
        return false;
    };
    let has = |key, begin| {
        let mut values = members.values(key);
        values
            .next_back()
            .is_some_and(|json| json.starts_with(begin))
    };
    has("detail", '{') && has("source", '"')
}

fn firehose_records(array: &str) -> Option<Vec<Record<'_, Option<String>>>> {
    let records: Vec<_> = elements(array)?.into_iter().map(firehose_record).collect();
    let has_data = records.iter().any(|record| record.content.is_some());
    has_data.then_some(records)
}

fn firehose_record(json: &str) -> Record<'_, Option<String>> {
    let data = || {
        let members = Members::of(json)?;
        let data = members.values("data").next_back()?;
        string(data)
    };
    Record {
        json,
        content: data(),
    }
}

/// `None` if a record is another one.
fn notification_records(array: &str) -> Option<Vec<Record<'_, &str>>> {
    let records: Vec<_> = elements(array)?
        .into_iter()
        .map(notification_record)
        .collect::<Option<_>>()?;
    (!records.is_empty()).then_some(records)
}

/// The notification of `{"EventSource": "aws:sns", "Sns": {…}}`.
fn notification_record(json: &str) -> Option<Record<'_, &str>> {
    let members = Members::of(json)?;
    let source = members.values("EventSource").next_back()?;
    let content = members.values("Sns").next_back()?;
    (string(source)? == "aws:sns").then_some(Record { json, content })
}
