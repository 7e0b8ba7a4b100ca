//! Environment variables, read through a function so that a test need not change those of the process.

use std::ffi::OsString;
use std::fmt;

use okta_coralogix_core::Result;
use okta_coralogix_core::text::utf8;

/// The environment variables of a program.
pub struct Environment(Box<Lookup>);

type Lookup = dyn Fn(&str) -> Option<OsString>;

impl Environment {
    /// Those of the process.
    #[must_use]
    pub fn of_the_process() -> Self {
        Self(Box::new(|name| std::env::var_os(name)))
    }

    /// Those that `lookup` finds.
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self(Box::new(lookup))
    }

    /// True if the variable is set, even to nothing.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0(name).is_some()
    }

    /// The variable as the operating system stores it.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<OsString> {
        self.0(name)
    }

    /// The text of the variable.
    ///
    /// # Errors
    /// `Config` if it is set and is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<String>> {
        self.0(name).map(|value| utf8(name, value)).transpose()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
