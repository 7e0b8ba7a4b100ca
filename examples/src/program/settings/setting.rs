//! A setting with the type of its values.

use okta_coralogix_core::{Error, Result};

use super::{About, Values};

/// A setting, declared once.
#[derive(Debug)]
pub struct Setting<T: 'static> {
    /// Its names, its default and its meaning.
    pub about: About,
    /// Reads a value. The error says what is wrong with it, and what to write instead.
    pub parse: fn(&About, &str) -> Result<T, String>,
}

impl<T> Setting<T> {
    /// The value, if it is written anywhere.
    ///
    /// # Errors
    /// `Config` for a wrong value, which names the setting as the user wrote it.
    pub fn given(&self, values: &Values<'_>) -> Result<Option<T>> {
        let Some(written) = values.find(&self.about)? else {
            return Ok(None);
        };
        let parsed = (self.parse)(&self.about, &written.value);
        let parsed = parsed.map_err(|detail| Error::config(&written.setting, detail))?;
        Ok(Some(parsed))
    }

    /// The value, else the default.
    ///
    /// # Errors
    /// As [`given`](Self::given).
    ///
    /// # Panics
    /// If the default of the declaration is no value.
    pub fn get(&self, values: &Values<'_>) -> Result<T> {
        Ok(match self.given(values)? {
            Some(value) => value,
            None => self.default(),
        })
    }

    /// The default.
    ///
    /// # Panics
    /// If the default of the declaration is no value.
    #[must_use]
    pub fn default(&self) -> T {
        self.parsed(self.about.default)
    }

    /// The default in a program that may have its own.
    ///
    /// # Panics
    /// If the default of the declaration is no value.
    #[must_use]
    pub fn default_in(&self, program: &str) -> T {
        self.parsed(self.about.default_in(program))
    }

    fn parsed(&self, value: &str) -> T {
        (self.parse)(&self.about, value).expect("the default in the declaration is a right value")
    }
}
