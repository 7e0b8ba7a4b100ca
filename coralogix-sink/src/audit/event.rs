//! An event of the log that is audited.

use chrono::{DateTime, Utc};
use okta_coralogix_core::Severity;

use crate::query::EventId;

/// An event that should be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// What it is found by. `None`: it has no id that could be looked for, so that nothing can be said of it.
    pub id: Option<EventId>,
    /// Its type. Events of one type that are all missing show a rule.
    pub event_type: String,
    /// Its time, by which it is stored.
    pub published: DateTime<Utc>,
    /// The severity that it is stored with. Events of one severity that are all missing show a policy.
    pub severity: Severity,
    /// Settings keep it from being sent: it is not missed.
    pub left_out: bool,
}

impl AuditEvent {
    /// An event of severity `Info` that should be stored.
    #[must_use]
    pub fn new(id: EventId, event_type: impl Into<String>, published: DateTime<Utc>) -> Self {
        Self {
            id: Some(id),
            event_type: event_type.into(),
            published,
            severity: Severity::Info,
            left_out: false,
        }
    }

    /// Something in the log that has no id.
    #[must_use]
    pub fn without_id(event_type: impl Into<String>, published: DateTime<Utc>) -> Self {
        Self {
            id: None,
            event_type: event_type.into(),
            published,
            severity: Severity::Info,
            left_out: false,
        }
    }

    /// The severity that it is stored with.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Whether settings keep it from being sent.
    #[must_use]
    pub fn left_out(mut self, left_out: bool) -> Self {
        self.left_out = left_out;
        self
    }
}
