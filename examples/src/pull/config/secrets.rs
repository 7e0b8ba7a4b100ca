//! Secrets: the file names where they are, in the environment or in files of their own.

use std::fmt;
use std::path::Path;

use okta_coralogix_core::{Error, ErrorKind, Result, Secret};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::text_file;
use crate::program::Environment;

/// The size limit of a secret.
const MAX_BYTES: u64 = 64 << 10;

/// Where a secret is: `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretRef {
    Env(String),
    File(String),
}

const FORM: &str =
    "`{ env = \"NAME\" }` or `{ file = \"PATH\" }`, since secrets do not belong into this file";

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;

        impl<'de> Visitor<'de> for SecretVisitor {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(FORM)
            }

            /// The string may be the secret itself: the error does not repeat it.
            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretRef, E> {
                Err(E::custom(format!("write {FORM}")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let wrong = || A::Error::custom(format!("write {FORM}"));
                let (key, value) = map.next_entry::<String, String>()?.ok_or_else(wrong)?;
                let from = match key.as_str() {
                    "env" => SecretRef::Env(value),
                    "file" => SecretRef::File(value),
                    _ => return Err(wrong()),
                };
                match map.next_key::<String>()? {
                    Some(_) => Err(wrong()),
                    None => Ok(from),
                }
            }
        }

        deserializer.deserialize_any(SecretVisitor)
    }
}

impl SecretRef {
    /// The secret, without white space around it.
    ///
    /// # Errors
    /// `Config` if it does not exist, with `key` as the name of the setting.
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
                text_file::read(&folder.join(path), MAX_BYTES).map_err(|error| {
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
