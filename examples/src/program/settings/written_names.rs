//! The names under which the user wrote settings that only a library can judge.

use okta_coralogix_core::{Error, ErrorKind, Result};

use super::{About, Values};

/// Setters of a builder, with the settings that they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenNames(Vec<(&'static str, String)>);

impl WrittenNames {
    /// Those of `settings` that are set. Each names its setter.
    ///
    /// # Errors
    /// As [`Values::find`].
    pub fn of(values: &Values<'_>, settings: &[&About]) -> Result<Self> {
        let mut names = Vec::new();
        for about in settings {
            let setter = about.builder.rsplit("::").next().unwrap_or(about.builder);
            let written = values.find(about)?;
            names.extend(written.map(|written| (setter, written.setting)));
        }
        Ok(Self(names))
    }

    /// An error of the library, with the name that the user wrote in place of the setter's.
    #[must_use]
    pub fn named(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Config {
            return error;
        }
        let detail = error.detail();
        let mut names = self.0.iter();
        let named = names.find_map(|(setter, written)| {
            let rest = detail.strip_prefix(setter)?.strip_prefix(": ")?;
            Some(Error::config(written, rest))
        });
        named.unwrap_or(error)
    }
}
