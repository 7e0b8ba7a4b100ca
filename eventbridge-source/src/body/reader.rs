//! Parses bodies that are not one envelope as EventBridge writes it.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::internal::json::{masked_utf8, strip_byte_order_mark};
use okta_coralogix_core::{MalformedEvent, Origin, RawEvent};

use super::found::ParsedBody;
use super::parser::{BodyParser, Item};
use super::shape::{Record, Shape};
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
    pub(super) fn read(self, body: &Bytes) -> ParsedBody {
        let mut parsed = ParsedBody::default();
        self.read_within(body, Layers::default(), &mut parsed);
        parsed
    }

    /// Reads what is inside of `layers`: at least one item.
    fn read_within(self, body: &Bytes, layers: Layers, parsed: &mut ParsedBody) {
        let before = parsed.items.len();
        let text = masked_utf8(body);
        let text = strip_byte_order_mark(&text);
        let unmarked = body.slice(body.len() - text.len()..);
        if before < BodyParser::MAX_ITEMS
            && let Ok(envelope) = Envelope::parse(unmarked.clone())
        {
            parsed.push(self.event(&envelope));
            return;
        }
        let mut values = Values::of(&unmarked, text);
        while parsed.items.len() < BodyParser::MAX_ITEMS
            && let Some(value) = values.next()
        {
            match value {
                Ok(json) => {
                    self.read_object(&json, layers, parsed);
                    if parsed.items.len() > BodyParser::MAX_ITEMS && values.rest().is_some() {
                        self.refuse_rest(from_on(&unmarked, &json), parsed);
                    }
                }
                Err((bytes, reason)) => {
                    let is_text = std::str::from_utf8(&bytes).is_ok();
                    let reason = if is_text {
                        reason
                    } else {
                        MalformedReason::NotUtf8
                    };
                    parsed.push(self.malformed(bytes, reason));
                }
            }
        }
        if parsed.items.len() == BodyParser::MAX_ITEMS
            && let Some(rest) = values.rest()
        {
            self.refuse_rest(rest, parsed);
        }
        if parsed.items.len() == before {
            let nothing = MalformedReason::Refused("the body holds no event".into());
            parsed.push(self.malformed(body.clone(), nothing));
        }
    }

    /// One item for all that is beyond the maximum, in place of the one for the rest of what is inside of it.
    fn refuse_rest(self, rest: Bytes, parsed: &mut ParsedBody) {
        parsed.items.truncate(BodyParser::MAX_ITEMS);
        let reason = MalformedReason::Refused("more events than one body may hold".into());
        parsed.push(self.malformed(rest, reason));
    }

    /// Reads one JSON value, which should be an object.
    fn read_object(self, json: &Bytes, layers: Layers, parsed: &mut ParsedBody) {
        let refused = |reason: &str| MalformedReason::Refused(reason.into());
        match Shape::of(json) {
            Shape::Envelope => match Envelope::parse(json.clone()) {
                Ok(envelope) => parsed.push(self.event(&envelope)),
                Err(malformed) => parsed.push(self.malformed(malformed.bytes, malformed.reason)),
            },
            Shape::Wrapped(range) => {
                let envelope = json.slice(range.clone());
                parsed.push_found_in(&envelope, self.wrapped(json, range));
            }
            Shape::Notification(message) => {
                self.unwrap(json, &message.into(), layers, Layers::NOTIFICATION, parsed);
            }
            Shape::NotificationRecords(records) => {
                let content = |text: &str| Ok(json.slice_ref(text.as_bytes()));
                self.unwrap_records(json, records, content, layers, Layers::RECORDS, parsed);
            }
            Shape::QueueRecord(body) => {
                self.unwrap(json, &body.into(), layers, Layers::QUEUE_RECORD, parsed);
            }
            Shape::FirehoseRequest(records) => {
                let content = |text: Option<String>| {
                    let data = text.and_then(|text| STANDARD.decode(text).ok());
                    let reason = || refused("a record of Firehose whose `data` is not base64");
                    data.map(Bytes::from).ok_or_else(reason)
                };
                self.unwrap_records(json, records, content, layers, Layers::FIREHOSE, parsed);
            }
            Shape::SubscriptionConfirmation => {
                let reason = "an SNS subscription to be confirmed: open its `SubscribeURL` once";
                parsed.push(self.malformed(json.clone(), refused(reason)));
            }
            Shape::DeadLetterRecord => {
                let reason =
                    "the dead-letter record of a custom event bus: it names events and holds none";
                parsed.push(self.malformed(json.clone(), refused(reason)));
            }
            Shape::Event => parsed.push(RawEvent::parse(json.clone(), self.no_origin())),
        }
    }

    /// Reads what `layer` is around.
    fn unwrap(
        self,
        outer: &Bytes,
        inner: &Bytes,
        layers: Layers,
        layer: Layers,
        parsed: &mut ParsedBody,
    ) {
        match layers.with(layer) {
            Some(layers) => self.read_inside(outer, inner, layers, parsed),
            None => parsed.push(RawEvent::parse(outer.clone(), self.no_origin())),
        }
    }

    /// Reads the `content` of each record. One that is malformed keeps its own bytes, not those of its neighbours.
    fn unwrap_records<T>(
        self,
        outer: &Bytes,
        records: Vec<Record<'_, T>>,
        content: impl Fn(T) -> Result<Bytes, MalformedReason>,
        layers: Layers,
        layer: Layers,
        parsed: &mut ParsedBody,
    ) {
        let Some(layers) = layers.with(layer) else {
            parsed.push(RawEvent::parse(outer.clone(), self.no_origin()));
            return;
        };
        let mut records = records.into_iter();
        while parsed.items.len() <= BodyParser::MAX_ITEMS
            && let Some(record) = records.next()
        {
            let bytes = outer.slice_ref(record.json.as_bytes());
            match content(record.content) {
                Ok(inner) => self.read_inside(&bytes, &inner, layers, parsed),
                Err(reason) => parsed.push(self.malformed(bytes.clone(), reason)),
            }
            if parsed.items.len() > BodyParser::MAX_ITEMS && records.next().is_some() {
                self.refuse_rest(from_on(outer, &bytes), parsed);
            }
        }
    }

    /// Reads what is `inner` to `outer`. If that is one thing which is no event, all of `outer` is malformed.
    fn read_inside(self, outer: &Bytes, inner: &Bytes, layers: Layers, parsed: &mut ParsedBody) {
        let before = parsed.items.len();
        self.read_within(inner, layers, parsed);
        if let [Err(only)] = &mut parsed.items[before..] {
            only.bytes = outer.clone();
        }
    }

    /// The event of an envelope at `range` in an object, with the whole object as its document.
    fn wrapped(self, outer: &Bytes, range: Range<usize>) -> Item {
        let begin = range.start;
        match Envelope::parse(outer.slice(range)) {
            Ok(envelope) => {
                let detail = envelope.detail_range();
                let detail = begin + detail.start..begin + detail.end;
                self.within(outer.clone(), detail, envelope.source.as_deref())
            }
            Err(malformed) => self.malformed(outer.clone(), malformed.reason),
        }
    }

    /// The event of an envelope, with the whole envelope as its document.
    pub(super) fn event(self, envelope: &Envelope) -> Item {
        let document = envelope.document().clone();
        self.within(
            document,
            envelope.detail_range(),
            envelope.source.as_deref(),
        )
    }

    fn within(self, document: Bytes, detail: Range<usize>, source: Option<&str>) -> Item {
        match self.origin(source) {
            Ok(origin) => RawEvent::parse_within(document, detail, origin),
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
        let origin = self.no_origin();
        Err(MalformedEvent::new(bytes, reason, origin))
    }
}

/// The bytes of `whole` from its slice `part` on.
fn from_on(whole: &Bytes, part: &Bytes) -> Bytes {
    whole.slice(part.as_ptr().addr() - whole.as_ptr().addr()..)
}

/// What was unwrapped already: each kind of layer is unwrapped once, so that the depth is bounded.
#[derive(Debug, Clone, Copy, Default)]
struct Layers(u8);

impl Layers {
    const NOTIFICATION: Self = Self(1);
    const RECORDS: Self = Self(2);
    const QUEUE_RECORD: Self = Self(4);
    const FIREHOSE: Self = Self(8);

    /// `None` if the layer is there already.
    fn with(self, layer: Self) -> Option<Self> {
        (self.0 & layer.0 == 0).then_some(Self(self.0 | layer.0))
    }
}
