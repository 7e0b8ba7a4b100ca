//! Splits a body into JSON values: one, an array of them, or several one after the other.

use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::internal::json::{Members, Recovery};

/// The values of a body. Arrays at the top level are split, those inside of them are not. A byte that is not UTF-8 costs its value
/// only.
///
/// A broken value reaches to the next place where an event or an envelope can be read, else to the end.
pub(super) struct Values<'a> {
    body: &'a Bytes,
    text: &'a str,
    recovery: Recovery<'a>,
    at: usize,
    /// Inside an array.
    in_array: bool,
}

/// Bytes that are no JSON value, and the reason.
type Broken = (Bytes, MalformedReason);

impl<'a> Values<'a> {
    /// The values of `body`. `text` is the body as text of the same length.
    pub(super) fn of(body: &'a Bytes, text: &'a str) -> Self {
        Self {
            body,
            text,
            recovery: Recovery::new(text),
            at: 0,
            in_array: false,
        }
    }

    /// All that is left of the body; `None` if no value is.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        let start = self.next_start()?;
        self.in_array = false;
        Some(self.cut(start, self.text.len()))
    }

    /// Where the next value begins; `None` at the end.
    fn next_start(&mut self) -> Option<usize> {
        self.at = self.skip_space(self.at);
        while !self.in_array && self.byte(self.at) == Some(b'[') {
            self.in_array = true;
            self.at = self.skip_space(self.at + 1);
            // An empty array; every other closing bracket follows an element.
            if self.byte(self.at) == Some(b']') {
                self.in_array = false;
                self.at = self.skip_space(self.at + 1);
            }
        }
        (self.in_array || self.at < self.text.len()).then_some(self.at)
    }

    fn skip_space(&self, at: usize) -> usize {
        self.recovery.skip_space(at)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The bytes from `from` to `to`; goes on behind them.
    fn cut(&mut self, from: usize, to: usize) -> Bytes {
        // A value is missing: report the comma behind it, or the whole body.
        let (from, to) = match from == to {
            true if to < self.text.len() => (from, to + 1),
            true => (0, to),
            false => (from, to),
        };
        self.at = to;
        self.body.slice(from..to)
    }

    /// Behind an element of an array: skips the comma, or leaves the array.
    fn step_over(&mut self) {
        self.at = self.skip_space(self.at);
        if !self.in_array {
            return;
        }
        match self.byte(self.at) {
            Some(b']') => self.in_array = false,
            Some(b',') => {}
            _ => return,
        }
        self.at += 1;
    }
}

impl Iterator for Values<'_> {
    type Item = Result<Bytes, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next_start()?;
        let end = self.text.len();
        let in_array = self.in_array;
        let may_follow = |byte| !in_array || matches!(byte, Some(b',' | b']'));
        match self.recovery.value_end(start, may_follow) {
            Ok(value_end) => {
                self.at = value_end;
                self.step_over();
                Some(Ok(self.body.slice(start..value_end)))
            }
            Err(broken) => {
                let ends: &[u8] = if in_array { b"," } else { b",\n}" };
                let found = self
                    .recovery
                    .resync(&broken, ends, may_follow, looks_like_an_event);
                let broken_end = found.unwrap_or(end);
                let reason = MalformedReason::NotJson(broken.to_string());
                let bytes = self.cut(start, broken_end);
                if broken_end == end {
                    self.in_array = false;
                } else {
                    self.step_over();
                }
                Some(Err((bytes, reason)))
            }
        }
    }
}

/// True if it has the keys of every event, or of every envelope. Objects inside of an event do not.
fn looks_like_an_event(object: &str) -> bool {
    let (mut uuid, mut published, mut detail, mut detail_type) = (false, false, false, false);
    let Some(members) = Members::of(object) else {
        return false;
    };
    for member in members.iter() {
        match &*member.key() {
            "uuid" => uuid = true,
            "published" => published = true,
            "detail" => detail = member.value.starts_with('{'),
            "detail-type" => detail_type = true,
            _ => {}
        }
    }
    (uuid && published) || (detail && detail_type)
}
