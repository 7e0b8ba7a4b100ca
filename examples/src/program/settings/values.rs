//! Where the value of a setting comes from.

use okta_coralogix_core::{Error, Result};

use super::{About, Given, KeyValues};
use crate::program::Environment;

/// The places where a setting may be written. The first that has it wins: tables of the file of `--config`, flags, variables.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    tables: Vec<&'a KeyValues>,
    given: Vec<&'a Given>,
    environment: &'a Environment,
    /// Neither flags nor variables count.
    only_tables: bool,
}

/// A value, and the name under which the user wrote it: a key, a flag or a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The name.
    pub setting: String,
    /// The value.
    pub value: String,
}

impl<'a> Values<'a> {
    /// Variables.
    #[must_use]
    pub fn of(environment: &'a Environment) -> Self {
        Self {
            tables: Vec::new(),
            given: Vec::new(),
            environment,
            only_tables: false,
        }
    }

    /// Flags too, before the variables.
    #[must_use]
    pub fn flags(mut self, given: &'a Given) -> Self {
        self.given.push(given);
        self
    }

    /// The keys of a table too, before the flags and behind the tables that were added before.
    #[must_use]
    pub fn table(mut self, keys: &'a KeyValues) -> Self {
        self.tables.push(keys);
        self
    }

    /// The tables alone: what each integration has by itself.
    #[must_use]
    pub fn only_tables(mut self) -> Self {
        self.only_tables = true;
        self
    }

    /// The flags, to be kept.
    #[must_use]
    pub fn given(&self) -> Vec<Given> {
        self.given.iter().copied().cloned().collect()
    }

    /// The variables.
    #[must_use]
    pub fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// The value of a setting, if it is written anywhere.
    ///
    /// # Errors
    /// `Config` for a variable that is not UTF-8, and a key with a value of a form that no setting has.
    pub fn find(&self, about: &About) -> Result<Option<Written>> {
        let keys = self.tables.iter().filter(|_| !about.key.is_empty());
        if let Some(value) = keys.filter_map(|keys| keys.get(about.key)).next() {
            let value = value.map_err(|form| {
                let detail = format!("is {form}; write one such as {:?}", about.example());
                Error::config(about.key, detail)
            })?;
            return Ok(Some(Written {
                setting: about.key.to_owned(),
                value,
            }));
        }
        if self.only_tables {
            return Ok(None);
        }
        if let Some(value) = self.given.iter().find_map(|given| given.get(about)) {
            return Ok(Some(Written {
                setting: about.flag.to_owned(),
                value: value.to_owned(),
            }));
        }
        let variable = about.variable();
        let value = self.environment.get(&variable)?;
        Ok(value.map(|value| Written {
            setting: variable,
            value,
        }))
    }
}
