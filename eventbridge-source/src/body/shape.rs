//! What a JSON object is, told by its keys.

use okta_coralogix_core::json::Members;

/// What one JSON value of a body is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It has what only an envelope has, though not always all of it.
    Envelope,
    /// A LogEvent, or nothing that is known.
    Event,
    /// What SNS makes of a message, with the message.
    Notification(String),
    /// What SNS sends before the first message.
    SubscriptionConfirmation,
    /// What the second kind of event bus (`event-busv2`) leaves in a dead-letter queue: the ids of events, not the events.
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

/// The keys that tell shapes apart. Where one stands twice, the last one counts.
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
        // An envelope that lacks its event says so better than an event that lacks its time.
        match self.detail_type {
            true => Shape::Envelope,
            false => Shape::Event,
        }
    }
}
