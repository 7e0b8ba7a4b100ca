//! Okta's severities as Coralogix's.

use crate::Severity;
use crate::event::OktaSeverity;

/// Which Coralogix severity an Okta severity becomes.
///
/// By default DEBUG → Debug, INFO → Info, WARN → Warn, ERROR → Error, and Info where Okta gives none that it documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeverityTable {
    /// For `DEBUG`.
    pub debug: Severity,
    /// For `INFO`.
    pub info: Severity,
    /// For `WARN`.
    pub warn: Severity,
    /// For `ERROR`.
    pub error: Severity,
    /// Where `severity` is absent or unknown.
    pub other: Severity,
}

impl Default for SeverityTable {
    fn default() -> Self {
        Self {
            debug: Severity::Debug,
            info: Severity::Info,
            warn: Severity::Warn,
            error: Severity::Error,
            other: Severity::Info,
        }
    }
}

impl SeverityTable {
    /// The entry's severity.
    #[must_use]
    pub fn of(&self, severity: Option<OktaSeverity>) -> Severity {
        match severity {
            Some(OktaSeverity::Debug) => self.debug,
            Some(OktaSeverity::Info) => self.info,
            Some(OktaSeverity::Warn) => self.warn,
            Some(OktaSeverity::Error) => self.error,
            None => self.other,
        }
    }
}
