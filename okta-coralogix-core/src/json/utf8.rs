//! Text in place of bytes that are not all UTF-8.

use std::borrow::Cow;
use std::iter;

/// The byte order mark that some programs put in front of UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// `bytes` as text of the same length, in which each byte that is not UTF-8 reads as `?`.
///
/// A place in the text is the same place in the bytes, so that JSON can be split by the text into slices of the bytes. In a string, a
/// `?` is as good as any letter; anywhere else, it is no JSON, as the byte that it stands for. UTF-8 is borrowed, not copied.
#[must_use]
pub fn masked_utf8(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(iter::repeat_n('?', chunk.invalid().len()));
    }
    Cow::Owned(text)
}

/// `text` without the byte order mark that it may begin with.
#[must_use]
pub fn strip_byte_order_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// As [`strip_byte_order_mark`], of bytes.
#[cfg(feature = "fs")]
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes
        .strip_prefix(BYTE_ORDER_MARK.as_bytes())
        .unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf_8_are_masked_in_place() {
        for (bytes, text) in [
            (&b"caf\xE9\"}"[..], "caf?\"}"),
            (b"\xC0\xAF", "??"),
            (b"\xED\xA0\x80.", "???."),
            (b"\xF0\x9F\x98,", "???,"),
            (b"\xFF\xFE", "??"),
            ("ü😀".as_bytes(), "ü😀"),
            (b"\0", "\0"),
        ] {
            assert_eq!(masked_utf8(bytes), text, "{bytes:?}");
        }
    }
}
