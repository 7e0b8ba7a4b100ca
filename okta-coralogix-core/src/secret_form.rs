//! Texts that have the form of a secret, for messages that must not repeat one which stands where a name belongs.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::text::quote;

/// The longest name of a file without a folder and an extension that is repeated.
const MAX_BARE_NAME: usize = 16;

/// A run of letters and digits from this length on, with small and capital ones, is no word of a person.
const RANDOM_RUN: usize = 20;

/// The shortest private key, one for Ed25519, has 64.
const MIN_DER_BASE64: usize = 60;

/// The same, of hexadecimal digits in one case.
const HEX_RUN: usize = 32;

/// True for an API token of Okta as the Admin Console shows it: 42 characters that begin with `00`.
#[must_use]
pub fn is_okta_token(text: &str) -> bool {
    text.len() == 42 && text.starts_with("00") && text.bytes().all(is_of_word)
}

/// True for the forms that keys of Coralogix are known to have: `cxtp_…` and the like, or a UUID. There are others.
#[must_use]
pub fn is_coralogix_key(text: &str) -> bool {
    let prefixed = text.split_once('_').is_some_and(|(prefix, rest)| {
        let is_prefix = prefix.len() == 4 && prefix.starts_with("cx");
        is_prefix && rest.len() >= 16 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    prefixed || is_uuid(text)
}

/// True if a word has the form of a secret: of a key that Okta or Coralogix gives out, of a JWT, or of random letters and digits.
#[must_use]
pub fn is_secret_form(word: &str) -> bool {
    let is_jwt = word.len() > 30 && word.starts_with("eyJ");
    let mut runs = word.split(|char: char| !char.is_ascii_alphanumeric());
    is_okta_token(word) || is_coralogix_key(word) || is_jwt || runs.any(is_random)
}

/// True for Base64 that begins as a key or certificate in DER does: the lines of a PEM file between its marks, or the first of them.
#[must_use]
pub fn is_der_in_base64(text: &str) -> bool {
    let Some(Ok(der)) = text.get(..8).map(|begins| STANDARD.decode(begins)) else {
        return false;
    };
    // A sequence, its length, and in it an integer or a sequence.
    let content = match der[..] {
        [0x30, 0x82, _, _, content, ..] | [0x30, 0x81, _, content, ..] => content,
        [0x30, length, 0x02, 0x01, ..] if length < 0x80 => 0x02,
        _ => 0,
    };
    text.len() >= MIN_DER_BASE64 && [0x02, 0x30].contains(&content)
}

/// The name of a file or of a variable between quotes, unless it may be the secret itself that was written in its place.
///
/// ```
/// use okta_coralogix_core::internal::text::quote_name;
///
/// assert_eq!(quote_name("/run/secrets/okta-token"), r#""/run/secrets/okta-token""#);
/// assert!(!quote_name("cxtp_0123456789abcdefABCDEF").contains("cxtp"));
/// ```
#[must_use]
pub fn quote_name(name: &str) -> String {
    let is_bare = !name.contains(['/', '\\', '.']);
    let is_key = name.contains("-----") || name.trim_start().starts_with('{');
    if is_key || is_bare && name.len() > MAX_BARE_NAME || hide_secrets(name) != name {
        return "(its name is not repeated here, since it may be the secret itself)".to_owned();
    }
    quote(name)
}

/// `text` with `***` in place of each word that has the [form of a secret](is_secret_form).
#[must_use]
pub fn hide_secrets(text: &str) -> Cow<'_, str> {
    let is_word = |char: char| char.is_ascii() && is_of_word(char as u8);
    let mut words = text.split(|char| !is_word(char));
    if !words.any(is_secret_form) {
        return Cow::Borrowed(text);
    }
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (between, after) = rest.split_at(start);
        let end = after.find(|char| !is_word(char)).unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        hidden.push_str(between);
        hidden.push_str(if is_secret_form(word) { "***" } else { word });
        rest = after;
    }
    hidden.push_str(rest);
    Cow::Owned(hidden)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(is_hex)
}

/// True for a text with a digit, a small and a capital letter, as random ones have and few names do.
#[must_use]
pub fn is_mixed(text: &str) -> bool {
    has(text, u8::is_ascii_digit)
        && has(text, u8::is_ascii_lowercase)
        && has(text, u8::is_ascii_uppercase)
}

/// True for a run of letters and digits that nobody makes up.
fn is_random(run: &str) -> bool {
    let is_hex = run.bytes().all(|byte| byte.is_ascii_hexdigit())
        && has(run, u8::is_ascii_digit)
        && has(run, u8::is_ascii_alphabetic);
    run.len() >= RANDOM_RUN && is_mixed(run) || run.len() >= HEX_RUN && is_hex
}

fn has(text: &str, kind: fn(&u8) -> bool) -> bool {
    text.as_bytes().iter().any(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00Ab3_dEfGhIjKlMnOpQrStUvWxYz0123456789-AB";
    const KEY: &str = "cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123";
    const UUID: &str = "f1e2d3c4-0000-4000-8000-00000000abcd";

    #[test]
    fn secrets_are_told_from_names_by_their_form() {
        for (word, is_secret) in [
            (TOKEN, true),
            (KEY, true),
            ("cxup_AbCdEfGhIjKlMnOp", true),
            (UUID, true),
            ("eyJhbGciOiJSUzI1NiJ9abcdefghijkl", true),
            ("AbCdEfGhIjKlMnOpQ0123", true),
            ("0123456789abcdef0123456789abcdef", true),
            ("0123456789ABCDEF0123456789ABCDEF", true),
            ("OKTA_API_TOKEN", false),
            ("CORALOGIX_API_KEY_2_OF_THE_OTHER_TEAM_01", false),
            ("okta-coralogix", false),
            ("123456789012345678901234567890123456", false),
            ("00short", false),
            ("cx_short", false),
            ("cxtp_short", false),
            ("AbCdEfGhIjKlMnOpQrStUvWxYz", false),
            ("", false),
        ] {
            assert_eq!(is_secret_form(word), is_secret, "{word}");
        }
        assert!(is_okta_token(TOKEN) && !is_okta_token(&TOKEN[1..]) && !is_okta_token(KEY));
        assert!(is_coralogix_key(KEY) && is_coralogix_key(UUID) && !is_coralogix_key(TOKEN));
    }

    #[test]
    fn key_without_its_marks_is_told_by_its_beginning() {
        // Of RSA, for P-256 in PKCS #8 and SEC 1, for Ed25519, and of a certificate.
        for begins in [
            "MIIEvQIBADAN",
            "MIGHAgEAMBMG",
            "MHcCAQEEIAAB",
            "MC4CAQAwBQYD",
            "MIIDazCCAlOg",
        ] {
            let body = format!("{begins:A<64}");
            assert!(is_der_in_base64(&body), "{begins}");
            assert!(!is_der_in_base64(begins), "too short for a key");
        }
        for other in [
            "Monitoring-and-Security",
            "MIIAAAAAAAAA",
            "abcdefghijkl",
            "äöü",
        ] {
            assert!(!is_der_in_base64(&format!("{other:A<64}")), "{other}");
        }
    }

    #[test]
    fn message_repeats_names_and_hides_secrets() {
        for name in [
            "token",
            "/run/secrets/acme-okta-production-token",
            "okta-coralogix-token.txt",
            "C:\\secrets\\okta-production-token",
        ] {
            assert_eq!(quote_name(name), format!("{name:?}"));
        }
        for secret in [
            TOKEN,
            KEY,
            UUID,
            "a-long-pass-phrase",
            "-----BEGIN PRIVATE KEY-----",
            "{\"kty\":\"RSA\"}",
        ] {
            assert!(!quote_name(secret).contains(&secret[..6]), "{secret}");
            let folder = format!("/run/{secret}");
            assert_eq!(
                quote_name(&folder).contains(&secret[..6]),
                secret.starts_with("a-long"),
                "{secret}"
            );
        }
        assert_eq!(
            hide_secrets(&format!("`{TOKEN}` is no region, and é{KEY}/x: not {UUID}")),
            "`***` is no region, and é***/x: not ***"
        );
        assert!(matches!(
            hide_secrets("OKTA_API_TOKEN is not set"),
            Cow::Borrowed(_)
        ));
    }
}
