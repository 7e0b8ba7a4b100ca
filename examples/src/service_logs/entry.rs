//! A line of a log as a Coralogix entry.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use okta_coralogix_core::{EntryText, LogEntry, Names, Severity};
use serde::Deserialize;

/// The application and subsystem of all entries.
#[derive(Debug)]
pub(super) struct Labels(Arc<Names>);

impl Default for Labels {
    fn default() -> Self {
        Self::new(Self::APPLICATION, Self::SUBSYSTEM)
    }
}

impl Labels {
    /// The default application.
    pub(super) const APPLICATION: &str = "services";
    /// The default subsystem.
    pub(super) const SUBSYSTEM: &str = "stdin";

    pub(super) fn new(application: &str, subsystem: &str) -> Self {
        Self(Arc::new(Names::new(application, subsystem)))
    }

    /// The entry of a line that was written `now`.
    pub(super) fn entry(&self, line: &str, now: DateTime<Utc>) -> LogEntry {
        // Always as a string: Coralogix itself parses JSON in it.
        let text = EntryText::Escaped(line.to_owned().into());
        let mut entry = LogEntry::new(Arc::clone(&self.0), text);
        entry.timestamp = Some(now);
        entry.severity = severity(line);
        entry
    }
}

/// The level of a JSON line, else Info.
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
    fn json_level_is_the_severity() {
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
