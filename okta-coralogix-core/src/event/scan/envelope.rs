//! An event that is a member of an object.

use fearless_simd::Simd;

use super::containers::Watch;
use super::members::{head_member, string_member};
use super::nest::Nest;
use crate::event::envelope::Envelope;
use crate::event::head::Fields;

/// The member of an EventBridge envelope that is the event.
const EVENT: &[u8] = b"detail\":";

/// The one that says where it comes from.
const SOURCE: &str = "source\":\"";

/// The envelope that is being read.
pub(super) struct Envelopes<'a> {
    text: &'a str,
    /// Where the event begins, as soon as its key was read.
    start: Option<usize>,
    in_event: bool,
    is_whole: bool,
    envelope: Envelope<'a>,
}

impl<'a> Envelopes<'a> {
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

impl Watch for Envelopes<'_> {
    #[inline(always)]
    fn wants_keys(&self, nest: Nest) -> bool {
        nest.is_element() || self.in_event && nest.is_in_element()
    }

    /// `None` if the event is no object.
    #[inline(always)]
    fn key<S: Simd>(&mut self, simd: S, at: usize, nest: Nest) -> Option<()> {
        if !nest.is_element() {
            return head_member(simd, self.text, at, &mut self.envelope.fields);
        }
        let member = &self.text.as_bytes()[at..];
        if let Some(value) = member.strip_prefix(EVENT) {
            // Where it stands twice, the last one counts.
            self.start = Some(at + EVENT.len());
            return (value.first() == Some(&b'{')).then_some(());
        }
        string_member(simd, self.text, at, SOURCE, &mut self.envelope.source)
    }

    /// `None` if there is anything but one object.
    #[inline(always)]
    fn begin(&mut self, at: usize, kind: u64, nest: Nest) -> Option<()> {
        if nest.is_list() {
            return (at == 0 && kind == Nest::OBJECT).then_some(());
        }
        if nest.is_element() && self.start == Some(at) {
            self.envelope.fields = Fields::default();
            self.in_event = true;
        }
        Some(())
    }

    #[inline(always)]
    fn finish(&mut self, end: usize, nest: Nest) -> Option<()> {
        if nest.is_list() {
            self.is_whole = end == self.text.len();
        } else if nest.is_element() && self.in_event {
            self.envelope.event = self.start?..end;
            self.in_event = false;
        }
        Some(())
    }

    fn end(&self, _: Nest) -> Option<()> {
        self.is_whole.then_some(())
    }
}
