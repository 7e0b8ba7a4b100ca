//! Tells the kind of a JSON object by its keys.

use okta_coralogix_core::json::Members;

/// The kind of one JSON value of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It has a key that only an envelope has.
    Envelope,
    /// A LogEvent, or an unknown object.
    Event,
    /// An SNS notification, with its message.
    Notification(String),
    /// SNS sends it before the first message.
    SubscriptionConfirmation,
    /// The second kind of event bus (`event-busv2`) writes it into a dead-letter queue: ids of events, not the events.
    DeadLetterRecord,
}

impl Shape {
    pub(super) fn of(json: &[u8]) -> Self {
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
        seen.shape()
    }
}

/// The keys that tell shapes apart. The last value of a repeated key counts.
#[derive(Default)]
struct Seen {
    detail: bool,
    detail_type: bool,
    published: bool,
    failed_messages: bool,
    bus: bool,
    kind: Option<String>,
    message: Option<String>,
}

impl Seen {
    fn see(&mut self, key: &str, value: &str) {
        match key {
            "detail" => self.detail = value.starts_with('{'),
            "detail-type" => self.detail_type = true,
            "published" => self.published = true,
            "failedMessages" => self.failed_messages = value.starts_with('['),
            "busArn" | "subscriberArn" | "exhaustedRetryCondition" => self.bus = true,
            "Type" => self.kind = serde_json::from_str(value).ok(),
            "Message" => self.message = serde_json::from_str(value).ok(),
            _ => {}
        }
    }

    fn shape(self) -> Shape {
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
        if self.failed_messages && self.bus {
            return Shape::DeadLetterRecord;
        }
        // "`detail` is missing" says more than "`published` is missing".
        match self.detail_type {
            true => Shape::Envelope,
            false => Shape::Event,
        }
    }
}
