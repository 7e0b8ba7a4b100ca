//! A page of the System Log, split element by element.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use super::bounded::{Bounded, MOST_ELEMENTS};
use super::head::{Fields, not_json, number};
use super::{EventHead, MalformedEvent, MalformedReason, Origin, RawEvent};

/// A page that cannot be taken apart: nothing of it was taken, ask for it again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnreadablePage {
    /// Not UTF-8.
    #[error("the page is not UTF-8")]
    NotUtf8,
    /// Not a JSON array: a maintenance page in HTML, for one.
    #[error("the page is not a JSON array but starts with {0:?}")]
    NotAnArray(String),
    /// So much of it is broken that the ends of its elements cannot be found in reasonable time, or it has more than 100,000.
    #[error(
        "the page has too many elements, or so many broken ones that they cannot be told apart"
    )]
    Unsplittable,
    /// The array does not end, or something stands behind it.
    #[error("the page breaks off, or something stands behind its array")]
    Truncated,
}

/// Splits a page (a JSON array of LogEvents) into its elements, in order, as a rule in one pass.
///
/// A bad element is reported with its bytes and the others go on, even where its JSON is broken: it then reaches to the
/// next place at which an element can be read.
///
/// The events are slices of `page`. Nothing is allocated for a good event but its place in the returned list. A page with white
/// space between its tokens is read a second time by `serde_json`; one in which something is broken once more, and each element then
/// costs the JSON reader's few bytes of nesting state.
///
/// # Errors
/// [`UnreadablePage`] if there is no array to split. A page that was cut off just behind some `]` inside its last
/// element ends like a whole one; it is told by that element needing more text. The price is that a last element with an
/// open string or array makes a page unreadable: better asked for again than the events behind it lost.
pub fn split_page(
    page: &Bytes,
    origin: &Arc<Origin>,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, UnreadablePage> {
    split(page, origin, false, Reader::Fastest)
}

/// As [`split_page`], for a page that is known to be whole, by its `Content-Length` say: then a last element that is broken is
/// malformed like any other.
///
/// # Errors
/// [`UnreadablePage`] if there is no array to split.
pub fn split_whole_page(
    page: &Bytes,
    origin: &Arc<Origin>,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, UnreadablePage> {
    split(page, origin, true, Reader::Fastest)
}

/// What reads a page in which nothing is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The scanner, if it is built in and finds nothing unusual, else `serde_json`.
    Fastest,
    /// `serde_json` alone.
    #[cfg(feature = "testing")]
    SerdeJson,
}

pub(crate) fn split(
    page: &Bytes,
    origin: &Arc<Origin>,
    is_whole: bool,
    reader: Reader,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, UnreadablePage> {
    let text = simdutf8::basic::from_utf8(page).map_err(|_| UnreadablePage::NotUtf8)?;
    let whole = text.trim_matches(WHITE_SPACE);
    let inside = whole
        .strip_prefix('[')
        .ok_or_else(|| UnreadablePage::NotAnArray(whole.chars().take(40).collect()))?
        .strip_suffix(']')
        .ok_or(UnreadablePage::Truncated)?;
    let offset = text.len() - text.trim_start_matches(WHITE_SPACE).len() + 1;
    let splitter = Splitter {
        text: inside,
        closed: &whole[1..],
        page: page.slice(offset..offset + inside.len()),
        origin,
        is_whole,
        budget: inside.len().saturating_mul(RESYNC_PASSES),
    };
    if reader == Reader::Fastest
        && let Some(elements) = splitter.scan()
    {
        return Ok(elements);
    }
    match splitter.split_sound(whole) {
        Some(elements) => Ok(elements),
        None => splitter.split(),
    }
}

/// JSON's white space; Rust's `trim` would take more.
pub(super) const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// How many times the length of the page may be read in search of the end of broken elements. A hostile page could
/// otherwise be made to cost the square of its length.
const RESYNC_PASSES: usize = 16;

struct Splitter<'a> {
    /// What stands between the brackets.
    text: &'a str,
    /// The same, with the closing bracket.
    closed: &'a str,
    /// The same bytes as `text`, shared.
    page: Bytes,
    origin: &'a Arc<Origin>,
    /// Nothing of it is missing.
    is_whole: bool,
    /// Bytes that may still be read in search of the end of a broken element.
    budget: usize,
}

/// One element: where it ends, and what it is.
struct Element {
    end: usize,
    head: Result<EventHead, MalformedReason>,
}

impl Splitter<'_> {
    /// Splits an array in which nothing is wrong or unusual. `None` if anything is.
    fn scan(&self) -> Option<Vec<Result<RawEvent, MalformedEvent>>> {
        let mut elements = self.list();
        super::scan::objects(self.text, |place, fields| {
            if elements.len() == MOST_ELEMENTS {
                return None;
            }
            let head = fields.head(&self.text[place.clone()]);
            let end = place.end;
            elements.push(self.take(place.start, &Element { end, head }));
            Some(())
        })?;
        Some(elements)
    }

    /// Room for the elements. Real events take 1 to 4 KB; a page of small ones makes the list grow a few times.
    fn list(&self) -> Vec<Result<RawEvent, MalformedEvent>> {
        Vec::with_capacity(self.text.len() / 1500 + 1)
    }

    /// Splits an array in which nothing is wrong, with one JSON reader for all of it: a reader for each element would
    /// allocate its nesting state anew. `None` if anything is wrong, or where an element begins cannot be told.
    fn split_sound(&self, array: &str) -> Option<Vec<Result<RawEvent, MalformedEvent>>> {
        let mut reader = serde_json::Deserializer::from_str(array);
        let Bounded(read) = Bounded::deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        let mut elements = Vec::with_capacity(read.len());
        let mut starts = read.iter().map(|fields| Some(fields.start_in(array)? - 1));
        let Some(mut start) = starts.next() else {
            return Some(elements);
        };
        for fields in &read {
            let (next, before_next) = match starts.next() {
                Some(next) => (
                    next,
                    self.text[..next?]
                        .trim_end_matches(WHITE_SPACE)
                        .strip_suffix(',')?,
                ),
                None => (None, self.text),
            };
            let end = before_next.trim_end_matches(WHITE_SPACE).len();
            let head = fields.head(&self.text[start?..end]);
            elements.push(self.take(start?, &Element { end, head }));
            start = next;
        }
        Some(elements)
    }

    fn split(mut self) -> Result<Vec<Result<RawEvent, MalformedEvent>>, UnreadablePage> {
        let mut elements = self.list();
        let mut at = self.skip_space(0);
        if at == self.text.len() {
            return Ok(elements);
        }
        loop {
            let element = match self.read(at) {
                Ok(element) => element,
                Err((reason, read)) => {
                    self.spend(read)?;
                    let end = self.resync(at)?;
                    if !self.is_whole && end == self.text.len() && self.breaks_off(at) {
                        return Err(UnreadablePage::Truncated);
                    }
                    let head = Err(reason);
                    Element { end, head }
                }
            };
            if elements.len() == MOST_ELEMENTS {
                return Err(UnreadablePage::Unsplittable);
            }
            elements.push(self.take(at, &element));
            let behind = self.skip_space(element.end);
            if behind == self.text.len() {
                return Ok(elements);
            }
            at = self.skip_space(behind + 1);
        }
    }

    /// Reads the element at `at`, up to the comma or the end behind it.
    ///
    /// # Errors
    /// What is wrong with it, and how many bytes were read to find that out.
    fn read(&self, at: usize) -> Result<Element, (MalformedReason, usize)> {
        let rest = &self.text[at..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Fields<'_>>();
        let (fields, length) = match stream.next() {
            Some(Ok(fields)) => (fields, stream.byte_offset()),
            Some(Err(error)) => match number(rest) {
                Some(length) => (Fields::default(), length),
                None => return Err((not_json(&error), error_offset(rest, &error))),
            },
            None => {
                let nothing = MalformedReason::NotJson("nothing between two commas".into());
                return Err((nothing, 0));
            }
        };
        let behind = self.skip_space(at + length);
        if !matches!(self.text.as_bytes().get(behind), None | Some(b',')) {
            let no_comma = MalformedReason::NotJson("no comma behind the element".into());
            return Err((no_comma, length));
        }
        Ok(Element {
            end: at + length,
            head: fields.head(&rest[..length]),
        })
    }

    fn take(&self, start: usize, element: &Element) -> Result<RawEvent, MalformedEvent> {
        let bytes = self.page.slice(start..element.end);
        match &element.head {
            Ok(head) => Ok(RawEvent {
                json: 0..bytes.len(),
                document: bytes,
                head: *head,
                origin: Arc::clone(self.origin),
            }),
            Err(reason) => Err(MalformedEvent {
                bytes,
                reason: reason.clone(),
                origin: Arc::clone(self.origin),
            }),
        }
    }

    /// The end of the broken element at `start`: before the first comma behind which an event can be read, else the end
    /// of the page.
    ///
    /// Counting brackets would not do: an element whose quotes or brackets do not match would take its neighbours along.
    fn resync(&mut self, start: usize) -> Result<usize, UnreadablePage> {
        let bytes = self.text.as_bytes();
        let mut at = start;
        while let Some(found) = bytes[at..].iter().position(|&byte| byte == b',') {
            let comma = at + found;
            let next = self.skip_space(comma + 1);
            if bytes.get(next) == Some(&b'{') {
                match self.probe(next) {
                    Probe::Event => return Ok(comma),
                    Probe::Other { read } => self.spend(read)?,
                }
            }
            at = comma + 1;
        }
        Ok(bytes.len())
    }

    /// Tells whether the page's last bracket belongs to the last element, which starts at `at`: it ends with it, or needs even more.
    fn breaks_off(&self, at: usize) -> bool {
        let rest = &self.closed[at..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match stream.next() {
            Some(Ok(_)) => stream.byte_offset() == rest.len(),
            Some(Err(error)) => error.is_eof(),
            None => false,
        }
    }

    /// Tells whether a whole event stands at `at`.
    fn probe(&self, at: usize) -> Probe {
        let rest = &self.text[at..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Fields<'_>>();
        match stream.next() {
            Some(Ok(fields)) => {
                let read = stream.byte_offset();
                let behind = self.text.as_bytes().get(self.skip_space(at + read));
                if fields.looks_like_an_event() && matches!(behind, None | Some(b',')) {
                    return Probe::Event;
                }
                Probe::Other { read }
            }
            Some(Err(error)) => Probe::Other {
                read: error_offset(rest, &error),
            },
            None => Probe::Other { read: 0 },
        }
    }

    fn spend(&mut self, read: usize) -> Result<(), UnreadablePage> {
        // One more, so that the number of probes is bounded too.
        self.budget = self
            .budget
            .checked_sub(read + 1)
            .ok_or(UnreadablePage::Unsplittable)?;
        Ok(())
    }

    fn skip_space(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.len() - rest.trim_start_matches(WHITE_SPACE).len()
    }
}

enum Probe {
    Event,
    Other { read: usize },
}

/// How far the reader came in `text` before the error.
fn error_offset(text: &str, error: &serde_json::Error) -> usize {
    let lines_before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    lines_before.map(str::len).sum::<usize>() + error.column()
}

#[cfg(test)]
mod tests;
