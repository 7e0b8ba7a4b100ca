//! Parses bodies that are not one envelope as EventBridge writes it.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::json::{masked_utf8, strip_byte_order_mark};
use okta_coralogix_core::{MalformedEvent, Origin, RawEvent};

use super::parser::{BodyParser, Item};
use super::shape::Shape;
use super::values::Values;
use crate::{Envelope, ParsePartnerSourceError, PartnerSource};

/// The parser of one body.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    parser: &'a BodyParser,
    /// How often its message was received.
    receive_count: Option<u32>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(parser: &'a BodyParser, receive_count: Option<u32>) -> Self {
        Self {
            parser,
            receive_count,
        }
    }

    /// Never empty.
    pub(super) fn read(self, body: Bytes) -> Vec<Item> {
        self.read_wrapped(body, Wrapping::Allowed)
    }

    fn read_wrapped(self, body: Bytes, wrapping: Wrapping) -> Vec<Item> {
        let text = masked_utf8(&body);
        let text = strip_byte_order_mark(&text);
        let unmarked = body.slice(body.len() - text.len()..);
        if let Ok(envelope) = Envelope::parse(unmarked.clone()) {
            return vec![self.event(&envelope)];
        }
        let mut items = Vec::new();
        for value in Values::of(&unmarked, text, BodyParser::MAX_ITEMS) {
            match value {
                Ok(json) => self.read_object(json, wrapping, &mut items),
                Err((bytes, reason)) => {
                    let is_text = std::str::from_utf8(&bytes).is_ok();
                    let reason = if is_text {
                        reason
                    } else {
                        MalformedReason::NotUtf8
                    };
                    items.push(self.malformed(bytes, reason));
                }
            }
        }
        if items.is_empty() {
            let nothing = MalformedReason::Refused("the body holds no event".into());
            items.push(self.malformed(body, nothing));
        }
        items
    }

    /// Reads one JSON value, which should be an object.
    fn read_object(self, json: Bytes, wrapping: Wrapping, items: &mut Vec<Item>) {
        let refused = |reason: &str| MalformedReason::Refused(reason.into());
        match Shape::of(&json) {
            Shape::Envelope => match Envelope::parse(json) {
                Ok(envelope) => items.push(self.event(&envelope)),
                Err(malformed) => items.push(self.malformed(malformed.bytes, malformed.reason)),
            },
            Shape::Notification(message) if wrapping == Wrapping::Allowed => {
                let mut inside = self.read_wrapped(message.into(), Wrapping::Unwrapped);
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
                items.push(RawEvent::parse(json, self.no_origin()));
            }
        }
    }

    /// The event of an envelope, with the whole envelope as its document.
    pub(super) fn event(self, envelope: &Envelope) -> Item {
        let document = envelope.document().clone();
        match self.origin(envelope.source.as_deref()) {
            Ok(origin) => RawEvent::parse_within(document, envelope.detail_range(), origin),
            Err(not_okta) => {
                self.malformed(document, MalformedReason::Refused(not_okta.to_string()))
            }
        }
    }

    /// The origin of an envelope with this `source`.
    ///
    /// # Errors
    /// If it is not Okta's, and only those are accepted.
    pub(super) fn origin(
        self,
        source: Option<&str>,
    ) -> Result<Arc<Origin>, ParsePartnerSourceError> {
        self.known(source, || match source.map(str::parse::<PartnerSource>) {
            Some(Ok(partner)) => Ok(self.origin_of(Some(partner))),
            Some(Err(not_okta)) if !self.parser.any_source => Err(not_okta),
            _ => Ok(self.origin_of(None)),
        })
    }

    /// The origin of an event without an envelope.
    fn no_origin(self) -> Arc<Origin> {
        let Ok(origin) = self.known(None, || Ok::<_, Infallible>(self.origin_of(None)));
        origin
    }

    fn known<E>(
        self,
        source: Option<&str>,
        make: impl FnOnce() -> Result<Origin, E>,
    ) -> Result<Arc<Origin>, E> {
        let suits = |origin: &Origin| {
            origin.receive_count == self.receive_count
                && origin.application == self.parser.application
                && origin.subsystem == self.parser.subsystem
        };
        self.parser.origins.of(source, suits, make)
    }

    fn origin_of(self, partner: Option<PartnerSource>) -> Origin {
        let (org, stream) =
            partner.map_or_else(Default::default, |partner| (partner.org, partner.stream));
        let mut origin = Origin::org(self.parser.org.clone().unwrap_or(org));
        origin.stream = stream;
        origin.application = self.parser.application.clone();
        origin.subsystem = self.parser.subsystem.clone();
        origin.receive_count = self.receive_count;
        origin
    }

    pub(super) fn malformed(self, bytes: Bytes, reason: MalformedReason) -> Item {
        Err(MalformedEvent {
            bytes,
            reason,
            origin: self.no_origin(),
        })
    }
}

/// Whether an SNS notification is unwrapped: one inside another is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Allowed,
    Unwrapped,
}
