//! A line of a log as a Coralogix entry.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use okta_coralogix_core::{EntryText, Error, LogEntry, Names, Result, Severity};
use serde::Deserialize;

use crate::coralogix;
use crate::program::Environment;

/// What all entries have in common.
#[derive(Debug)]
pub(super) struct Labels(Arc<Names>);

impl Default for Labels {
    fn default() -> Self {
        Self::of("services", "stdin")
    }
}

impl Labels {
    fn of(application: &str, subsystem: &str) -> Self {
        Self(Arc::new(Names {
            application: application.into(),
            subsystem: subsystem.into(),
            computer: None,
        }))
    }

    /// As the variables say.
    ///
    /// # Errors
    /// `Config` if a name is set and blank.
    pub(super) fn read(environment: &Environment) -> Result<Self> {
        let name = |variable: &str, default: &str| match environment.get(variable)? {
            None => Ok(default.to_owned()),
            Some(name) if name.trim().is_empty() => Err(Error::config(
                variable,
                format!("is empty; write a name, or unset it for {default:?}"),
            )),
            Some(name) => Ok(name),
        };
        let application = name(coralogix::VARIABLES[3], "services")?;
        let subsystem = name(coralogix::VARIABLES[4], "stdin")?;
        Ok(Self::of(&application, &subsystem))
    }

    /// The entry of a line that was written `now`.
    pub(super) fn entry(&self, line: &str, now: DateTime<Utc>) -> LogEntry {
        // As a string, whatever it holds: Coralogix looks for JSON in it itself.
        let text = EntryText::Escaped(line.to_owned().into());
        let mut entry = LogEntry::new(Arc::clone(&self.0), text);
        entry.timestamp = Some(now);
        entry.severity = severity(line);
        entry
    }
}

/// What a JSON line says of its level; Info otherwise.
fn severity(line: &str) -> Severity {
    #[derive(Deserialize)]
    struct Level {
        #[serde(alias = "severity")]
        level: String,
    }

    let Ok(Level { level }) = serde_json::from_str(line) else {
        return Severity::Info;
    };
    match level.to_ascii_lowercase().as_str() {
        "trace" | "debug" => Severity::Debug,
        "verbose" => Severity::Verbose,
        "warn" | "warning" => Severity::Warn,
        "error" => Severity::Error,
        "fatal" | "critical" => Severity::Critical,
        _ => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_a_json_line_is_its_severity() {
        assert_eq!(severity(r#"{"level":"WARN"}"#), Severity::Warn);
        assert_eq!(
            severity(r#"{"severity":"critical","x":1}"#),
            Severity::Critical
        );
        for other in ["error", r#"{"level":7}"#, r#"{"message":"level"}"#, "{", ""] {
            assert_eq!(severity(other), Severity::Info, "{other}");
        }
    }
}
