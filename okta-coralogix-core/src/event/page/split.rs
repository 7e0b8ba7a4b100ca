//! The three ways through a page: by the scanner, by one JSON reader for all of it, and element by element.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::PageError;
use super::element_limit::{LimitedElements, MAX_ELEMENTS};
use crate::event::fields::Fields;
use crate::event::head::EventHead;
use crate::event::{MalformedEvent, MalformedReason, Origin, RawEvent, scan};
use crate::json::{Recovery, WHITE_SPACE};

/// The elements of a page, in order.
type Elements = Vec<Result<RawEvent, MalformedEvent>>;

/// Splits a page (a JSON array of LogEvents) into its elements, in order, as a rule in one pass.
///
/// A bad element is reported with its bytes and the others go on, even where its JSON is broken: it then reaches to the
/// next place at which an event can be read.
///
/// The events are slices of `page`. Nothing is allocated for a good event but its place in the returned list. A page with white
/// space between its tokens is read a second time by `serde_json`; one in which something is broken once more, and each element then
/// costs the JSON reader's few bytes of nesting state.
///
/// # Errors
/// [`PageError`] if there is no array to split. A page that was cut off just behind some `]` inside its last
/// element ends like a whole one; that element needing more text shows it. The price is that a last element with an
/// open string or array makes a page unreadable: better asked for again than the events behind it lost.
pub fn split_page(
    page: &Bytes,
    origin: &Arc<Origin>,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, PageError> {
    split(page, origin, false, Reader::Fastest)
}

/// As [`split_page`], for a page that is known to be whole, for example by its `Content-Length`: then a last element that is
/// broken is malformed like any other.
///
/// # Errors
/// [`PageError`] if there is no array to split.
pub fn split_whole_page(
    page: &Bytes,
    origin: &Arc<Origin>,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, PageError> {
    split(page, origin, true, Reader::Fastest)
}

/// Which JSON reader reads the events.
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
) -> Result<Elements, PageError> {
    let text = simdutf8::basic::from_utf8(page).map_err(|_| PageError::NotUtf8)?;
    let whole = text.trim_matches(WHITE_SPACE);
    let inside = whole
        .strip_prefix('[')
        .ok_or_else(|| PageError::NotAnArray(whole.chars().take(40).collect()))?
        .strip_suffix(']')
        .ok_or(PageError::Truncated)?;
    let offset = text.len() - text.trim_start_matches(WHITE_SPACE).len() + 1;
    let splitter = Splitter {
        text: inside,
        closed: &whole[1..],
        page: page.slice(offset..offset + inside.len()),
        origin,
        is_whole,
    };
    if reader == Reader::Fastest
        && let Some(elements) = splitter.scan()
    {
        return Ok(elements);
    }
    match splitter.split_sound(whole) {
        Some(elements) => Ok(elements),
        None => splitter.split_broken(),
    }
}

struct Splitter<'a> {
    /// The inside of the array.
    text: &'a str,
    /// The same, with the closing bracket.
    closed: &'a str,
    /// The same bytes as `text`, shared.
    page: Bytes,
    origin: &'a Arc<Origin>,
    /// Nothing of it is missing.
    is_whole: bool,
}

impl Splitter<'_> {
    /// Splits an array in which nothing is wrong or unusual. `None` if anything is.
    fn scan(&self) -> Option<Elements> {
        let mut elements = self.list();
        scan::objects(self.text, |range, fields| {
            if elements.len() == MAX_ELEMENTS {
                return None;
            }
            let head = fields.head(&self.text[range.clone()]);
            elements.push(self.take(range, head));
            Some(())
        })?;
        Some(elements)
    }

    /// Room for the elements. Real events take 1 to 4 KB; a page of small ones makes the list grow a few times.
    fn list(&self) -> Elements {
        Vec::with_capacity(self.text.len() / 1500 + 1)
    }

    /// Splits an array of objects in which nothing is wrong, with one JSON reader for all of it: a reader for each element would
    /// allocate its nesting state anew. `None` if anything is wrong, or where an element begins cannot be told.
    fn split_sound(&self, array: &str) -> Option<Elements> {
        let mut reader = serde_json::Deserializer::from_str(array);
        let LimitedElements(read) = LimitedElements::deserialize(&mut reader).ok()?;
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
            let range = start?..before_next.trim_end_matches(WHITE_SPACE).len();
            let head = fields.head(&self.text[range.clone()]);
            elements.push(self.take(range, head));
            start = next;
        }
        Some(elements)
    }

    /// Splits an array of anything, in which something may be broken.
    fn split_broken(&self) -> Result<Elements, PageError> {
        let mut recovery = Recovery::new(self.text);
        let mut elements = self.list();
        let mut at = recovery.skip_space(0);
        if at == self.text.len() {
            return Ok(elements);
        }
        let may_follow = |byte: Option<u8>| matches!(byte, None | Some(b','));
        loop {
            let (end, head) = match recovery.value_end(at, may_follow) {
                Ok(end) => (end, EventHead::read_by_serde_json(&self.page[at..end])),
                Err(broken) => {
                    let end = recovery
                        .resync(&broken, b",", may_follow, Fields::are_of_an_event)
                        .ok_or(PageError::Unsplittable)?;
                    if !self.is_whole && end == self.text.len() && self.breaks_off(at) {
                        return Err(PageError::Truncated);
                    }
                    (end, Err(MalformedReason::NotJson(broken.to_string())))
                }
            };
            if elements.len() == MAX_ELEMENTS {
                return Err(PageError::Unsplittable);
            }
            elements.push(self.take(at..end, head));
            let comma = recovery.skip_space(end);
            if comma == self.text.len() {
                return Ok(elements);
            }
            at = recovery.skip_space(comma + 1);
        }
    }

    fn take(
        &self,
        range: Range<usize>,
        head: Result<EventHead, MalformedReason>,
    ) -> Result<RawEvent, MalformedEvent> {
        let bytes = self.page.slice(range);
        let whole = 0..bytes.len();
        RawEvent::with_head(bytes, whole, head, Arc::clone(self.origin))
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitter<'a>(array: &'a str, origin: &'a Arc<Origin>) -> Splitter<'a> {
        let text = &array[1..array.len() - 1];
        Splitter {
            text,
            closed: &array[1..],
            page: Bytes::copy_from_slice(text.as_bytes()),
            origin,
            is_whole: false,
        }
    }

    #[test]
    fn page_splits_alike_in_one_pass_and_by_element() {
        let origin = Arc::new(Origin::org("acme"));
        let event =
            r#"{ "uuid":"u", "target":[{"uuid":"no"}], "published":"2026-05-04T12:00:00Z"}"#;
        for array in [
            "[ ]".to_owned(),
            format!("[{event}]"),
            format!("[\t{event} ,\n\r {{\n\"uuid\":1}}, {event}\n]"),
        ] {
            let in_one_go = splitter(&array, &origin).split_sound(&array).unwrap();
            let by_element = splitter(&array, &origin).split_broken().unwrap();
            assert_eq!(format!("{in_one_go:?}"), format!("{by_element:?}"));
            let bytes = |all: &[Result<RawEvent, MalformedEvent>]| -> Vec<Bytes> {
                let bytes = |e: &Result<RawEvent, MalformedEvent>| match e {
                    Ok(event) => event.json(),
                    Err(malformed) => malformed.bytes.clone(),
                };
                all.iter().map(bytes).collect()
            };
            assert_eq!(bytes(&in_one_go), bytes(&by_element));
        }
    }

    #[test]
    fn page_with_a_broken_last_element_keeps_the_others() {
        let origin = Arc::new(Origin::org("acme"));
        let event = r#"{"uuid":"u","published":"2026-05-04T12:00:00Z"}"#;
        let page = Bytes::from(format!("[{event},{event},{{\"uuid\":\"open]"));
        assert_eq!(
            split_page(&page, &origin).unwrap_err(),
            PageError::Truncated
        );
        let elements = split_whole_page(&page, &origin).unwrap();
        let good: Vec<_> = elements.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, true, false]);
        let bad = elements[2].as_ref().unwrap_err();
        assert_eq!(bad.bytes, "{\"uuid\":\"open");
    }

    #[test]
    fn page_truncated_after_a_nested_bracket_is_unreadable() {
        let origin = Arc::new(Origin::org("acme"));
        let page = r#"[null,[[1],{}],{"published":"2026-05-04T12:00:00Z"}]"#;
        assert_eq!(split_page(&page.into(), &origin).unwrap().len(), 3);
        for end in page.match_indices(']').map(|(at, _)| at + 1) {
            let cut = split_page(&Bytes::copy_from_slice(&page.as_bytes()[..end]), &origin);
            assert_eq!(
                cut.err(),
                (end < page.len()).then_some(PageError::Truncated),
                "{end}"
            );
        }
    }

    #[test]
    fn page_with_too_many_elements_is_refused() {
        let origin = Arc::new(Origin::org("acme"));
        let page = Bytes::from(format!("[{}1]", "1,".repeat(MAX_ELEMENTS)));
        assert_eq!(
            split_page(&page, &origin).unwrap_err(),
            PageError::Unsplittable
        );
    }

    #[test]
    fn page_with_malformed_elements_skips_the_fast_path() {
        let origin = Arc::new(Origin::org("acme"));
        for array in ["[{}]", "[1]", "[{\"a\":1},]", "[{\"a\":1} {}]"] {
            assert!(splitter(array, &origin).split_sound(array).is_none());
        }
        // Keys may be written in any way.
        let array = "[{\"\\u0061\":1}, {\"\\ud800\":1}]";
        let read = splitter(array, &origin).split_sound(array);
        assert_eq!(read.map(|elements| elements.len()), Some(2));
    }
}
