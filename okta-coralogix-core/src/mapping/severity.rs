//! Okta's severities as Coralogix's.

use crate::Severity;
use crate::event::OktaSeverity;

/// Which Coralogix severity an Okta severity becomes.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeverityTable {
    debug: Severity,
    info: Severity,
    warn: Severity,
    error: Severity,
    /// Where `severity` is absent or unknown.
    other: Severity,
}

impl Default for SeverityTable {
    fn default() -> Self {
        Self {
            debug: OktaSeverity::Debug.into(),
            info: OktaSeverity::Info.into(),
            warn: OktaSeverity::Warn.into(),
            error: OktaSeverity::Error.into(),
            other: Severity::Info,
        }
    }
}

impl SeverityTable {
    /// The entry's severity.
    pub(super) fn of(&self, severity: Option<OktaSeverity>) -> Severity {
        match severity {
            Some(OktaSeverity::Debug) => self.debug,
            Some(OktaSeverity::Info) => self.info,
            Some(OktaSeverity::Warn) => self.warn,
            Some(OktaSeverity::Error) => self.error,
            None => self.other,
        }
    }

    pub(super) fn set(&mut self, severity: Option<OktaSeverity>, becomes: Severity) {
        *match severity {
            Some(OktaSeverity::Debug) => &mut self.debug,
            Some(OktaSeverity::Info) => &mut self.info,
            Some(OktaSeverity::Warn) => &mut self.warn,
            Some(OktaSeverity::Error) => &mut self.error,
            None => &mut self.other,
        } = becomes;
    }
}
