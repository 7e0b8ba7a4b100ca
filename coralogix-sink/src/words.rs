//! The far side's own words, fit for a message.

use okta_coralogix_core::Secret;

/// Characters that are repeated at most.
const LONGEST: usize = 300;

/// `: "…"` with what the body says; nothing for an empty one. The key is redacted out, should the far side echo it.
pub(crate) fn of(body: &[u8], key: &Secret) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    format!(": \"{}\"", bounded(&key.redact(text)))
}

/// The first characters, control characters escaped so that they cannot fake a line of a log.
pub(crate) fn bounded(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (n, char) in text.chars().enumerate() {
        if n == LONGEST {
            out.push('…');
            break;
        }
        if char.is_control() || is_invisible(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Line separators and marks that turn the direction of text.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bounded_and_harmless() {
        let key = Secret::from("hunter2");
        assert_eq!(of(b" \n", &key), "");
        assert_eq!(of(b"no\r\n\x1b[1m", &key), r#": "no\r\n\u{1b}[1m""#);
        assert_eq!(of("a\u{202e}b".as_bytes(), &key), r#": "a\u{202e}b""#);
        assert_eq!(
            of("ü".repeat(301).as_bytes(), &key),
            format!(": \"{}…\"", "ü".repeat(300))
        );
    }

    #[test]
    fn an_echoed_key_is_blotted_out_even_at_the_bound() {
        let body = format!("{}hunter2", "x".repeat(296));
        let said = of(body.as_bytes(), &Secret::from("hunter2"));
        assert!(!said.contains("hunt"), "{said}");
    }
}
