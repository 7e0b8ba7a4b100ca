//! Credentials that cannot be printed by accident.

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
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The one way out: the plain text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
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
