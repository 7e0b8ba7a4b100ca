//! The conservation law: what came in ends in exactly one of six ways.

use std::fmt;
use std::ops::AddAssign;

use serde::Serialize;

use crate::Error;
use crate::delivery::Disposition;

/// Counts of a run. `received` is the sum of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Items that the source gave, malformed ones included.
    pub received: u64,
    /// Accepted by the sink.
    pub delivered: u64,
    /// Dropped as too old.
    pub too_old: u64,
    /// Dropped as copies of settled events.
    pub duplicate: u64,
    /// Dropped by another filter.
    pub filtered: u64,
    /// Put into the dead letters.
    pub dead_lettered: u64,
    /// Handed back to the source.
    pub handed_back: u64,
    /// Those of `too_old` that may have arrived all the same, since the response to a request with them was lost. Not part of the sum; in
    /// the JSON where there are any.
    #[serde(skip_serializing_if = "is_zero")]
    pub possibly_delivered: u64,
    /// Those of `received` that the source had passed, and found by reading again ([`Delivery::late`](crate::Delivery::late)). Not part
    /// of the sum; in the JSON where there are any.
    #[serde(skip_serializing_if = "is_zero")]
    pub late: u64,
    /// Those of `delivered` that another route had not brought ([`HealingSource`](crate::HealingSource)). Not part of the sum; in the
    /// JSON where there are any.
    #[serde(skip_serializing_if = "is_zero")]
    pub healed: u64,
    /// Those of `healed` that the other route may have brought all the same, since they are of a time that the deduplication window does
    /// not [cover](crate::filter::DedupWindow::covers): they may have arrived twice. Not part of the sum; in the JSON where there
    /// are any.
    #[serde(skip_serializing_if = "is_zero")]
    pub unverified: u64,
    /// Requests whose response was lost, so that the sink may have accepted them and entries may arrive twice. Not part of the
    /// sum, nor of the JSON.
    #[serde(skip)]
    pub ambiguous_sends: u64,
    /// Entries in those requests.
    #[serde(skip)]
    pub ambiguous_entries: u64,
}

impl Summary {
    /// Counts one item that ended.
    pub(super) fn count(&mut self, disposition: Disposition) {
        *match disposition {
            Disposition::Delivered => &mut self.delivered,
            Disposition::TooOld => &mut self.too_old,
            Disposition::Duplicate => &mut self.duplicate,
            Disposition::Filtered => &mut self.filtered,
            Disposition::DeadLettered => &mut self.dead_lettered,
            Disposition::HandedBack => &mut self.handed_back,
        } += 1;
    }

    /// How many items ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.delivered
            + self.too_old
            + self.duplicate
            + self.filtered
            + self.dead_lettered
            + self.handed_back
    }

    /// True if every item received has ended in one way.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.received == self.ended()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the attribute calls it so"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The sums of two runs.
impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.delivered += other.delivered;
        self.too_old += other.too_old;
        self.duplicate += other.duplicate;
        self.filtered += other.filtered;
        self.dead_lettered += other.dead_lettered;
        self.handed_back += other.handed_back;
        self.late += other.late;
        self.healed += other.healed;
        self.unverified += other.unverified;
        self.possibly_delivered += other.possibly_delivered;
        self.ambiguous_sends += other.ambiguous_sends;
        self.ambiguous_entries += other.ambiguous_entries;
    }
}

/// A run that ended with an error. What was settled before stays settled.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunError {
    /// What ended it.
    pub error: Error,
    /// The counts up to then.
    pub summary: Summary,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

/// What ended the run; the counts are left behind.
impl From<RunError> for Error {
    fn from(ended: RunError) -> Self {
        ended.error
    }
}

/// Its source is that of [`error`](RunError::error), whose sentence it displays: after `GaveUp` the last fault.
impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_of_two_runs_has_each_count_of_both() {
        // None of them is its own square, or another's sum.
        let run = |times: u64| Summary {
            received: 1009 * times,
            delivered: 2003 * times,
            too_old: 3001 * times,
            duplicate: 4001 * times,
            filtered: 5003 * times,
            dead_lettered: 6007 * times,
            handed_back: 7001 * times,
            possibly_delivered: 8009 * times,
            late: 9001 * times,
            healed: 13_003 * times,
            unverified: 17_011 * times,
            ambiguous_sends: 10_007 * times,
            ambiguous_entries: 11_003 * times,
        };
        let mut sum = run(1);
        sum += run(2);
        assert_eq!(sum, run(3));
    }
}
