//! An EventBridge envelope, and the event in it.

use std::ops::Range;

use fearless_simd::Simd;

use super::head_member;
use crate::event::fields::Fields;
use crate::json::WHITE_SPACE;
use crate::json::scanner::{Nesting, Visitor, string_member, value_at};

/// The key of the member of an EventBridge envelope that is the event.
const EVENT: &str = "detail\"";

/// The one that says where it comes from.
const SOURCE: &str = "source\":\"";

/// An object with an event as its `detail`.
pub(crate) struct Envelope<'a> {
    /// The text of its `source`, with the quotes; it has no escape in it.
    pub(crate) source: Option<&'a str>,
    /// The event's range in the text.
    pub(crate) event: Range<usize>,
    /// The fields of the event's head that were found.
    pub(crate) fields: Fields<'a>,
}

/// The envelope that is being read.
pub(super) struct EnvelopeVisitor<'a> {
    text: &'a str,
    /// Where the event begins, as soon as its key was read.
    start: Option<usize>,
    in_event: bool,
    is_whole: bool,
    envelope: Envelope<'a>,
}

impl<'a> EnvelopeVisitor<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            start: None,
            in_event: false,
            is_whole: false,
            envelope: Envelope {
                source: None,
                event: 0..0,
                fields: Fields::default(),
            },
        }
    }

    /// `None` if there is no event in it.
    pub(super) fn found(self) -> Option<Envelope<'a>> {
        self.start.is_some().then_some(self.envelope)
    }
}

impl Visitor for EnvelopeVisitor<'_> {
    #[inline(always)]
    fn wants_keys(&self, nesting: Nesting) -> bool {
        nesting.is_element() || self.in_event && nesting.is_in_element()
    }

    /// `None` if the event is no object.
    #[inline(always)]
    fn key<S: Simd>(&mut self, simd: S, at: usize, nesting: Nesting) -> Option<()> {
        if !nesting.is_element() {
            return head_member(simd, self.text, at, &mut self.envelope.fields);
        }
        if let Some(value) = value_at(self.text, at, EVENT) {
            // If it occurs twice, the last one counts.
            self.start = Some(value);
            return (self.text.as_bytes().get(value) == Some(&b'{')).then_some(());
        }
        string_member(simd, self.text, at, SOURCE, &mut self.envelope.source)
    }

    /// `None` if there is anything but one object.
    #[inline(always)]
    fn begin(&mut self, at: usize, kind: u64, nesting: Nesting) -> Option<()> {
        if nesting.is_list() {
            let before = &self.text[..at];
            let is_first = before.trim_start_matches(WHITE_SPACE).is_empty();
            return (is_first && kind == Nesting::OBJECT).then_some(());
        }
        if nesting.is_element() && self.start == Some(at) {
            self.envelope.fields = Fields::default();
            self.in_event = true;
        }
        Some(())
    }

    #[inline(always)]
    fn finish(&mut self, end: usize, nesting: Nesting) -> Option<()> {
        if nesting.is_list() {
            self.is_whole = end == self.text.len();
        } else if nesting.is_element() && self.in_event {
            self.envelope.event = self.start?..end;
            self.in_event = false;
        }
        Some(())
    }

    fn end(&self, _: Nesting) -> Option<()> {
        self.is_whole.then_some(())
    }
}
