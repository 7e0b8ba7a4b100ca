//! An event as it came.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::fields::inside;
use super::head::EventHead;
use super::{LogEvent, MalformedEvent, MalformedReason, OktaSeverity, Origin, scan};
use crate::JsonString;
use crate::json::string;

/// One event: the bytes that Okta sent, untouched, and the few fields that the path reads.
///
/// Cloning copies no text. The [`document`](Self::document) is what Coralogix gets; the [`json`](Self::json) is the
/// LogEvent in it. For the pull route both are the same, for EventBridge the document is
/// the envelope.
#[derive(Clone)]
pub struct RawEvent {
    document: Bytes,
    json: Range<usize>,
    head: EventHead,
    origin: Arc<Origin>,
}

impl RawEvent {
    /// Reads the head of one LogEvent.
    ///
    /// # Errors
    /// [`MalformedEvent`], with the bytes, if they are no JSON object or `published` cannot be read.
    pub fn parse(json: Bytes, origin: Arc<Origin>) -> Result<Self, MalformedEvent> {
        let whole = 0..json.len();
        Self::parse_within(json, whole, origin)
    }

    /// Reads the head of the LogEvent at `json` in `document`, which is kept whole (an EventBridge envelope).
    ///
    /// The caller vouches that the document around the LogEvent is one valid JSON value.
    ///
    /// # Errors
    /// [`MalformedEvent`], with the whole document, if the LogEvent is no JSON object or its `published` cannot be read.
    ///
    /// # Panics
    /// If `json` is out of bounds.
    pub fn parse_within(
        document: Bytes,
        json: Range<usize>,
        origin: Arc<Origin>,
    ) -> Result<Self, MalformedEvent> {
        let head = EventHead::read(&document[json.clone()]);
        Self::with_head(document, json, head, origin)
    }

    /// Reads an EventBridge envelope, which is kept whole, in one pass and without an allocation. `origin` gets the text
    /// of its `source`.
    ///
    /// # Errors
    /// The document, if it must be read in another way to tell what is wrong with it, or that nothing is: it is no envelope,
    /// `origin` returns `None`, the event's `published` cannot be read, or it is spelt in a way that EventBridge does not use,
    /// such as with escapes in its keys. Without the feature `scanner`, always.
    #[doc(hidden)]
    pub fn parse_envelope(
        document: Bytes,
        origin: impl FnOnce(Option<&str>) -> Option<Arc<Origin>>,
    ) -> Result<Self, Bytes> {
        let read = || {
            let text = simdutf8::basic::from_utf8(&document).ok()?;
            let envelope = scan::envelope(text)?;
            let head = envelope.fields.head(&text[envelope.event.clone()]).ok()?;
            let origin = origin(envelope.source.and_then(inside))?;
            Some((envelope.event, head, origin))
        };
        match read() {
            Some((json, head, origin)) => Ok(Self {
                document,
                json,
                head,
                origin,
            }),
            None => Err(document),
        }
    }

    #[inline]
    pub(crate) fn with_head(
        document: Bytes,
        json: Range<usize>,
        head: Result<EventHead, MalformedReason>,
        origin: Arc<Origin>,
    ) -> Result<Self, MalformedEvent> {
        match head {
            Ok(head) => Ok(Self {
                document,
                json,
                head,
                origin,
            }),
            Err(reason) => Err(MalformedEvent {
                bytes: document,
                reason,
                origin,
            }),
        }
    }

    /// The LogEvent, byte for byte as Okta sent it.
    #[must_use]
    #[inline]
    pub fn json(&self) -> Bytes {
        self.document.slice(self.json.clone())
    }

    /// The JSON around and including the LogEvent: the EventBridge envelope, or the LogEvent itself.
    #[must_use]
    #[inline]
    pub fn document(&self) -> &Bytes {
        &self.document
    }

    /// The LogEvent's range in the document.
    #[must_use]
    #[inline]
    pub fn json_range(&self) -> Range<usize> {
        self.json.clone()
    }

    /// Where the event came from.
    #[must_use]
    #[inline]
    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// The same event with another origin.
    #[must_use]
    pub fn with_origin(mut self, origin: Arc<Origin>) -> Self {
        self.origin = origin;
        self
    }

    /// When the event happened, from `published`: its *original event time*.
    #[must_use]
    #[inline]
    pub fn published(&self) -> DateTime<Utc> {
        self.head.published
    }

    /// `uuid`, if it is a string that is not empty.
    #[must_use]
    pub fn uuid(&self) -> Option<Cow<'_, str>> {
        let span = self.head.uuid?;
        // One that cannot be unescaped does not identify an event.
        string::unescaped(&self.log_event()[span.range()])
    }

    /// `eventType`, if it is a string.
    #[must_use]
    pub fn event_type(&self) -> Option<Cow<'_, str>> {
        let span = self.head.event_type?;
        Some(string::plain(&self.log_event()[span.range()]))
    }

    /// `eventType` as it is spelt in the event, ready to be copied into another JSON document.
    #[must_use]
    #[inline]
    pub fn event_type_json(&self) -> Option<JsonString> {
        Some(self.spelt(self.head.event_type?.range()))
    }

    /// `uuid` as it is spelt in the event, also where it has half a surrogate pair, which [`uuid`](Self::uuid) does not count as one.
    #[must_use]
    #[inline]
    pub fn uuid_json(&self) -> Option<JsonString> {
        Some(self.spelt(self.head.uuid?.range()))
    }

    /// The inside of a string of the LogEvent.
    #[inline]
    fn spelt(&self, range: Range<usize>) -> JsonString {
        let start = self.json.start;
        let slice = start + range.start..start + range.end;
        JsonString::from_valid(self.document.slice(slice))
    }

    /// `severity`; `None` if it is absent or none that Okta documents.
    #[must_use]
    #[inline]
    pub fn severity(&self) -> Option<OktaSeverity> {
        self.head.severity
    }

    /// The full typed model.
    ///
    /// # Errors
    /// If the event holds what Rust's types cannot: a number beyond the range of a float (`1e400`), a string with half a surrogate
    /// pair (`"\ud800"`), or more than 127 levels of nesting. No event seen so far does.
    pub fn model(&self) -> Result<LogEvent, serde_json::Error> {
        serde_json::from_slice(self.log_event())
    }

    fn log_event(&self) -> &[u8] {
        &self.document[self.json.clone()]
    }
}

impl fmt::Debug for RawEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEvent")
            .field("uuid", &self.uuid())
            .field("published", &self.published())
            .field("event_type", &self.event_type())
            .field("bytes", &self.document.len())
            .finish_non_exhaustive()
    }
}
