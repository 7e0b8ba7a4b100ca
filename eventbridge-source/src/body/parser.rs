//! The parser of bodies, with its settings.

use bytes::Bytes;
#[cfg(any(feature = "http", feature = "lambda"))]
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{MalformedEvent, RawEvent};

use super::found::ParsedBody;
use super::origin_cache::OriginCache;
use super::reader::Reader;
use crate::Envelope;

/// An event, or bytes that are none.
pub(super) type Item = Result<RawEvent, MalformedEvent>;

/// Parses the body of a request, a message or an invocation into events.
///
/// | body | events |
/// |---|---|
/// | an EventBridge envelope | its event; the document is the whole envelope, byte for byte |
/// | a bare LogEvent (`InputPath` `$.detail`) | the event |
/// | an array of either | each of its elements |
/// | several, one after the other, with or without white space between (Firehose) | each |
/// | an SNS notification, or what Lambda gets of SNS, or one record of that | those of each `Message` |
/// | a message of SQS that a pipe passes on | those of its `body` |
/// | a request of Firehose to an HTTP endpoint, or one record of it | those of each record's `data` |
/// | an object with one key, whose value is an envelope (input transformer) | its event; the document is the whole object |
///
/// A byte order mark before all of it is skipped. No byte of the rest is lost: a value that is none of these, or that is not UTF-8,
/// becomes a [`MalformedEvent`] with its bytes, which the pipeline dead-letters. Those of a malformed record are the record's only.
/// So is an envelope of another `source` than Okta's, the dead-letter record of a custom event bus (which names
/// events and holds none), and an empty body. `detail-type` is not looked at.
///
/// The mapping decides whether Coralogix gets the whole envelope or the bare event:
/// [`bare_event`](okta_coralogix_core::mapping::CoralogixMappingBuilder::bare_event).
///
/// ```
/// use eventbridge_source::BodyParser;
///
/// let body = r#"{"source": "aws.partner/okta.com/acme/audit", "detail": {"published": "2026-05-04T12:00:00Z"}}"#;
/// for event in BodyParser::default().parse(body.into()) {
///     assert_eq!(event?.origin().org, "acme");
/// }
/// # Ok::<(), okta_coralogix_core::MalformedEvent>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use]
pub struct BodyParser {
    pub(super) any_source: bool,
    pub(super) org: Option<String>,
    pub(super) application: Option<String>,
    pub(super) subsystem: Option<String>,
    pub(super) origins: OriginCache,
}

impl BodyParser {
    /// The most items of one body, however they are wrapped; the rest of it is one malformed item. Batches of AWS hold at most
    /// 10,000 records (the batch window of a Lambda's SQS queue), and an event of Okta takes more than 100 bytes.
    pub const MAX_ITEMS: usize = 10_000;

    /// Accepts envelopes of every `source`, for tests that cannot send as Okta. Default: only Okta's.
    pub fn any_source(mut self, any: bool) -> Self {
        self.any_source = any;
        self.origins = OriginCache::default();
        self
    }

    /// The org of all events, for bare ones, which do not name it. Default: the subdomain in the `source`.
    pub fn org(mut self, org: impl Into<String>) -> Self {
        self.org = Some(org.into());
        self.origins = OriginCache::default();
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
    pub fn parse(&self, body: Bytes) -> Vec<Item> {
        self.parse_received(body, None)
    }

    /// The same for a message that was received `receive_count` times, which goes into the origin.
    #[must_use]
    pub fn parse_received(&self, body: Bytes, receive_count: Option<u32>) -> Vec<Item> {
        self.parse_body(body, receive_count).items
    }

    /// The same, and whether an event was found in it.
    pub(crate) fn parse_body(&self, body: Bytes, receive_count: Option<u32>) -> ParsedBody {
        let reader = Reader::new(self, receive_count);
        // Nearly every body is one envelope, as EventBridge writes it.
        match RawEvent::parse_envelope(body, |source| reader.origin(source).ok()) {
            Ok(event) => ParsedBody::of(event),
            Err(body) => reader.read(&body),
        }
    }

    /// The event of an envelope, with the whole envelope as its document.
    pub(crate) fn event(&self, envelope: &Envelope) -> Item {
        Reader::new(self, None).event(envelope)
    }

    /// A malformed item with these bytes.
    #[cfg(any(feature = "http", feature = "lambda"))]
    pub(crate) fn malformed(&self, bytes: Bytes, reason: MalformedReason) -> Item {
        Reader::new(self, None).malformed(bytes, reason)
    }
}
