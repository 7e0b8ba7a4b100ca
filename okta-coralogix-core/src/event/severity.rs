//! Okta's four severities.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::model::FromJson;
use crate::Severity;

/// The `severity` of a LogEvent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OktaSeverity {
    /// `DEBUG`
    Debug,
    /// `INFO`
    Info,
    /// `WARN`
    Warn,
    /// `ERROR`
    Error,
}

/// The one of the same name.
impl From<OktaSeverity> for Severity {
    fn from(severity: OktaSeverity) -> Self {
        match severity {
            OktaSeverity::Debug => Self::Debug,
            OktaSeverity::Info => Self::Info,
            OktaSeverity::Warn => Self::Warn,
            OktaSeverity::Error => Self::Error,
        }
    }
}

impl OktaSeverity {
    /// Reads Okta's spelling.
    pub(crate) fn from_okta(text: &[u8]) -> Option<Self> {
        match text {
            b"DEBUG" => Some(Self::Debug),
            b"INFO" => Some(Self::Info),
            b"WARN" => Some(Self::Warn),
            b"ERROR" => Some(Self::Error),
            _ => None,
        }
    }

    /// Okta's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for OktaSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for OktaSeverity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Another text is kept as it is: [`Field::Other`](super::Field::Other).
impl FromJson for OktaSeverity {
    fn fits(value: &Value) -> bool {
        value
            .as_str()
            .is_some_and(|text| Self::from_okta(text.as_bytes()).is_some())
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::from_okta(value.as_str()?.as_bytes())
    }
}
