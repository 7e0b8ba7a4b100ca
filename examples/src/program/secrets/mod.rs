//! Secrets: where they are, and what is judged before they are sent.

mod judge;
mod misplaced;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::{fmt, io};

use okta_coralogix_core::internal::text::{
    MAX_SECRET_BYTES, quote_name, read_text_file, read_text_file_but_no_pipe,
};
use okta_coralogix_core::{Error, Result, Secret};

pub use self::judge::{Naming, SecretKind, judge, judge_pair, show_variable};
pub use self::misplaced::{SetSecret, check as check_settings, misplaced};
use super::Environment;
use super::warnings::Warnings;

/// A secret, and the setting that it comes from.
#[derive(Debug, Clone)]
pub struct NamedSecret {
    /// As the user knows it.
    pub setting: String,
    /// What it is for.
    pub kind: SecretKind,
    /// Its text.
    pub value: Secret,
}

/// Judges the secrets of one org and of its Coralogix team, each time that one is read. Clones are the same.
#[derive(Clone)]
pub struct SecretJudge {
    naming: Naming,
    /// What a warning begins with: the integration.
    at: String,
    others: Arc<Others>,
    warnings: Warnings,
}

/// The secrets of both services as they are now.
type Others = dyn Fn() -> Vec<NamedSecret> + Send + Sync;

impl SecretJudge {
    /// One for the secrets that `others` gives. Warnings begin with `at`.
    pub fn new(
        naming: Naming,
        at: &str,
        warnings: Warnings,
        others: impl Fn() -> Vec<NamedSecret> + Send + Sync + 'static,
    ) -> Self {
        Self {
            naming,
            at: at.to_owned(),
            others: Arc::new(others),
            warnings,
        }
    }

    /// One for the secrets in the variables of a program, and in the files that they name.
    #[must_use]
    pub fn of_variables(environment: &Environment) -> Self {
        let names =
            SecretKind::variables().flat_map(|name| [name.to_owned(), format!("{name}_FILE")]);
        let raw = |name: String| environment.raw(&name).map(|value| (name, value));
        let set: HashMap<_, _> = names.filter_map(raw).collect();
        let warnings = environment.warnings().clone();
        Self::new(Naming::Variables, "", warnings, move || {
            set.iter()
                .filter_map(|(name, value)| named(name, value))
                .collect()
        })
    }

    /// Judges a secret of the setting `setting`.
    ///
    /// # Errors
    /// `Config`, which names the setting and says what to write, if it cannot be one of this kind or is that of the other service too.
    pub fn check(&self, setting: &str, kind: SecretKind, secret: &Secret) -> Result<()> {
        let text = secret.expose();
        let wrong = |fault| Error::config(setting, fault);
        let odd = judge(kind, self.naming, text).map_err(wrong)?;
        for other in (self.others)() {
            let other = (other.kind, other.value.expose(), &*other.setting);
            if let Some(fault) = judge_pair((kind, text), other) {
                return Err(wrong(fault));
            }
        }
        if let Some(odd) = odd {
            self.warnings.add(format!("{}{setting}: {odd}", self.at));
        }
        Ok(())
    }

    /// Judges the secret of a variable, or of the file that a variable names.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_variable(&self, name: &str, secret: &Secret) -> Result<()> {
        match SecretKind::of_variable(name) {
            Some(kind) => self.check(name, kind, secret),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for SecretJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretJudge")
    }
}

/// The secret of a variable as far as it can be read: what cannot is said where it is used. A pipe is read there too.
fn named(variable: &str, value: &OsString) -> Option<NamedSecret> {
    Some(NamedSecret {
        setting: variable.to_owned(),
        kind: SecretKind::of_variable(variable)?,
        value: text_of(variable, value).ok()?,
    })
}

/// The value of a variable, or the content of the file that it names; of a pipe only what was read before.
fn text_of(variable: &str, value: &OsString) -> io::Result<Secret> {
    let text = match variable.ends_with("_FILE") {
        true => read_text_file_but_no_pipe(value, MAX_SECRET_BYTES)?,
        false => {
            let text = value.clone().into_string();
            text.map_err(|_| io::ErrorKind::InvalidData)?
        }
    };
    Ok(text.into())
}

/// That the file cannot be read that `variable` names, of a secret that `name` may have too.
fn unreadable(variable: &str, path: &str, name: &str, error: &io::Error) -> Error {
    let path = quote_name(path);
    let detail = format!(
        "names the file {path}, which cannot be read ({error}); write the path of a file with the value of {name}"
    );
    Error::config(variable, detail)
}

/// A secret that a person chooses, in a variable or in the file that the variable `<name>_FILE` names, without white space around it; and
/// the variable that it comes from. It is not judged.
///
/// # Errors
/// `Config` if both are set, or if it is empty or cannot be read.
pub fn read(environment: &Environment, name: &str) -> Result<Option<(String, Secret)>> {
    let file = format!("{name}_FILE");
    let (setting, text) = match (environment.get(name)?, environment.raw(&file)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let detail = format!("is set beside {file}; set one of them");
            return Err(Error::config(name, detail));
        }
        (Some(text), None) => (name.to_owned(), text),
        (None, Some(path)) => {
            let text = read_text_file(&path, MAX_SECRET_BYTES);
            let text =
                text.map_err(|error| unreadable(&file, &path.to_string_lossy(), name, &error))?;
            (file, text)
        }
    };
    let value = Secret::from(text.trim());
    if value.expose().starts_with('\u{feff}') {
        let what = match setting == name {
            true => "begins with a byte order mark, which is no part of it; write it without",
            false => "names a file that begins with a byte order mark; save it as UTF-8 without it",
        };
        return Err(Error::config(&setting, what));
    }
    match value.expose() {
        "" => Err(Error::config(&setting, "is empty; set it, or unset it")),
        _ => Ok(Some((setting, value))),
    }
}
