//! Environment variables, read through a function so that a test need not change those of the process.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;

use okta_coralogix_core::Result;
use okta_coralogix_core::internal::text::utf8;

use super::warnings::Warnings;

/// The environment variables of a program, and what looks odd in them.
pub struct Environment {
    lookup: Box<Lookup>,
    /// The names of those that are set.
    names: Vec<String>,
    /// The names of those whose values were asked for.
    asked: RefCell<HashSet<String>>,
    warnings: Warnings,
}

type Lookup = dyn Fn(&str) -> Option<OsString>;

impl Environment {
    /// Those of the process.
    #[must_use]
    pub fn of_the_process() -> Self {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Self {
            names: names.collect(),
            ..Self::new(|name| std::env::var_os(name))
        }
    }

    /// Those that `lookup` finds.
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self {
            lookup: Box::new(lookup),
            names: Vec::new(),
            asked: RefCell::default(),
            warnings: Warnings::default(),
        }
    }

    /// The names of all variables that are set, as far as they are known and are text.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// True if the value of the variable was asked for, set or not.
    #[must_use]
    pub fn was_asked_for(&self, name: &str) -> bool {
        self.asked.borrow().contains(name)
    }

    /// What looks odd in the settings.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// True if the variable is set, even to nothing.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        (self.lookup)(name).is_some()
    }

    /// The variable as the operating system stores it.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<OsString> {
        self.asked.borrow_mut().insert(name.to_owned());
        (self.lookup)(name)
    }

    /// The text of the variable.
    ///
    /// # Errors
    /// `Config` if it is set and is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<String>> {
        (self.lookup)(name)
            .map(|value| utf8(name, value))
            .transpose()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
