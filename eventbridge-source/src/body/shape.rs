//! Tells the kind of a JSON object by its keys.

use std::ops::Range;

use okta_coralogix_core::json::{Members, elements, substr_range};

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
    /// What Lambda gets of SNS: the notifications.
    NotificationRecords(Vec<&'a str>),
    /// A message of SQS, as a pipe passes it on: its body.
    QueueRecord(String),
    /// A request of Firehose to an HTTP endpoint: the text of each record, in base64; `None` for a record without one.
    FirehoseRequest(Vec<Option<String>>),
    /// SNS sends it before the first message.
    SubscriptionConfirmation,
    /// The second kind of event bus (`event-busv2`) writes it into a dead-letter queue: ids of events, not the events.
    DeadLetterRecord,
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

fn firehose_records(array: &str) -> Option<Vec<Option<String>>> {
    let data = |record| {
        let members = Members::of(record)?;
        let data = members.values("data").next_back()?;
        string(data)
    };
    let records = elements(array)?;
    let records: Vec<_> = records.into_iter().map(data).collect();
    records.iter().any(Option::is_some).then_some(records)
}

/// The notifications of `{"EventSource": "aws:sns", "Sns": {…}}`. `None` if a record is another one.
fn notification_records(array: &str) -> Option<Vec<&str>> {
    let notification = |record| {
        let members = Members::of(record)?;
        let source = members.values("EventSource").next_back()?;
        let notification = members.values("Sns").next_back()?;
        (string(source)? == "aws:sns").then_some(notification)
    };
    let records: Vec<_> = elements(array)?
        .into_iter()
        .map(notification)
        .collect::<Option<_>>()?;
    (!records.is_empty()).then_some(records)
}
