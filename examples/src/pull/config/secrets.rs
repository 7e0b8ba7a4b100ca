//! Secrets: named in the file, and read from elsewhere.

use std::fmt;
use std::path::Path;

use okta_coralogix_core::{Error, ErrorKind, Result, Secret};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::text_file;
use crate::program::Environment;

/// Bytes that a secret may have.
const MOST_BYTES: u64 = 64 << 10;

/// Where a secret is: `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretFrom {
    Env(String),
    File(String),
}

const FORM: &str =
    "`{ env = \"NAME\" }` or `{ file = \"PATH\" }`, since secrets do not stand in this file";

impl<'de> Deserialize<'de> for SecretFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct From;

        impl<'de> Visitor<'de> for From {
            type Value = SecretFrom;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(FORM)
            }

            /// The string may be the secret itself: it is not repeated.
            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretFrom, E> {
                Err(E::custom(format!("write {FORM}")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretFrom, A::Error> {
                let wrong = || A::Error::custom(format!("write {FORM}"));
                let (key, value) = map.next_entry::<String, String>()?.ok_or_else(wrong)?;
                let from = match key.as_str() {
                    "env" => SecretFrom::Env(value),
                    "file" => SecretFrom::File(value),
                    _ => return Err(wrong()),
                };
                match map.next_key::<String>()? {
                    Some(_) => Err(wrong()),
                    None => Ok(from),
                }
            }
        }

        deserializer.deserialize_any(From)
    }
}

impl SecretFrom {
    /// The secret, without white space around it.
    ///
    /// # Errors
    /// `Config` if it is not there, with `key` as the name of the setting.
    pub(super) fn read(
        &self,
        key: &str,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Secret> {
        let text = match self {
            Self::Env(name) => environment
                .get(name)?
                .ok_or_else(|| Error::config(key, format!("the variable {name} is not set")))?,
            Self::File(path) => {
                text_file::read(&folder.join(path), MOST_BYTES).map_err(|error| {
                    let detail = format!("{key}: the file {path:?} cannot be read ({error})");
                    Error::new(ErrorKind::Config, detail)
                })?
            }
        };
        match text.trim() {
            "" => Err(Error::config(key, "is empty")),
            text => Ok(text.to_owned().into()),
        }
    }
}
