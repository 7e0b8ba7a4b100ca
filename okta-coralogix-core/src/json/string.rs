//! Text that is ready to stand between the quotes of a JSON string.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// The inside of a JSON string: already escaped, without the quotes, cheap to clone.
///
/// Names that are configured once are escaped once; values that come out of an event are slices of
/// it. Either way writing one into a request body is a plain copy.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct JsonString(Bytes);

impl JsonString {
    /// Escapes `plain`.
    #[must_use]
    pub fn escape(plain: &str) -> Self {
        let quoted = serde_json::to_string(plain).expect("a string always serialises");
        let inside = 1..quoted.len() - 1;
        Self(Bytes::from(quoted).slice(inside))
    }

    /// Takes bytes that stand between the quotes of a string in valid JSON.
    #[inline]
    pub(crate) fn from_valid(escaped: Bytes) -> Self {
        Self(escaped)
    }

    /// The escaped text, without quotes.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The plain text. Allocates only if there is an escape in it.
    ///
    /// JSON can spell half a surrogate pair, which is no text: then the escapes are returned as they stand.
    #[must_use]
    pub fn plain(&self) -> Cow<'_, str> {
        plain(&self.0)
    }

    /// True if there is nothing between the quotes.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The plain text of the inside of a JSON string; the escaped one where that is no text.
pub(crate) fn plain(escaped: &[u8]) -> Cow<'_, str> {
    unescaped(escaped).unwrap_or_else(|| String::from_utf8_lossy(escaped))
}

/// The plain text of the inside of a JSON string; `None` where it has half a surrogate pair.
pub(crate) fn unescaped(escaped: &[u8]) -> Option<Cow<'_, str>> {
    // Quicker than what looks for bytes that are not UTF-8.
    let text =
        str::from_utf8(escaped).map_or_else(|_| String::from_utf8_lossy(escaped), Cow::Borrowed);
    if !text.contains('\\') {
        return Some(text);
    }
    serde_json::from_str(&format!("\"{text}\""))
        .ok()
        .map(Cow::Owned)
}

impl From<&str> for JsonString {
    fn from(plain: &str) -> Self {
        Self::escape(plain)
    }
}

impl fmt::Debug for JsonString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_string_escape_round_trips() {
        for plain in ["", "okta", "a \"b\" \\ \n \u{1} ü 😀"] {
            assert_eq!(JsonString::escape(plain).plain(), plain);
        }
    }

    #[test]
    fn lone_surrogate_stays_as_it_is_written() {
        let half = JsonString::from_valid(Bytes::from_static(b"\\ud83d"));
        assert_eq!(half.plain(), "\\ud83d");
    }
}
