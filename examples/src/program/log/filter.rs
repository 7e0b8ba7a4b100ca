//! `RUST_LOG`, which sets what is logged.

use okta_coralogix_core::{Error, Result};
use tracing_subscriber::EnvFilter;

use crate::program::Environment;

const VARIABLE: &str = "RUST_LOG";
const DEFAULT: &str = "info";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The directives of the variable, which can be parsed.
///
/// # Errors
/// `Config` if they cannot, or if one is a single word that is no level: it would silence the log.
pub(super) fn directives(environment: &Environment) -> Result<String> {
    let advice = "write a level (error, warn, info, debug or trace), or levels of parts, such as info,okta_source=debug";
    let Some(value) = environment.get(VARIABLE)? else {
        return Ok(DEFAULT.into());
    };
    let directives = value.trim();
    if directives.is_empty() {
        return Ok(DEFAULT.into());
    }
    if let Some(word) = directives.split(',').find(|word| is_misspelt(word.trim())) {
        let detail = format!("holds {word:?}, which is no level; {advice}");
        return Err(Error::config(VARIABLE, detail));
    }
    match EnvFilter::builder().parse(directives) {
        Ok(_) => Ok(directives.into()),
        Err(_) => {
            let detail = format!("is {directives:?}, which cannot be read; {advice}");
            Err(Error::config(VARIABLE, detail))
        }
    }
}

/// A level that is none, such as `warning` or `verbose`. The targets of this program and of its parts have an underscore or colons.
fn is_misspelt(word: &str) -> bool {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    is_plain && !word.is_empty() && !is_level
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &'static str) -> Result<String> {
        directives(&Environment::new(move |_| Some(value.into())))
    }

    #[test]
    fn levels_and_levels_of_parts_are_read() {
        for value in [
            "warn",
            "INFO",
            "info,okta_source=debug",
            "off,hyper=trace",
            "okta_source",
        ] {
            assert_eq!(read(value).unwrap(), value);
        }
        for unset in ["", " "] {
            assert_eq!(read(unset).unwrap(), "info");
        }
        assert_eq!(directives(&Environment::new(|_| None)).unwrap(), "info");
    }

    #[test]
    fn value_that_would_silence_the_log_is_refused() {
        for value in [
            "warning",
            "verbose",
            "info,loud",
            "info,okta_source=loud",
            "=,=",
        ] {
            let error = read(value).unwrap_err().to_string();
            assert!(error.starts_with("RUST_LOG: "), "{error}");
            assert!(error.contains("info,okta_source=debug"), "{error}");
        }
    }
}
