//! Reads events by the [scanner](crate::json::scanner); the callers leave the texts that it refuses to `serde_json`.

mod elements;
mod envelope;

use std::ops::Range;

use fearless_simd::Simd;

use self::elements::Elements;
pub(crate) use self::elements::SoundElements;
use self::envelope::{Envelope, EnvelopeVisitor};
use super::fields::Fields;
use crate::json::WHITE_SPACE;
use crate::json::scanner::{scan, string_member};

/// Reads a comma-separated list of JSON objects, the inside of an array, and calls `found` with the range and the head's
/// fields of each.
///
/// # Errors
/// If the text is not that, or is spelt in a way that the scanner leaves to others: elements that are no objects, a member of the head
/// that is no string or has an escape in it, a key with an escape in it, nesting deeper than 60 levels in an element. Or if `found`
/// returns `None`. The elements before that are read; `found` may have been called for more.
pub(crate) fn objects<'a>(
    list: &'a str,
    found: impl FnMut(Range<usize>, &Fields<'a>) -> Option<()>,
) -> Result<(), SoundElements> {
    let list = list.trim_end_matches(WHITE_SPACE);
    let mut sound = SoundElements::default();
    match scan(list, Elements::of(list, &mut sound, found)) {
        Some(_) => Ok(()),
        None => Err(sound),
    }
}

/// Reads an EventBridge envelope, an object with an event as its `detail`.
///
/// `None` if the text is not that, or is spelt in a way that [`objects`] leaves to others. The same holds for `source`.
pub(super) fn envelope(text: &str) -> Option<Envelope<'_>> {
    let text = text.trim_end_matches(WHITE_SPACE);
    scan(text, EnvelopeVisitor::of(text))?.found()
}

/// Reads one JSON object, with nothing around it.
pub(super) fn object(text: &str) -> Option<Fields<'_>> {
    let mut only = None;
    objects(text, |_, fields| {
        only.replace(*fields).is_none().then_some(())
    })
    .ok()?;
    only
}

/// Takes the member whose key has its first letter at `at`, if it is one of an event's head. `None` if its value is no string, or has
/// an escape in it.
#[inline(always)]
fn head_member<'a, S: Simd>(
    simd: S,
    text: &'a str,
    at: usize,
    fields: &mut Fields<'a>,
) -> Option<()> {
    let (name, field) = match text.as_bytes()[at..].first_chunk::<4>()? {
        b"publ" => ("published\":\"", &mut fields.published),
        b"uuid" => ("uuid\":\"", &mut fields.uuid),
        b"seve" => ("severity\":\"", &mut fields.severity),
        b"even" => ("eventType\":\"", &mut fields.event_type),
        _ => return Some(()),
    };
    string_member(simd, text, at, name, field)
}
