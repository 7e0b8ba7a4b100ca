//! `RUST_LOG`, which sets what is logged.

use okta_coralogix_core::{Error, Result};
use tracing_subscriber::filter::Targets;

use crate::program::Environment;

const VARIABLE: &str = "RUST_LOG";
const DEFAULT: &str = "info";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The levels that the variable asks for.
///
/// # Errors
/// `Config` if it cannot be read, or if one part is a single word that is no level: it would silence the log.
pub(super) fn targets(environment: &Environment) -> Result<Targets> {
    let advice = "write a level (error, warn, info, debug or trace), or levels of parts, such as info,okta_source=debug";
    let mut directives = environment.get(VARIABLE)?.unwrap_or_default();
    directives.retain(|letter| !letter.is_whitespace());
    if directives.is_empty() {
        directives.push_str(DEFAULT);
    }
    if let Some(word) = directives.split(',').find(|word| is_misspelt(word)) {
        let detail = format!("holds {word:?}, which is no level; {advice}");
        return Err(Error::config(VARIABLE, detail));
    }
    directives.parse().map_err(|_| {
        let detail = format!("is {directives:?}, which cannot be read; {advice}");
        Error::config(VARIABLE, detail)
    })
}

/// A level that is none, such as `warning` or `verbose`, or that is not there, as in `hyper=`. The targets of this program and of its
/// parts have an underscore or colons.
fn is_misspelt(word: &str) -> bool {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    (is_plain && !word.is_empty() && !is_level) || word.ends_with('=')
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn read(value: &'static str) -> Result<Targets> {
        targets(&Environment::new(move |_| Some(value.into())))
    }

    #[test]
    fn levels_and_levels_of_parts_are_read() {
        for (value, okta_source, hyper) in [
            ("warn", Level::WARN, Level::WARN),
            ("INFO", Level::INFO, Level::INFO),
            ("info,okta_source=debug", Level::DEBUG, Level::INFO),
            ("error, hyper=trace", Level::ERROR, Level::TRACE),
            ("warn,okta_source", Level::TRACE, Level::WARN),
            ("", Level::INFO, Level::INFO),
            (" ", Level::INFO, Level::INFO),
        ] {
            let targets = read(value).unwrap();
            for (target, most) in [("okta_source::poll", okta_source), ("hyper", hyper)] {
                assert!(targets.would_enable(target, &most), "{value}: {target}");
                let more = [
                    Level::ERROR,
                    Level::WARN,
                    Level::INFO,
                    Level::DEBUG,
                    Level::TRACE,
                ]
                .into_iter()
                .filter(|level| *level > most);
                assert!(
                    more.into_iter()
                        .all(|level| !targets.would_enable(target, &level)),
                    "{value}: {target}"
                );
            }
        }
        let unset = targets(&Environment::new(|_| None)).unwrap();
        assert_eq!(unset, read("info").unwrap());
        assert!(!read("off").unwrap().would_enable("hyper", &Level::ERROR));
    }

    #[test]
    fn value_that_would_silence_the_log_is_refused() {
        for value in [
            "warning",
            "verbose",
            "info,loud",
            "info,okta_source=loud",
            "=,=",
            "info,hyper=",
        ] {
            let error = read(value).unwrap_err().to_string();
            assert!(error.starts_with("RUST_LOG: "), "{error}");
            assert!(error.contains("info,okta_source=debug"), "{error}");
        }
    }
}
