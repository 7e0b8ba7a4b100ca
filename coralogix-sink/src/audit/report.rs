//! What an audit has found.

use std::fmt;
use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use okta_coralogix_core::Severity;

use super::cause::Cause;
use crate::query::{EventId, TimeSlice};

/// What an audit says as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditVerdict {
    /// Proven: every event is stored once, and nothing else is.
    Complete,
    /// Proven: events are missing or stored several times, or logs are there that the log does not have. A part may be unverifiable too.
    Differences,
    /// No difference was proven, and not everything was verified.
    Unverified,
    /// Not one event was found. That is more likely a key that sees other logs, another tier or other names than a loss of all: nothing may
    /// be sent again because of it.
    NothingFound,
}

impl AuditVerdict {
    /// Its name, for reports: it stays as it is.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Differences => "differences",
            Self::Unverified => "unverified",
            Self::NothingFound => "nothing_found",
        }
    }
}

impl fmt::Display for AuditVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Counts. Of events of the log, each is stored, missing, left out or unverifiable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuditTotals {
    /// Events of the log.
    pub in_log: u64,
    /// Logs that are stored, repeats and foreign ones included.
    pub in_coralogix: u64,
    /// Events that are stored, once or more often.
    pub stored: u64,
    /// Events that are not stored, which is proven.
    pub missing: u64,
    /// Events that settings keep from being sent, and that are not stored.
    pub left_out: u64,
    /// Events that are stored several times.
    pub doubled: u64,
    /// Logs whose id the log does not have.
    pub foreign: u64,
    /// Events of which nothing is proven.
    pub unverifiable: u64,
}

impl AddAssign for AuditTotals {
    fn add_assign(&mut self, other: Self) {
        self.in_log += other.in_log;
        self.in_coralogix += other.in_coralogix;
        self.stored += other.stored;
        self.missing += other.missing;
        self.left_out += other.left_out;
        self.doubled += other.doubled;
        self.foreign += other.foreign;
        self.unverifiable += other.unverifiable;
    }
}

/// An hour of the audit, or a part of one at its ends. Events count in the hour of their time, foreign logs in that of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HourReport {
    /// The hour.
    pub slice: TimeSlice,
    /// What is in it.
    pub totals: AuditTotals,
    /// False if Coralogix gave no proof for a part of it.
    pub is_verified: bool,
}

/// An event that is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingEvent {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its time.
    pub published: DateTime<Utc>,
    /// The severity that it would be stored with.
    pub severity: Severity,
    /// Why it is missing, most likely.
    pub cause: Cause,
}

/// An event that is stored several times.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DoubledEvent {
    /// Its id.
    pub id: EventId,
    /// Its time, or the hour of the second copy if that is stored elsewhere.
    pub time: DateTime<Utc>,
    /// How often it is stored, at least.
    pub copies: u64,
}

/// Stored logs with an id that the log does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignLog {
    /// The id.
    pub id: EventId,
    /// The hour that it is stored in.
    pub hour: DateTime<Utc>,
    /// How often it is stored there.
    pub copies: u32,
}

/// A range of time for which Coralogix gave no proof, down to the shortest part that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnverifiedSlice {
    /// The range.
    pub slice: TimeSlice,
    /// Why, as a sentence for a person.
    pub reason: String,
}

/// What an audit has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    pub(super) range: TimeSlice,
    pub(super) hours: Vec<HourReport>,
    pub(super) missing: Vec<MissingEvent>,
    pub(super) doubled: Vec<DoubledEvent>,
    pub(super) foreign: Vec<ForeignLog>,
    pub(super) moved: u64,
    pub(super) unverified: Vec<UnverifiedSlice>,
    pub(super) queries: u64,
}

impl AuditReport {
    /// What was audited.
    #[must_use]
    pub fn range(&self) -> TimeSlice {
        self.range
    }

    /// What the audit says as a whole.
    #[must_use]
    pub fn verdict(&self) -> AuditVerdict {
        let totals = self.totals();
        let expected = totals.in_log - totals.left_out;
        if expected > 0 && totals.stored == 0 && totals.missing + totals.unverifiable == expected {
            // Nothing was asked where nothing was proven.
            let is_proven = self.hours.iter().any(|hour| hour.is_verified);
            return match is_proven {
                true => AuditVerdict::NothingFound,
                false => AuditVerdict::Unverified,
            };
        }
        if totals.missing + totals.doubled + totals.foreign > 0 {
            return AuditVerdict::Differences;
        }
        let is_verified = totals.unverifiable == 0 && self.unverified.is_empty();
        match is_verified && self.hours.iter().all(|hour| hour.is_verified) {
            true => AuditVerdict::Complete,
            false => AuditVerdict::Unverified,
        }
    }

    /// All hours together.
    #[must_use]
    pub fn totals(&self) -> AuditTotals {
        let mut totals = AuditTotals::default();
        for hour in &self.hours {
            totals += hour.totals;
        }
        totals
    }

    /// The hours, in order, those without an event too.
    #[must_use]
    pub fn hours(&self) -> &[HourReport] {
        &self.hours
    }

    /// The events that are missing, in the order of their time.
    #[must_use]
    pub fn missing(&self) -> &[MissingEvent] {
        &self.missing
    }

    /// The events that are stored several times, as far as there is room to remember them.
    #[must_use]
    pub fn doubled(&self) -> &[DoubledEvent] {
        &self.doubled
    }

    /// The logs that are foreign, as far as there is room to remember them.
    #[must_use]
    pub fn foreign(&self) -> &[ForeignLog] {
        &self.foreign
    }

    /// Events that are stored with another time than theirs.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Where Coralogix gave no proof, and why.
    #[must_use]
    pub fn unverified(&self) -> &[UnverifiedSlice] {
        &self.unverified
    }

    /// Queries that it took, repeats included.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries
    }
}
