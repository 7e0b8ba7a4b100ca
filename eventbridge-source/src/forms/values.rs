//! A body taken apart into JSON values: one, an array of them, or one after the other.

use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;
use serde::de::IgnoredAny;

use crate::keys::each_key;

/// JSON's white space; Rust's `trim` would take more.
const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// How many times the length of the body may be read in search of the end of broken values. A hostile body could otherwise
/// be made to cost the square of its length.
const RESYNC_PASSES: usize = 16;

/// The values of a body that is UTF-8. Arrays at the top level are opened, what stands in them is not.
///
/// A value that is broken reaches to the next place where an event or an envelope can be read, else to the end.
pub(super) struct Values<'a> {
    body: &'a Bytes,
    text: &'a str,
    at: usize,
    /// Inside an array.
    in_array: bool,
    /// Bytes that may still be read in search of the end of a broken value.
    budget: usize,
    /// Values that may still be given.
    left: usize,
}

/// What is no JSON value, and why.
type Broken = (Bytes, MalformedReason);

/// What is wrong with a value, and how many bytes of it were read to find that out.
struct Fault {
    what: String,
    read: usize,
}

impl<'a> Values<'a> {
    /// The values of `body`, at most `most` of them: all that stands behind is one broken one.
    pub(super) fn of(body: &'a Bytes, most: usize) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        Self {
            body,
            text,
            at: 0,
            in_array: false,
            budget: text.len().saturating_mul(RESYNC_PASSES),
            left: most,
        }
    }

    fn skip_space(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.len() - rest.trim_start_matches(WHITE_SPACE).len()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Reads one value at `at`: where it ends.
    fn value(&self, at: usize) -> Result<usize, Fault> {
        let rest = &self.text[at..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        let fault = |what: &str, read| Fault {
            what: what.into(),
            read,
        };
        match stream.next() {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(fault(&error.to_string(), offset(rest, &error))),
            None => return Err(fault("nothing where a value should be", 0)),
        }
        let read = stream.byte_offset();
        let behind = self.byte(self.skip_space(at + read));
        match behind {
            Some(b',' | b']') => Ok(at + read),
            _ if self.in_array => Err(fault("no comma behind the element", read)),
            _ => Ok(at + read),
        }
    }

    /// Gives what reaches from `from` to `to` as broken, and goes on behind it.
    fn broken(&mut self, from: usize, to: usize, reason: MalformedReason) -> Broken {
        // Something is missing: the comma behind it stands for it, or all that came before.
        let (from, to) = match from == to {
            true if to < self.text.len() => (from, to + 1),
            true => (0, to),
            false => (from, to),
        };
        self.at = to;
        (self.body.slice(from..to), reason)
    }

    /// Where the broken value at `start` ends.
    fn resync(&mut self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let in_array = self.in_array;
        let ends_value = |byte: &u8| match in_array {
            true => *byte == b',',
            false => matches!(byte, b',' | b'\n' | b'}'),
        };
        let mut at = start;
        while let Some(found) = bytes[at..].iter().position(ends_value) {
            let end = at + found;
            let next = self.skip_space(end + 1);
            if bytes.get(next) == Some(&b'{') {
                let read = match self.value(next) {
                    Ok(value_end) if looks_like_an_event(&self.text[next..value_end]) => {
                        return end + usize::from(bytes[end] == b'}');
                    }
                    Ok(value_end) => value_end - next,
                    Err(fault) => fault.read,
                };
                if !self.spend(read) {
                    break;
                }
            }
            // What ends values among the white space leads to the same place.
            at = next;
        }
        bytes.len()
    }

    /// Takes what was read in vain from the budget. False if that is used up.
    fn spend(&mut self, read: usize) -> bool {
        // One more, so that the number of attempts is bounded too.
        let left = self.budget.checked_sub(read + 1);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }

    /// Behind an element of an array: over the comma, or out of it.
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
        self.at = self.skip_space(self.at);
        while !self.in_array && self.byte(self.at) == Some(b'[') {
            self.in_array = true;
            self.at = self.skip_space(self.at + 1);
            // An empty one holds nothing; any other closing bracket stands behind an element.
            if self.byte(self.at) == Some(b']') {
                self.in_array = false;
                self.at = self.skip_space(self.at + 1);
            }
        }
        let start = self.at;
        let end = self.text.len();
        if start == end && !self.in_array {
            return None;
        }
        if self.left == 0 {
            let reason = MalformedReason::Refused("more events than one body may hold".into());
            self.in_array = false;
            return Some(Err(self.broken(start, end, reason)));
        }
        self.left -= 1;
        match self.value(start) {
            Ok(value_end) => {
                self.at = value_end;
                self.step_over();
                Some(Ok(self.body.slice(start..value_end)))
            }
            Err(fault) => {
                let broken_end = match self.spend(fault.read) {
                    true => self.resync(start),
                    false => end,
                };
                let broken = self.broken(start, broken_end, MalformedReason::NotJson(fault.what));
                if broken_end == end {
                    self.in_array = false;
                } else {
                    self.step_over();
                }
                Some(Err(broken))
            }
        }
    }
}

/// True if it has what every event, or every envelope, has. Objects inside of one have not.
fn looks_like_an_event(object: &str) -> bool {
    let (mut uuid, mut published, mut detail, mut detail_type) = (false, false, false, false);
    let read = each_key(object, |key, value| match &*key {
        "uuid" => uuid = true,
        "published" => published = true,
        "detail" => detail = value.starts_with('{'),
        "detail-type" => detail_type = true,
        _ => {}
    });
    matches!(read, Ok(true)) && ((uuid && published) || (detail && detail_type))
}

/// How far the reader came in `text` before the error.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    before.map(str::len).sum::<usize>() + error.column()
}
