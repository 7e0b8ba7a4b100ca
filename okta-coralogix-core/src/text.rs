//! Foreign text, sanitized for messages and logs.

use std::error::Error as StdError;
use std::ffi::OsString;
use std::iter::successors;
use std::time::Duration;

use crate::{Error, Result};

/// Characters of foreign text that a message repeats.
const MAX_FOREIGN_CHARS: usize = 300;

/// The first 300 characters of `text`, with `…` where there are more, and each character escaped that could fake a line of a log,
/// turn the direction of writing, or drive a terminal. Quotes stay as they are.
///
/// A secret that the text may repeat is [redacted](crate::Secret::redact) before, since a cut one would not be found.
///
/// ```
/// use okta_coralogix_core::text::sanitize;
///
/// assert_eq!(sanitize("no\r\n\u{1b}[1m \"key\""), r#"no\r\n\u{1b}[1m "key""#);
/// ```
#[must_use]
pub fn sanitize(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_FOREIGN_CHARS));
    let mut chars = text.chars();
    for char in chars.by_ref().take(MAX_FOREIGN_CHARS) {
        match char {
            '"' | '\'' | '\\' => out.push(char),
            _ => out.extend(char.escape_debug()),
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// The first 300 characters of `text` between quotes, with `…` where there are more, and its quotes escaped too.
#[must_use]
pub fn quote(text: &str) -> String {
    match text.char_indices().nth(MAX_FOREIGN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// The text of `error` and of its causes, on one line. A cause that the text before it repeats already is left out, and so is what
/// stands behind an error because of a `TransportError`: its sentence says that already, in words for an operator.
#[must_use]
pub fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let cause = sanitize(&cause.to_string());
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let behind = |error: &'a (dyn StdError + 'static)| {
        error.source().filter(|cause| !is_of_a_transport(*cause))
    };
    successors(behind(error), move |cause| behind(*cause))
}

#[cfg(feature = "pipeline")]
fn is_of_a_transport(error: &(dyn StdError + 'static)) -> bool {
    error.is::<crate::transport::TransportError>()
}

#[cfg(not(feature = "pipeline"))]
fn is_of_a_transport(_: &(dyn StdError + 'static)) -> bool {
    false
}

/// A time as a message gives it, to the millisecond: `15 s`, `0.25 s`.
#[doc(hidden)]
#[must_use]
pub fn seconds(time: Duration) -> String {
    // Rounded up, so that a time is never said to be none.
    let milliseconds = time.as_micros().div_ceil(1000);
    format!("{} s", milliseconds as f64 / 1000.0)
}

/// The text of a setting, such as an environment variable, which need not be UTF-8.
///
/// # Errors
/// `Config`, which names the setting and does not repeat the value.
#[doc(hidden)]
pub fn utf8(setting: &str, value: OsString) -> Result<String> {
    value
        .into_string()
        .map_err(|_| Error::config(setting, "is not valid UTF-8; set it again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    #[cfg(feature = "pipeline")]
    use crate::transport::{TransportCause, TransportError};

    #[test]
    fn foreign_text_is_bounded_and_escaped() {
        let text = format!("\u{1b}[31m\n\u{202e}{}", "x".repeat(1000));
        let clean = sanitize(&text);
        assert!(clean.starts_with("\\u{1b}[31m\\n\\u{202e}xxx"), "{clean}");
        assert!(clean.chars().count() < MAX_FOREIGN_CHARS + 30);
        assert_eq!(sanitize(&"ü".repeat(301)), format!("{}…", "ü".repeat(300)));
        assert_eq!(sanitize(&"ü".repeat(300)), "ü".repeat(300));
    }

    #[test]
    fn quote_is_bounded_and_escapes_quotes() {
        assert_eq!(quote("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(quote(&"ü".repeat(301)), format!("\"{}\"…", "ü".repeat(300)));
    }

    #[test]
    fn causes_of_an_error_are_on_one_line_and_told_once() {
        let inner = Error::new(ErrorKind::Storage, "line\nbreak");
        let middle = Error::new(ErrorKind::Storage, "the disk is full").with_source(inner);
        let outer = Error::new(ErrorKind::Storage, "not saved: the disk is full");
        let text = with_causes(&outer.with_source(middle));
        assert_eq!(text, "not saved: the disk is full: line\\nbreak");
    }

    #[cfg(feature = "pipeline")]
    #[test]
    fn cause_of_a_lost_connection_is_told_by_its_sentence_alone() {
        let client = std::io::Error::other("os error 111");
        let cause = TransportCause::from("it refuses connections").with_source(client);
        let detail = format!("no connection to Coralogix: {cause}");
        let error = Error::temporary(ErrorKind::Network, detail);
        let error = error.with_source(TransportError::Connect(cause));
        assert_eq!(with_causes(&error), error.detail());
    }

    #[test]
    fn seconds_of_a_duration_are_written_as_a_number() {
        assert_eq!(seconds(Duration::from_secs(15)), "15 s");
        assert_eq!(seconds(Duration::from_millis(250)), "0.25 s");
        assert_eq!(seconds(Duration::from_nanos(6_123_456_789)), "6.124 s");
    }

    #[test]
    fn sanitize_escapes_invisible_characters() {
        let invisible = "\u{0}\u{7}\u{8}\r\n\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\
             \u{202a}\u{202b}\u{202c}\u{202d}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{e0001}\u{fff9}";
        for c in invisible.chars() {
            let clean = sanitize(&format!("a{c}b"));
            assert!(clean.contains('\\') && !clean.contains(c), "{clean:?}");
        }
    }
}
