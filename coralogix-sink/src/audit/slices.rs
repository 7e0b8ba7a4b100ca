//! Reads what is stored in a slice of time, in as few answers as are proof.

use chrono::{DurationRound, TimeDelta};
use okta_coralogix_core::Result;

use crate::query::{Answer, EventFilter, QueryClient, TimeSlice, Unproven, UuidCounts};

/// Answers without proof in a row, after which a slice is not halved further: from a day to a minute it takes 11.
const HOPELESS: u32 = 16;

/// The longest slice that is asked about at once, in hours.
const MAX_HOURS: i32 = 24;

/// A part of a slice, and what is stored in it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) slice: TimeSlice,
    pub(super) counts: Result<UuidCounts, Unproven>,
}

/// Asks about slices, and learns how long they may be.
#[derive(Debug)]
pub(super) struct SliceReader<'a> {
    client: &'a QueryClient,
    filter: &'a EventFilter,
    /// Answers without proof since the last proof.
    unproven: u32,
    hours: i32,
}

impl<'a> SliceReader<'a> {
    pub(super) fn new(client: &'a QueryClient, filter: &'a EventFilter) -> Self {
        Self {
            client,
            filter,
            unproven: 0,
            hours: MAX_HOURS,
        }
    }

    /// How long the next slice should be.
    pub(super) fn length(&self) -> TimeDelta {
        TimeDelta::hours(self.hours.into())
    }

    /// What is stored in a slice, in parts that together are the slice.
    pub(super) async fn read(&mut self, slice: TimeSlice) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut open = vec![slice];
        while let Some(slice) = open.pop() {
            let counts = match self.client.count_by_uuid(self.filter, slice).await? {
                Answer::Proven(counts) => {
                    self.unproven = 0;
                    Ok(counts)
                }
                Answer::Unproven(unproven) => {
                    self.unproven += 1;
                    let halves = halves(&unproven).filter(|_| self.unproven < HOPELESS);
                    if let Some([first, second]) = halves {
                        self.hours = hours_of(second).clamp(1, self.hours);
                        open.extend([second, first]);
                        continue;
                    }
                    Err(unproven)
                }
            };
            parts.push(Part { slice, counts });
        }
        if let [Part { counts: Ok(_), .. }] = &parts[..] {
            self.hours = (self.hours * 2).min(MAX_HOURS);
        }
        Ok(parts)
    }
}

fn hours_of(slice: TimeSlice) -> i32 {
    let hours = (slice.end() - slice.start()).num_hours();
    i32::try_from(hours).unwrap_or(MAX_HOURS)
}

/// Two halves, if asking about each may give proof: whole hours as long as there are several.
fn halves(unproven: &Unproven) -> Option<[TimeSlice; 2]> {
    let halves = unproven.halves()?;
    let slice = unproven.slice();
    let hour = TimeDelta::hours(1);
    let middle = slice.start() + (slice.end() - slice.start()) / 2;
    let at_hour = middle.duration_trunc(hour).ok();
    let at_hour = at_hour.filter(|cut| slice.start() < *cut && *cut < slice.end());
    let cut = at_hour.and_then(|cut| {
        let first = TimeSlice::new(slice.start(), cut).ok()?;
        Some([first, TimeSlice::new(cut, slice.end()).ok()?])
    });
    Some(cut.unwrap_or(halves))
}
