//! What Okta says about its own log streams.

use std::fmt;

use crate::RawEvent;

/// What happened to a log stream of the org, by an event of Okta (`system.log_stream.lifecycle.deactivate` and the like). Okta deactivates
/// one by itself when its target stops taking events, and never sends later what happened meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogStreamChange {
    /// It was made.
    Created,
    /// It sends from now on.
    Activated,
    /// It sends nothing any more.
    Deactivated,
    /// Its settings were changed.
    Updated,
    /// It is gone.
    Deleted,
    /// Something else, which Okta did not document when this was written.
    Other,
}

/// Of all event types about log streams.
const PREFIX: &str = "system.log_stream.";

impl LogStreamChange {
    /// What an event says about a log stream; `None`: it is about something else.
    #[must_use]
    pub fn of(event: &RawEvent) -> Option<Self> {
        let event_type = event.event_type()?;
        let what = event_type.strip_prefix(PREFIX)?;
        Some(match what {
            "lifecycle.create" => Self::Created,
            "lifecycle.activate" => Self::Activated,
            "lifecycle.deactivate" => Self::Deactivated,
            "lifecycle.update" => Self::Updated,
            "lifecycle.delete" => Self::Deleted,
            _ => Self::Other,
        })
    }

    /// Its name, for metric labels and logs: it stays as it is.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Activated => "activated",
            Self::Deactivated => "deactivated",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Other => "other",
        }
    }

    /// True if the stream sends nothing from then on.
    #[must_use]
    pub fn ends_the_stream(self) -> bool {
        matches!(self, Self::Deactivated | Self::Deleted)
    }
}

impl fmt::Display for LogStreamChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn changes_of_log_streams_are_told_by_the_event_type() {
        for (event_type, change) in [
            ("system.log_stream.lifecycle.create", Some("created")),
            ("system.log_stream.lifecycle.activate", Some("activated")),
            (
                "system.log_stream.lifecycle.deactivate",
                Some("deactivated"),
            ),
            ("system.log_stream.lifecycle.update", Some("updated")),
            ("system.log_stream.lifecycle.delete", Some("deleted")),
            ("system.log_stream.delivery.failure", Some("other")),
            ("system.log_streams", None),
            ("user.session.start", None),
        ] {
            let json =
                format!(r#"{{"published":"2026-11-30T06:00:00Z","eventType":"{event_type}"}}"#);
            let event = RawEvent::parse(json.into(), Arc::default()).unwrap();
            let found = LogStreamChange::of(&event);
            assert_eq!(found.map(LogStreamChange::as_str), change, "{event_type}");
        }
    }
}
