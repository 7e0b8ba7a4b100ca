//! Credentials that cannot be printed by accident.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// A credential: no `Display`, no `Serialize`, a redacted `Debug`, zeroed when dropped.
///
/// ```
/// use okta_coralogix_core::Secret;
///
/// let key = Secret::from("cxtp_4711");
/// assert_eq!(format!("{key:?}"), "Secret(***)");
/// assert_eq!(key.expose(), "cxtp_4711");
/// ```
/// Two are equal if their texts are; the comparison takes the time it takes, so compare nothing with it that a caller gave.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The plain text: the only way to read it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with every copy of the secret replaced by `***`, whatever its case: for texts of a remote that may echo it.
    ///
    /// ```
    /// use okta_coralogix_core::Secret;
    ///
    /// let key = Secret::from("cxtp_4711");
    /// assert_eq!(key.redact("invalid key CXTP_4711!"), "invalid key ***!");
    /// ```
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secret = Zeroizing::new(self.0.to_ascii_lowercase());
        // Lower case in ASCII keeps every byte in its place.
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        if secret.is_empty() || !lower.contains(&*secret) {
            return Cow::Borrowed(text);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut rest = 0;
        for (at, _) in lower.match_indices(&*secret) {
            redacted.push_str(&text[rest..at]);
            redacted.push_str("***");
            rest = at + secret.len();
        }
        redacted.push_str(&text[rest..]);
        Cow::Owned(redacted)
    }
}

impl From<String> for Secret {
    fn from(plain: String) -> Self {
        Self(Zeroizing::new(plain))
    }
}

impl From<&str> for Secret {
    fn from(plain: &str) -> Self {
        Self(Zeroizing::new(plain.into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
