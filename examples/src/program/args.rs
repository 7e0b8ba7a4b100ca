//! Flags and variables, read with errors that name them.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use okta_coralogix_core::{Error, Result};
use okta_source::Since;

use crate::program::Environment;

/// The range of the durations of flags.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// A variable that must be set, to `what`.
///
/// # Errors
/// `Config` if it is not.
pub fn required(environment: &Environment, name: &str, what: &str) -> Result<String> {
    let value = environment.get(name)?;
    value.ok_or_else(|| Error::config(name, format!("is not set; set it to {what}")))
}

/// A duration from one second to thirty days.
///
/// # Errors
/// `Config` if it is none.
pub fn duration_of(name: &str, value: &str, example: &str) -> Result<Duration> {
    match humantime::parse_duration(value.trim()) {
        Ok(time) if (SHORTEST..=LONGEST).contains(&time) => Ok(time),
        _ => Err(Error::config(
            name,
            format!("{value:?} is no duration from 1s to 30d; write one such as {example} or 90m"),
        )),
    }
}

/// A time, or how long ago.
///
/// # Errors
/// `Config` if it is neither.
pub fn since_of(name: &str, value: &str) -> Result<Since> {
    if let Ok(time) = value.trim().parse::<DateTime<Utc>>() {
        return Ok(Since::At(time));
    }
    humantime::parse_duration(value.trim()).map(Since::Ago).map_err(|_| {
        let what = "is neither a time nor a duration; write an RFC 3339 time such as 2026-11-22T10:00:00Z, or 90m, or 24h";
        Error::config(name, format!("{value:?} {what}"))
    })
}

/// Flags, with their twins in the environment where they are absent.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    /// Where the twins are.
    pub environment: &'a Environment,
}

impl Args<'_> {
    /// The value, and how the user wrote its name.
    ///
    /// # Errors
    /// `Config` if the twin is no text.
    pub fn value(
        &self,
        twin: &str,
        flag: &str,
        value: Option<String>,
    ) -> Result<Option<(String, String)>> {
        if let Some(value) = value {
            return Ok(Some((flag.to_owned(), value)));
        }
        let name = format!("OKTA_CORALOGIX_{twin}");
        Ok(self.environment.get(&name)?.map(|value| (name, value)))
    }

    /// A flag without a value.
    ///
    /// # Errors
    /// `Config` if the twin is neither true nor false.
    pub fn switch(&self, twin: &str, flag: bool) -> Result<bool> {
        match self.value(twin, "", None)? {
            _ if flag => Ok(true),
            None => Ok(false),
            Some((name, value)) => match value.as_str() {
                "1" | "true" => Ok(true),
                "0" | "false" | "" => Ok(false),
                _ => Err(Error::config(
                    &name,
                    format!("is {value:?}; write true or false"),
                )),
            },
        }
    }

    /// A duration from one second to thirty days.
    ///
    /// # Errors
    /// `Config` if it is none.
    pub fn duration(
        &self,
        twin: &str,
        flag: &str,
        value: Option<String>,
        default: &str,
    ) -> Result<Duration> {
        let (name, value) = self
            .value(twin, flag, value)?
            .unwrap_or_else(|| (flag.to_owned(), default.to_owned()));
        duration_of(&name, &value, default)
    }

    /// A file.
    ///
    /// # Errors
    /// `Config` if the name is empty.
    pub fn file(
        &self,
        twin: &str,
        flag: &str,
        value: Option<String>,
        default: &str,
    ) -> Result<PathBuf> {
        match self.value(twin, flag, value)? {
            None => Ok(default.into()),
            Some((name, path)) if path.is_empty() => Err(Error::config(
                &name,
                format!("is empty; write a file, such as {default}"),
            )),
            Some((_, path)) => Ok(path.into()),
        }
    }
}
