//! Members of an object that are picked out by their keys.

use fearless_simd::Simd;

use super::block;
use crate::json::WHITE_SPACE;

/// Takes the value of the member whose key has its first letter at `at` as `field`, with its quotes, if the member begins with `name`:
/// the key, its quote, a colon, and the quote that begins a string. `None` if the value is no string, or has an escape in it.
#[inline(always)]
pub(crate) fn string_member<'a, S: Simd>(
    simd: S,
    text: &'a str,
    at: usize,
    name: &str,
    field: &mut Option<&'a str>,
) -> Option<()> {
    let start = match text.as_bytes()[at..].starts_with(name.as_bytes()) {
        true => at + name.len(),
        false => match value_at(text, at, &name[..name.len() - 2]) {
            None => return Some(()),
            Some(value) if text.as_bytes().get(value) == Some(&b'"') => value + 1,
            Some(_) => return None,
        },
    };
    let value = &text.as_bytes()[start..];
    let length = block::first(simd, value, b'"', b'\\')?;
    *field = Some(&text[start - 1..=start + length]);
    (value[length] == b'"').then_some(())
}

/// Where the value of the member begins whose key has its first letter at `at`, if that key, with the quote that ends it, is `key`.
#[inline(always)]
pub(crate) fn value_at(text: &str, at: usize, key: &str) -> Option<usize> {
    let member = &text.as_bytes()[at..];
    if !member.starts_with(key.as_bytes()) {
        return None;
    }
    let colon = at + key.len();
    if member.get(key.len()) == Some(&b':') && !matches!(member.get(key.len() + 1)?, 0..=b' ') {
        return Some(colon + 1);
    }
    Some(behind_spaced_colon(text, colon))
}

/// The position behind the colon, and the white space around it, from `at` on.
#[inline(never)]
fn behind_spaced_colon(text: &str, at: usize) -> usize {
    let rest = text[at..].trim_start_matches(WHITE_SPACE);
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    text.len() - rest.trim_start_matches(WHITE_SPACE).len()
}
