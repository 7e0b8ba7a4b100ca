//! Okta's four severities.

/// The `severity` of a LogEvent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl OktaSeverity {
    /// Reads Okta's spelling.
    #[must_use]
    pub fn from_okta(text: &[u8]) -> Option<Self> {
        match text {
            b"DEBUG" => Some(Self::Debug),
            b"INFO" => Some(Self::Info),
            b"WARN" => Some(Self::Warn),
            b"ERROR" => Some(Self::Error),
            _ => None,
        }
    }
}
