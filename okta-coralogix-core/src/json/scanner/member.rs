//! Members of an object that are picked out by their keys.

use fearless_simd::Simd;

use super::block;

/// Takes the value of the member whose key has its first letter at `at` as `field`, with its quotes, if the member begins with `name`:
/// the rest of the key, a colon, and the quote that begins a string. `None` if the value is no string, or has an escape in it.
#[inline(always)]
pub(crate) fn string_member<'a, S: Simd>(
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
