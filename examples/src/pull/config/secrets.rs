//! Secrets: the file names where they are, in the environment or in files of their own.

use std::fmt;
use std::path::{Path, PathBuf};

use okta_coralogix_core::internal::text::{MAX_SECRET_BYTES, quote_name, read_text_file};
use okta_coralogix_core::{Error, ErrorKind, Result, Secret};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::credentials::{API_TOKEN, CLIENT_SECRET};
use super::integration::API_KEY;
use crate::program::secrets::{NamedSecret, Naming, SecretJudge, SecretKind, show_variable};
use crate::program::{Environment, Warnings};

/// The key of a private key.
pub(super) const PRIVATE_KEY: &str = "private_key";

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
    /// The place of the secret, with `key` as the name of the setting. Reads a variable, which cannot change while the process runs.
    ///
    /// # Errors
    /// `Config` for a variable that is not set, or empty.
    pub(super) fn locate(
        &self,
        key: &'static str,
        folder: &Path,
        environment: &Environment,
    ) -> Result<SecretSource> {
        let place = match self {
            Self::Env(name) => {
                let text = environment.get(name)?;
                let text = text.ok_or_else(|| Error::config(key, Self::unset(name)))?;
                Place::Variable(trimmed(key, &text)?)
            }
            Self::File(name) => Place::File(folder.join(name), name.clone()),
        };
        Ok(SecretSource { key, place })
    }

    /// That the variable `name` is not set; without a name that may be the secret itself.
    pub(super) fn unset(name: &str) -> String {
        match show_variable(name) {
            Some(name) => format!("the variable {name} is not set"),
            None => format!(
                "the variable that it names is not set, and what is written there is no usual name, so that it is not repeated here; \
                 write {FORM}"
            ),
        }
    }
}

/// A secret that can be read anew each time its org is opened.
#[derive(Debug, Clone)]
pub(super) struct SecretSource {
    key: &'static str,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Variable(Secret),
    /// Its path, and the path as it was written.
    File(PathBuf, String),
}

impl SecretSource {
    /// The secret, without white space around it.
    ///
    /// # Errors
    /// `Config` if its file cannot be read, or is empty.
    pub(super) fn read(&self) -> Result<Secret> {
        match &self.place {
            Place::Variable(secret) => Ok(secret.clone()),
            Place::File(path, written) => {
                let text = read_text_file(path, MAX_SECRET_BYTES).map_err(|error| {
                    let key = self.key;
                    let written = quote_name(written);
                    let detail = format!("{key}: the file {written} cannot be read ({error})");
                    Error::new(ErrorKind::Config, detail)
                })?;
                trimmed(self.key, &text)
            }
        }
    }
}

impl SecretSource {
    /// True if both are in the same place, so that they change together.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Variable(one), Place::Variable(other)) => one.expose() == other.expose(),
            (Place::File(one, _), Place::File(other, _)) => one == other,
            _ => false,
        }
    }

    /// The same, or [`PLACEHOLDER`] for one that is in a file: nothing is read.
    pub(super) fn without_file(&self) -> Self {
        let value = match &self.place {
            Place::Variable(value) if !names_file(self.key, value) => value.clone(),
            _ => PLACEHOLDER.into(),
        };
        Self {
            key: self.key,
            place: Place::Variable(value),
        }
    }
}

/// What the secret of a key is for.
pub(super) fn kind_of(key: &str) -> Option<SecretKind> {
    Some(match key {
        API_TOKEN => SecretKind::OktaToken,
        CLIENT_SECRET => SecretKind::OktaClientSecret,
        PRIVATE_KEY => SecretKind::OktaPrivateKey,
        API_KEY => SecretKind::CoralogixKey,
        _ => return None,
    })
}

fn trimmed(key: &str, text: &str) -> Result<Secret> {
    match text.trim() {
        "" => Err(Error::config(key, "is empty")),
        text => Ok(text.into()),
    }
}

/// The secrets of an org: where they are.
#[derive(Debug, Clone, Default)]
pub(super) struct OrgSecrets(Vec<SecretSource>);

/// The secrets of an org as they were read, by the keys of their settings.
#[derive(Debug, Clone, Default)]
pub struct SecretValues {
    values: Vec<(&'static str, Secret)>,
    /// The content of files that the values name.
    named: Vec<Secret>,
}

impl OrgSecrets {
    pub(super) fn add(&mut self, secret: SecretSource) {
        self.0.push(secret);
    }

    /// A secret in a file, whose setting is `key`.
    pub(super) fn add_file(&mut self, key: &'static str, path: PathBuf) {
        let written = path.display().to_string();
        let place = Place::File(path, written);
        self.add(SecretSource { key, place });
    }

    /// The files that secrets are in, by the keys of their settings.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.0.iter().filter_map(|secret| match &secret.place {
            Place::File(path, _) => Some((secret.key, &**path)),
            Place::Variable(_) => None,
        })
    }

    /// Judges these secrets, each as it is read, for the integration `name`.
    pub(super) fn judge(&self, name: &str, warnings: Warnings) -> SecretJudge {
        let secrets = self.clone();
        let at = format!("integration {name:?}: ");
        // One that cannot be read is said where it is used.
        let named = |secret: &SecretSource| {
            Some(NamedSecret {
                setting: secret.key.to_owned(),
                kind: kind_of(secret.key)?,
                value: secret.read().ok()?,
            })
        };
        SecretJudge::new(Naming::Keys, &at, warnings, move || {
            secrets.0.iter().filter_map(named).collect()
        })
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// `Config` for the first that cannot be read.
    pub(super) fn read(&self) -> Result<SecretValues> {
        let values = self.0.iter().map(|secret| Ok((secret.key, secret.read()?)));
        let values: Vec<_> = values.collect::<Result<_>>()?;
        let paths = values.iter().filter(|(key, value)| names_file(key, value));
        let contents = paths.filter_map(|(_, path)| {
            let content = read_text_file(path.expose(), MAX_SECRET_BYTES).ok()?;
            Some(content.into())
        });
        let named = contents.collect();
        Ok(SecretValues { values, named })
    }

    /// The secret `key` as far as it is known without reading a file: [`PLACEHOLDER`] for one that is in a file.
    pub(super) fn without_files(&self, key: &str) -> Option<Secret> {
        let secret = self.0.iter().find(|secret| secret.key == key)?;
        secret.without_file().read().ok()
    }

    /// The secrets in `self` but that of `key`, and that one.
    pub(super) fn split(self, key: &str) -> (Self, Option<SecretSource>) {
        let (mut one, others): (Vec<_>, Vec<_>) =
            self.0.into_iter().partition(|secret| secret.key == key);
        (Self(others), one.pop())
    }
}

/// Stands for a secret in a file, whatever the secret.
pub(super) const PLACEHOLDER: &str = "00-in-a-file";

/// True if the secret is the path of its file, which private keys may be.
fn names_file(key: &str, value: &Secret) -> bool {
    let value = value.expose();
    key == PRIVATE_KEY && !value.starts_with('{') && !value.contains("-----BEGIN ")
}

impl SecretValues {
    /// The secret of a setting.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Secret> {
        let found = self.values.iter().find(|(known, _)| *known == key)?;
        Some(&found.1)
    }

    /// True if every secret has the same bytes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let bytes = |values: &Self| -> Vec<Secret> {
            let secrets = values.values.iter().map(|(_, secret)| secret);
            secrets.chain(&values.named).cloned().collect()
        };
        let (one, other) = (bytes(self), bytes(other));
        let mut pairs = one.iter().zip(&other);
        one.len() == other.len() && pairs.all(|(one, other)| one.expose() == other.expose())
    }
}
