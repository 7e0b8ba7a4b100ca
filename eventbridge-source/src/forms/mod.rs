//! The forms in which events arrive: one body in, its events out.

mod shape;
mod values;

use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{MalformedEvent, Origin, RawEvent};

use self::shape::Shape;
use self::values::Values;
use crate::{Envelope, PartnerSource};

/// An event, or what stood where one should be.
type Item = Result<RawEvent, MalformedEvent>;

/// Reads the body of a request, a message or an invocation: which forms, and how what they hold is named.
///
/// | form | read as |
/// |---|---|
/// | an EventBridge envelope | its event; the envelope stays around it, byte for byte |
/// | a bare LogEvent (`InputPath` `$.detail`) | the event |
/// | an array of either | each of its elements |
/// | one after the other, with or without white space between (Firehose) | each |
/// | an SNS notification | what its `Message` holds |
///
/// Nothing vanishes: what is none of these is a [`MalformedEvent`] with its bytes, which a pipeline puts into the dead
/// letters. So is an envelope of another `source` than Okta's, the dead-letter record of a custom event bus (which names
/// events and holds none), and an empty body. `detail-type` is not looked at.
///
/// Whether the whole envelope or the bare event stands in Coralogix is the mapping's to say:
/// [`bare_event`](okta_coralogix_core::mapping::CoralogixMappingBuilder::bare_event).
///
/// ```
/// use eventbridge_source::Intake;
///
/// let body = r#"{"source": "aws.partner/okta.com/acme/audit", "detail": {"published": "2026-05-04T12:00:00Z"}}"#;
/// for event in Intake::default().read(body.into()) {
///     assert_eq!(event?.origin().org, "acme");
/// }
/// # Ok::<(), okta_coralogix_core::MalformedEvent>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use]
pub struct Intake {
    any_source: bool,
    org: Option<String>,
    application: Option<String>,
    subsystem: Option<String>,
}

impl Intake {
    /// The most events of one body; what stands behind them is one malformed item. Batches of AWS hold at most 10,000
    /// records (the batch window of a Lambda's SQS queue), and an event of Okta takes more than 100 bytes.
    pub const MOST_ITEMS: usize = 10_000;

    /// Takes envelopes of every `source`, such as those of a test that may not use Okta's. Default: only Okta's.
    pub fn any_source(mut self, any: bool) -> Self {
        self.any_source = any;
        self
    }

    /// Names the org of all events, such as `acme.okta.com`. Default: the subdomain that the `source` names, for bare events
    /// none. With the org's host, and bare events, an entry is the same as that of the pull route.
    pub fn org(mut self, org: impl Into<String>) -> Self {
        self.org = Some(org.into());
        self
    }

    /// The application name that the sender asks for; it wins over the mapping's.
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// The subsystem name that the sender asks for; it wins over the mapping's.
    pub fn subsystem(mut self, name: impl Into<String>) -> Self {
        self.subsystem = Some(name.into());
        self
    }

    /// The events of `body`, in its order. Never empty: a body without any gives one malformed item.
    #[must_use]
    pub fn read(&self, body: Bytes) -> Vec<Item> {
        self.read_body(body, Wrapping::Allowed)
    }

    fn read_body(&self, body: Bytes, wrapping: Wrapping) -> Vec<Item> {
        // By far the most bodies are one envelope.
        if let Ok(envelope) = Envelope::parse(body.clone()) {
            return vec![self.event(&envelope)];
        }
        if std::str::from_utf8(&body).is_err() {
            return vec![self.malformed(body, MalformedReason::NotUtf8)];
        }
        let mut items = Vec::new();
        for value in Values::of(&body, Self::MOST_ITEMS) {
            match value {
                Ok(json) => self.read_object(json, wrapping, &mut items),
                Err((bytes, reason)) => items.push(self.malformed(bytes, reason)),
            }
        }
        if items.is_empty() {
            let nothing = MalformedReason::Refused("the body holds no event".into());
            items.push(self.malformed(body, nothing));
        }
        items
    }

    /// Reads one JSON value, which should be an object.
    fn read_object(&self, json: Bytes, wrapping: Wrapping, items: &mut Vec<Item>) {
        let refused = |reason: &str| MalformedReason::Refused(reason.into());
        match Shape::of(&json) {
            Shape::Envelope => match Envelope::parse(json) {
                Ok(envelope) => items.push(self.event(&envelope)),
                Err(error) => {
                    let MalformedEvent { bytes, reason, .. } = error.into();
                    items.push(self.malformed(bytes, reason));
                }
            },
            Shape::Notification(message) if wrapping == Wrapping::Allowed => {
                let mut inside = self.read_body(message.into(), Wrapping::Unwrapped);
                if let [Err(only)] = &mut inside[..] {
                    only.bytes = json;
                }
                items.append(&mut inside);
            }
            Shape::SubscriptionConfirmation => {
                let reason = "an SNS subscription to be confirmed: open its `SubscribeURL` once";
                items.push(self.malformed(json, refused(reason)));
            }
            Shape::DeadLetterRecord => {
                let reason =
                    "the dead-letter record of a custom event bus: it names events and holds none";
                items.push(self.malformed(json, refused(reason)));
            }
            Shape::Event | Shape::Notification(_) => {
                items.push(RawEvent::parse(json, Arc::new(self.origin(None))));
            }
        }
    }

    /// The event of an envelope, with the whole envelope as its document.
    pub(crate) fn event(&self, envelope: &Envelope) -> Item {
        let partner = match envelope.source.as_deref().map(str::parse::<PartnerSource>) {
            None => None,
            Some(Ok(partner)) => Some(partner),
            Some(Err(_)) if self.any_source => None,
            Some(Err(not_okta)) => {
                let reason = MalformedReason::Refused(not_okta.to_string());
                return Err(self.malformed_of(envelope.document().clone(), reason));
            }
        };
        let detail = envelope.detail_range();
        let origin = Arc::new(self.origin(partner));
        RawEvent::parse_within(envelope.document().clone(), detail, origin)
    }

    fn origin(&self, partner: Option<PartnerSource>) -> Origin {
        let (org, stream) =
            partner.map_or_else(Default::default, |partner| (partner.org, partner.stream));
        let mut origin = Origin::org(self.org.clone().unwrap_or(org));
        origin.stream = stream;
        origin.application = self.application.clone();
        origin.subsystem = self.subsystem.clone();
        origin
    }

    fn malformed(&self, bytes: Bytes, reason: MalformedReason) -> Item {
        Err(self.malformed_of(bytes, reason))
    }

    /// A malformed item of an origin that no envelope names.
    pub(crate) fn malformed_of(&self, bytes: Bytes, reason: MalformedReason) -> MalformedEvent {
        MalformedEvent {
            bytes,
            reason,
            origin: Arc::new(self.origin(None)),
        }
    }
}

/// Whether an SNS notification is opened. One inside another is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Allowed,
    Unwrapped,
}
