//! How far an audit is.

use std::fmt;

use chrono::{DateTime, Utc};

/// What an audit does at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditPhase {
    /// Reads both sides, slice by slice.
    Comparing,
    /// Looks up what was not found, by itself.
    LookingUp,
}

impl fmt::Display for AuditPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Comparing => "comparing",
            Self::LookingUp => "looking up",
        })
    }
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct AuditProgress {
    /// What it does.
    pub phase: AuditPhase,
    /// The share of the phase that is done, 0 to 1.
    pub share: f64,
    /// Everything before this time is compared.
    pub through: DateTime<Utc>,
    /// Events of the log so far.
    pub in_log: u64,
    /// Events that were not found in their slice, or by themselves if they were looked up already.
    pub not_found: u64,
    /// Queries sent so far.
    pub queries: u64,
}
