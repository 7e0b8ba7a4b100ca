//! What the page shows beside the summary.

use std::collections::BTreeMap;

use chrono::DurationRound;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::event::OktaSeverity;
use okta_coralogix_core::pipeline::Disposition;
use okta_coralogix_core::{LogEntry, RawEvent};

/// Okta keeps its log for 90 days.
const MAX_HOURS: usize = 24 * 91;
const MAX_SAMPLES: usize = 10;

/// What the events of an hour are divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    Debug,
    Info,
    Warn,
    Error,
    TooOld,
    Other,
}

impl Series {
    pub(super) const ALL: [Self; 6] = [
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::TooOld,
        Self::Other,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::TooOld => "not sent: too old",
            Self::Other => "not sent: filtered, a copy, or a dead letter",
        }
    }

    pub(super) fn colour(self) -> &'static str {
        match self {
            Self::Debug => "#8a94a6",
            Self::Info => "#2f7ed8",
            Self::Warn => "#e8a33d",
            Self::Error => "#d1394b",
            Self::TooOld => "#b7a17e",
            Self::Other => "#cdb3e6",
        }
    }

    fn of(disposition: Disposition, severity: Option<OktaSeverity>) -> Self {
        match (disposition, severity) {
            (Disposition::TooOld, _) => Self::TooOld,
            (Disposition::Delivered, Some(OktaSeverity::Debug)) => Self::Debug,
            (Disposition::Delivered, Some(OktaSeverity::Warn)) => Self::Warn,
            (Disposition::Delivered, Some(OktaSeverity::Error)) => Self::Error,
            // As the mapping has it for a severity that Okta does not document.
            (Disposition::Delivered, _) => Self::Info,
            _ => Self::Other,
        }
    }
}

/// Events by [`Series`].
pub(super) type Counts = [u64; Series::ALL.len()];

/// Collected while the run goes on.
#[derive(Debug, Default)]
pub(super) struct Data {
    /// By the hour in which they were published.
    pub(super) hours: BTreeMap<DateTime<Utc>, Counts>,
    /// Of hours for which there was no room.
    pub(super) elsewhere: u64,
    /// Entries as they would be sent, each of another event type while there are any.
    pub(super) samples: Vec<LogEntry>,
    pub(super) mapped: u64,
    /// Events whose text redaction or labels have changed.
    pub(super) changed: u64,
}

impl Data {
    pub(super) fn count(&mut self, disposition: Disposition, event: &RawEvent) {
        let series = Series::of(disposition, event.severity());
        let hour = event.published().duration_trunc(TimeDelta::hours(1));
        let hour = hour
            .ok()
            .filter(|hour| self.hours.contains_key(hour) || self.hours.len() < MAX_HOURS);
        match hour {
            Some(hour) => self.hours.entry(hour).or_default()[series as usize] += 1,
            None => self.elsewhere += 1,
        }
    }

    pub(super) fn sample(&mut self, event: &RawEvent, entry: &LogEntry) {
        let text = entry.text.document();
        self.mapped += 1;
        self.changed += u64::from(*text != event.json() && text != event.document());
        let is_new = self
            .samples
            .iter()
            .all(|sample| sample.category != entry.category);
        if is_new && self.samples.len() < MAX_SAMPLES {
            self.samples.push(entry.clone());
        }
    }
}
