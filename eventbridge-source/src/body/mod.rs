//! The forms in which events arrive: one body in, its events out.

mod origin_cache;
mod reader;
mod shape;
mod values;

use bytes::Bytes;
#[cfg(any(feature = "http", feature = "lambda"))]
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{MalformedEvent, RawEvent};

use self::origin_cache::OriginCache;
use self::reader::Reader;
use crate::Envelope;

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
    any_source: bool,
    org: Option<String>,
    application: Option<String>,
    subsystem: Option<String>,
    origins: OriginCache,
}

impl BodyParser {
    /// The most events of one body; what stands behind them is one malformed item. Batches of AWS hold at most 10,000
    /// records (the batch window of a Lambda's SQS queue), and an event of Okta takes more than 100 bytes.
    pub const MAX_ITEMS: usize = 10_000;

    /// Takes envelopes of every `source`, such as those of a test that may not use Okta's. Default: only Okta's.
    pub fn any_source(mut self, any: bool) -> Self {
        self.any_source = any;
        self.origins = OriginCache::default();
        self
    }

    /// Names the org of all events: for bare ones, which do not name theirs. Default: the subdomain that the `source` names, as
    /// the pull route does.
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

    /// The same of a message that a queue has given `receive_count` times, which the origin then says.
    #[must_use]
    pub fn parse_received(&self, body: Bytes, receive_count: Option<u32>) -> Vec<Item> {
        let reader = Reader::new(self, receive_count);
        // By far the most bodies are one envelope, as EventBridge writes it.
        match RawEvent::parse_envelope(body, |source| reader.origin(source).ok()) {
            Ok(event) => vec![Ok(event)],
            Err(body) => reader.read(body),
        }
    }

    /// The event of an envelope, with the whole envelope as its document.
    pub(crate) fn event(&self, envelope: &Envelope) -> Item {
        Reader::new(self, None).event(envelope)
    }

    /// What stood where an event should be.
    #[cfg(any(feature = "http", feature = "lambda"))]
    pub(crate) fn malformed(&self, bytes: Bytes, reason: MalformedReason) -> Item {
        Reader::new(self, None).malformed(bytes, reason)
    }
}
