//! Flags whose values may also be in the environment, read with errors that name the one that was used.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::{Error, Result};
use okta_source::Since;

use super::environment::Environment;

/// The range of durations.
const MIN_DURATION: Duration = Duration::from_secs(1);
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 3600);

/// The environment variable of a flag.
#[must_use]
pub fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("OKTA_CORALOGIX_{}", name.to_uppercase())
}

/// A duration from one second to thirty days.
///
/// # Errors
/// `Config` if it is none.
pub fn duration_of(name: &str, value: &str, example: &str) -> Result<Duration> {
    match humantime::parse_duration(value.trim()) {
        Ok(time) if (MIN_DURATION..=MAX_DURATION).contains(&time) => Ok(time),
        _ => Err(Error::config(
            name,
            format!("{value:?} is no duration from 1s to 30d; write one such as {example} or 90m"),
        )),
    }
}

/// A duration as in [`duration_of`], or `off`.
///
/// # Errors
/// `Config` if it is neither.
pub fn duration_or_off(name: &str, value: &str, example: &str) -> Result<Option<Duration>> {
    match value.trim() {
        "off" => Ok(None),
        value => duration_of(name, value, &format!("{example}, off,")).map(Some),
    }
}

/// A time that has passed, or how long ago.
///
/// # Errors
/// `Config` if it is neither, or after `now`.
pub fn since_of(name: &str, value: &str, now: DateTime<Utc>) -> Result<Since> {
    if let Ok(time) = value.trim().parse::<DateTime<Utc>>() {
        if time > now {
            let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
            let detail = format!(
                "{value:?} is in the future by the clock of this host, which says {now}: no event before it would ever be read; write a \
                 time that has passed, or 24h, or set the clock"
            );
            return Err(Error::config(name, detail));
        }
        return Ok(Since::At(time));
    }
    humantime::parse_duration(value.trim()).map(Since::Ago).map_err(|_| {
        let advice = "is neither a time nor a duration; write an RFC 3339 time such as 2026-11-22T10:00:00Z, or 90m, or 24h";
        Error::config(name, format!("{value:?} {advice}"))
    })
}

/// The 24-hour rule with this policy.
#[must_use]
pub fn age_filter(too_old: AgePolicy) -> AgeFilter {
    AgeFilter::new(AgeFilter::DEFAULT_LIMIT, too_old)
}

/// What to do with events that are too old.
///
/// # Errors
/// `Config` if it is none of the three.
pub fn too_old_of(name: &str, value: &str) -> Result<AgePolicy> {
    match value {
        "drop" => Ok(AgePolicy::Drop),
        // `keep` is the older name, of `replay`.
        "dead-letter" | "keep" => Ok(AgePolicy::DeadLetter),
        "restamp" => Ok(AgePolicy::Restamp),
        _ => {
            let detail = format!("is {value:?}; write drop, dead-letter or restamp");
            Err(Error::config(name, detail))
        }
    }
}

/// Puts the name of a setting in front of an error.
pub fn in_setting(setting: impl Display) -> impl Fn(Error) -> Error {
    move |error| Error::new(error.kind(), format!("{setting}: {error}"))
}

impl Environment {
    /// The value of a flag, else that of its variable, with the name of the one that was used.
    ///
    /// # Errors
    /// `Config` if the variable is not UTF-8.
    pub fn flag(&self, flag: &str, value: Option<String>) -> Result<Option<(String, String)>> {
        if let Some(value) = value {
            return Ok(Some((flag.to_owned(), value)));
        }
        let name = variable(flag);
        Ok(self.get(&name)?.map(|value| (name, value)))
    }

    /// A flag without a value.
    ///
    /// # Errors
    /// `Config` if the variable is neither true nor false.
    pub fn switch(&self, flag: &str, is_given: bool) -> Result<bool> {
        match self.flag(flag, None)? {
            _ if is_given => Ok(true),
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
    pub fn duration(&self, flag: &str, value: Option<String>, default: &str) -> Result<Duration> {
        match self.flag(flag, value)? {
            Some((name, value)) => duration_of(&name, &value, default),
            None => duration_of(flag, default, default),
        }
    }

    /// A file.
    ///
    /// # Errors
    /// `Config` if the name is empty.
    pub fn file(&self, flag: &str, value: Option<String>, default: &str) -> Result<PathBuf> {
        match self.flag(flag, value)? {
            None => Ok(default.into()),
            Some((name, path)) if path.is_empty() => Err(Error::config(
                &name,
                format!("is empty; write a file, such as {default}"),
            )),
            Some((_, path)) => Ok(path.into()),
        }
    }
}
