//! Members of an object that are picked out by their keys.

use fearless_simd::Simd;

use super::block;
use crate::event::head::Fields;

/// Takes the member whose key has its first letter at `at`, if it is one of an event's head. `None` if its value is no string, or has
/// an escape in it.
#[inline(always)]
pub(super) fn head_member<'a, S: Simd>(
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

/// Takes the member whose key has its first letter at `at` as `field`, if it begins with `name`: the rest of the key, a colon, and the
/// quote that begins a string. `None` if the value is no string, or has an escape in it.
#[inline(always)]
pub(super) fn string_member<'a, S: Simd>(
    simd: S,
    text: &'a str,
    at: usize,
    name: &str,
    field: &mut Option<&'a str>,
) -> Option<()> {
    let name = name.as_bytes();
    let member = &text.as_bytes()[at..];
    let Some(value) = member.strip_prefix(name) else {
        // Another key, or a value that is no string: `name` without the last quote.
        return (!member.starts_with(&name[..name.len() - 1])).then_some(());
    };
    let length = block::first(simd, value, b'"', b'\\')?;
    let start = at + name.len();
    *field = Some(&text[start - 1..=start + length]);
    (value[length] == b'"').then_some(())
}
