//! The two ways through a page, which take turns: many elements at once by the scanner, and one by `serde_json`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::{PageEnd, PageError, SplitPage};
use crate::event::fields::Fields;
use crate::event::head::EventHead;
use crate::event::scan::SoundElements;
use crate::event::{MalformedEvent, MalformedReason, Origin, RawEvent, scan};
use crate::json::{
    BrokenValue, Recovery, WHITE_SPACE, masked_utf8, strip_byte_order_mark, substr_range,
};

/// The element limit of a page, a hundred times Okta's: each element costs some hundred bytes however small it is.
const MAX_ELEMENTS: usize = 100_000;

/// The elements of a page, in order.
type Elements = Vec<Result<RawEvent, MalformedEvent>>;

/// Splits a page (a JSON array of LogEvents) into its elements, in order, as a rule in one pass.
///
/// A bad element is reported with its bytes and the others go on, even where its JSON is broken: it then reaches to the
/// next place at which an event can be read. So does one in which a byte is not UTF-8. A byte order mark before the array is
/// skipped.
///
/// The events are slices of `page`. Nothing is allocated for a good event but its place in the returned list. An element that is spelt
/// in an unusual way is read again by `serde_json`, and costs the JSON reader's few bytes of nesting state; so do its neighbours, where
/// they are small.
///
/// # Errors
/// [`PageError`] if there is no array to split. A page that was cut off just behind some `]` inside its last
/// element ends like a whole one; that element needing more text shows it. The price is that a last element with an
/// open string or array makes a page unreadable: better asked for again than the events behind it lost.
pub fn split_page(
    page: &Bytes,
    origin: &Arc<Origin>,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, PageError> {
    split(page, origin, Reader::Fastest)?.unless_cut()
}

/// As [`split_page`], but a last element that is broken is malformed like any other, and the caller decides by
/// [`SplitPage::end`] whether the page is to be believed.
///
/// # Errors
/// [`PageError`] if there is no array to split.
pub fn split_whole_page(page: &Bytes, origin: &Arc<Origin>) -> Result<SplitPage, PageError> {
    Ok(split(page, origin, Reader::Fastest)?.page)
}

/// Which JSON reader reads the events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The scanner, if it is built in, and `serde_json` for the elements that it leaves.
    Fastest,
    /// `serde_json` alone.
    #[cfg(feature = "testing")]
    SerdeJson,
}

/// A page that was split.
pub(crate) struct Split {
    page: SplitPage,
    /// The page's last bracket may belong to its last element.
    is_cut: bool,
}

impl Split {
    /// The elements, unless the page seems to have been cut off.
    pub(crate) fn unless_cut(self) -> Result<Elements, PageError> {
        match self.is_cut {
            true => Err(PageError::Truncated),
            false => Ok(self.page.elements),
        }
    }
}

pub(crate) fn split(
    page: &Bytes,
    origin: &Arc<Origin>,
    reader: Reader,
) -> Result<Split, PageError> {
    let text = masked_utf8(page);
    let array = strip_byte_order_mark(&text).trim_matches(WHITE_SPACE);
    let inside = array
        .strip_prefix('[')
        .ok_or_else(|| PageError::NotAnArray(array.chars().take(40).collect()))?
        .strip_suffix(']')
        .ok_or(PageError::Truncated)?;
    let splitter = Splitter {
        text: inside,
        closed: &array[1..],
        page: page.slice(substr_range(&text, inside)),
        is_masked: matches!(text, Cow::Owned(_)),
        origin,
        recovery: Recovery::new(inside),
        // Real events take 1 to 4 KB; a page of small ones makes the list grow a few times.
        elements: Vec::with_capacity(inside.len() / 1500 + 1),
        end: PageEnd::Sound,
        is_cut: false,
    };
    splitter.split(reader)
}

/// Reads the elements from the first to the last. Before each one, and behind the last, `end` and `is_cut` tell of those before it.
struct Splitter<'a> {
    /// The inside of the array.
    text: &'a str,
    /// The same, with the closing bracket.
    closed: &'a str,
    /// The same bytes as `text`, shared.
    page: Bytes,
    /// Some of the bytes are not UTF-8, and `text` differs from them there.
    is_masked: bool,
    origin: &'a Arc<Origin>,
    recovery: Recovery<'a>,
    elements: Elements,
    end: PageEnd,
    is_cut: bool,
}

impl Splitter<'_> {
    fn split(mut self, reader: Reader) -> Result<Split, PageError> {
        let mut next = Some(self.recovery.skip_space(0)).filter(|at| *at < self.text.len());
        let mut turns = Turns::default();
        while let Some(at) = next {
            let before = self.elements.len();
            next = match reader {
                Reader::Fastest if turns.is_scanners() => self.scan(at),
                _ => Some(at),
            };
            turns.scanned(self.elements.len() - before);
            if let Some(at) = next {
                next = self.read(at)?;
            }
        }
        Ok(Split {
            page: SplitPage {
                elements: self.elements,
                end: self.end,
            },
            is_cut: self.is_cut,
        })
    }

    /// Reads the elements from `at` on in which nothing is wrong or unusual, and returns where the next one begins; `None` if there
    /// is none.
    fn scan(&mut self, at: usize) -> Option<usize> {
        let at = self.recovery.skip_space(at);
        let list = &self.text[at..];
        if list.is_empty() {
            // Behind a comma an element is missing.
            return Some(at);
        }
        let before = self.elements.len();
        let SoundElements { count, next } = scan::objects(list, |range, fields| {
            if self.elements.len() == MAX_ELEMENTS {
                return None;
            }
            let head = fields.head(&list[range.clone()]);
            let element = self.take(at + range.start..at + range.end, head);
            self.elements.push(element);
            Some(())
        })
        .err()?;
        self.elements.truncate(before + count);
        Some(at + next)
    }

    /// Reads the element at `at` by `serde_json`, whatever it is, and returns where the next one begins; `None` if there is none.
    fn read(&mut self, at: usize) -> Result<Option<usize>, PageError> {
        let at = self.recovery.skip_space(at);
        let (end, head) = match self.read_object(at) {
            Some(object) => object,
            None => match self.recovery.value_end(at, may_follow) {
                Ok(end) => {
                    let value = &self.text.as_bytes()[at..end];
                    (end, EventHead::read_by_serde_json(value))
                }
                Err(broken) => self.read_broken(at, &broken)?,
            },
        };
        if self.elements.len() == MAX_ELEMENTS {
            return Err(PageError::Unsplittable);
        }
        let element = self.take(at..end, head);
        self.elements.push(element);
        let comma = self.recovery.skip_space(end);
        Ok((comma < self.text.len()).then_some(comma + 1))
    }

    /// The end and the head of the object at `at`; `None` if there is no object, or a broken one.
    fn read_object(&self, at: usize) -> Option<(usize, Result<EventHead, MalformedReason>)> {
        let rest = &self.text[at..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Fields<'_>>();
        let fields = stream.next()?.ok()?;
        let end = at + stream.byte_offset();
        let next = self.recovery.skip_space(end);
        may_follow(self.text.as_bytes().get(next).copied())
            .then(|| (end, fields.head(&self.text[at..end])))
    }

    /// The end of a broken element, and why it has no head.
    fn read_broken(
        &mut self,
        at: usize,
        broken: &BrokenValue,
    ) -> Result<(usize, Result<EventHead, MalformedReason>), PageError> {
        let end = self
            .recovery
            .resync(broken, b",", may_follow, Fields::are_of_an_event)
            .ok_or(PageError::Unsplittable)?;
        let is_last = end == self.text.len();
        let breaks_off = broken.is_open() && self.breaks_off(at);
        self.is_cut |= is_last && breaks_off;
        self.end = self.end.max(match (breaks_off, is_last) {
            (true, _) => PageEnd::Open,
            (false, true) => PageEnd::LastBroken,
            (false, false) => PageEnd::Probable,
        });
        Ok((end, Err(MalformedReason::NotJson(broken.to_string()))))
    }

    fn take(
        &self,
        range: Range<usize>,
        head: Result<EventHead, MalformedReason>,
    ) -> Result<RawEvent, MalformedEvent> {
        let bytes = self.page.slice(range);
        let whole = 0..bytes.len();
        let head = match self.is_masked && simdutf8::basic::from_utf8(&bytes).is_err() {
            true => Err(MalformedReason::NotUtf8),
            false => head,
        };
        RawEvent::with_head(bytes, whole, head, Arc::clone(self.origin))
    }

    /// Tells whether the page's last bracket belongs to the element at `at`: it ends with it, or needs even more.
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

/// When it is the scanner's turn: after each element that `serde_json` read, but after ever more of them while the scanner gets nowhere,
/// up to 31. So a page in which all is unusual is not read twice.
#[derive(Default)]
struct Turns {
    /// Scans in a row that found nothing.
    fruitless: u32,
    /// Elements that are read by `serde_json` until the next scan.
    wait: u32,
}

impl Turns {
    fn is_scanners(&self) -> bool {
        self.wait == 0
    }

    /// After a turn in which the scanner read so many elements.
    fn scanned(&mut self, count: usize) {
        if let Some(left) = self.wait.checked_sub(1) {
            self.wait = left;
        } else if count > 0 {
            self.fruitless = 0;
        } else {
            // A few are common: an element that is unusual, and small ones before it.
            self.fruitless = (self.fruitless + 1).min(20);
            self.wait = (1 << (self.fruitless / 4)) - 1;
        }
    }
}

/// Whether this byte, or the end of the text, may come behind an element.
fn may_follow(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_with_a_broken_last_element_keeps_the_others() {
        let origin = Arc::new(Origin::org("acme"));
        let event = r#"{"uuid":"u","published":"2026-05-04T12:00:00Z"}"#;
        let page = Bytes::from(format!("[{event},{event},{{\"uuid\":\"open]"));
        assert_eq!(
            split_page(&page, &origin).unwrap_err(),
            PageError::Truncated
        );
        let SplitPage { elements, end } = split_whole_page(&page, &origin).unwrap();
        assert_eq!(end, PageEnd::Open);
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
    fn page_end_tells_what_may_be_missing() {
        let origin = Arc::new(Origin::org("acme"));
        let event = r#"{"uuid":"u","published":"2026-05-04T12:00:00Z"}"#;
        let end = |elements: &[&str]| {
            let page = format!("[{}]", elements.join(","));
            split_whole_page(&page.into(), &origin).unwrap().end
        };
        for odd in ["null", "7", "{}", "[]", "{ }", r#"{"\u0061":"\ud800"}"#] {
            assert_eq!(end(&[odd]), PageEnd::Sound, "{odd}");
            assert_eq!(end(&[event, odd, event]), PageEnd::Sound, "{odd}");
        }
        for broken in ["{]", "nul", "", r#"{"uuid":"a"}}"#, r#"{"uuid":"\q"}"#] {
            assert_eq!(end(&[broken, event]), PageEnd::Probable, "{broken}");
            let last = end(&[event, broken, event, broken]);
            assert_eq!(last, PageEnd::LastBroken, "{broken}");
        }
        // Events within an event that was cut off are not taken for proof of its end.
        let cut = r#"{"uuid":"u","published":"2026-05-04T12:00:00Z","within":[0"#;
        assert_eq!(end(&[event, cut, event]), PageEnd::Open);
        assert_eq!(end(&[]), PageEnd::Sound);
    }
}
