//! Compares the events of a slice with what is stored in it, and gathers what was not found.

use std::collections::HashMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use okta_coralogix_core::{Result, Severity};

use super::event::AuditEvent;
use super::patterns::{Patterns, Runs, TypeNumber};
use super::report::{AuditTotals, DoubledEvent, ForeignLog, HourReport, UnverifiedSlice};
use super::slices::{Part, SliceReader};
use crate::query::{EventId, TimeSlice};

/// Doubled events, and foreign logs, that are remembered by their id. All are counted.
const REMEMBERED: usize = 200_000;

/// An event whose slice is not compared yet.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) id: EventId,
    pub(super) published: DateTime<Utc>,
    pub(super) event_type: TypeNumber,
    pub(super) severity: Severity,
    pub(super) left_out: bool,
}

/// An event that was not found where it should be.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) event: Held,
    /// `None`: it came too late to be compared with those around it.
    pub(super) runs: Option<Runs>,
}

/// An event that is stored for sure.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) id: EventId,
    pub(super) published: DateTime<Utc>,
}

/// The numbers of event types.
#[derive(Debug, Default)]
pub(super) struct Types {
    numbers: HashMap<String, TypeNumber>,
    names: Vec<String>,
}

impl Types {
    pub(super) fn number(&mut self, name: String) -> TypeNumber {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = TypeNumber::try_from(self.names.len()).expect("fewer types than events");
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    pub(super) fn name(&self, number: TypeNumber) -> &str {
        &self.names[number as usize]
    }
}

/// What was found so far.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) range: TimeSlice,
    /// Events of this part are decided.
    part: TimeSlice,
    pub(super) hours: Vec<HourReport>,
    pub(super) types: Types,
    pub(super) patterns: Patterns,
    /// All ids of the log, a sorted slice of them for each slice of time.
    ids: Vec<Box<[EventId]>>,
    pub(super) candidates: Vec<Candidate>,
    max_candidates: usize,
    /// Events that were found with another time than theirs.
    pub(super) moved: u64,
    /// Events that were not found either, and are not looked up.
    pub(super) too_many: u64,
    /// The time of the first of these.
    pub(super) first_left: Option<DateTime<Utc>>,
    pub(super) samples: Vec<Sample>,
    /// The time of the newest event that was found.
    pub(super) newest: Option<DateTime<Utc>>,
    pub(super) doubled: Vec<DoubledEvent>,
    /// Not decided yet: they may be events that are stored with another time.
    pub(super) foreign: Vec<ForeignLog>,
    /// All of them are remembered.
    pub(super) foreign_is_whole: bool,
    pub(super) unverified: Vec<UnverifiedSlice>,
}

impl Comparison {
    pub(super) fn new(range: TimeSlice, part: TimeSlice, max_candidates: usize) -> Self {
        let hours = range.hours().map(|slice| HourReport {
            slice,
            totals: AuditTotals::default(),
            is_verified: true,
        });
        Self {
            range,
            part,
            hours: hours.collect(),
            types: Types::default(),
            patterns: Patterns::default(),
            ids: Vec::new(),
            candidates: Vec::new(),
            max_candidates,
            moved: 0,
            too_many: 0,
            first_left: None,
            samples: Vec::new(),
            newest: None,
            doubled: Vec::new(),
            foreign: Vec::new(),
            foreign_is_whole: true,
            unverified: Vec::new(),
        }
    }

    pub(super) fn hour(&mut self, time: DateTime<Utc>) -> &mut AuditTotals {
        let index = self.index(time);
        &mut self.hours[index].totals
    }

    fn index(&self, time: DateTime<Utc>) -> usize {
        let floor = |time: DateTime<Utc>| time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time);
        let hours = (floor(time) - floor(self.range.start())).num_hours();
        usize::try_from(hours)
            .unwrap_or_default()
            .min(self.hours.len() - 1)
    }

    pub(super) fn is_of_log(&self, id: &EventId) -> bool {
        self.ids.iter().any(|ids| ids.binary_search(id).is_ok())
    }

    /// An event of the log that nothing can be said of.
    pub(super) fn without_id(&mut self, event: &AuditEvent) {
        let time = event.published.clamp(self.range.start(), self.range.end());
        let hour = self.hour(time);
        hour.in_log += 1;
        hour.unverifiable += 1;
    }

    /// An event behind whose time the audit is already.
    pub(super) fn late(&mut self, event: Held) {
        if self.is_of_log(&event.id) {
            return;
        }
        self.ids.push(Box::new([event.id.clone()]));
        self.hour(event.published).in_log += 1;
        self.not_found(event, None);
    }

    fn not_found(&mut self, event: Held, runs: Option<Runs>) {
        if event.left_out {
            self.hour(event.published).left_out += 1;
        } else if !self.part.contains(event.published) {
            self.hour(event.published).unverifiable += 1;
        } else if self.candidates.len() < self.max_candidates {
            self.candidates.push(Candidate { event, runs });
        } else {
            self.too_many += 1;
            let first = self.first_left.unwrap_or(event.published);
            self.first_left = Some(first.min(event.published));
            self.hour(event.published).unverifiable += 1;
        }
    }

    /// Compares the events of a slice, which are all that the log has in it.
    pub(super) async fn slice(
        &mut self,
        reader: &mut SliceReader<'_>,
        slice: TimeSlice,
        mut events: Vec<Held>,
    ) -> Result<()> {
        // Okta may give an event on two pages.
        events.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        events.dedup_by(|one, other| one.id == other.id);
        let ids: Box<[EventId]> = events.iter().map(|event| event.id.clone()).collect();
        let parts = self.parts(reader, slice, &ids).await?;
        self.foreign_of(&parts, &ids);
        self.ids.push(ids);
        for part in &parts {
            if let Err(unproven) = &part.counts {
                self.unverified(part.slice, unproven.to_string());
            }
        }
        events.sort_unstable_by_key(|event| event.published);
        let mut sample = None;
        for event in events {
            self.hour(event.published).in_log += 1;
            let proven = parts.iter().filter_map(|part| part.counts.as_ref().ok());
            let copies: u64 = proven.map(|counts| u64::from(counts.get(&event.id))).sum();
            if copies > 0 {
                sample = Some(Sample {
                    id: event.id.clone(),
                    published: event.published,
                });
                self.found(event, copies);
                continue;
            }
            let is_unproven =
                |part: &Part| part.counts.is_err() && part.slice.contains(event.published);
            if parts.iter().any(is_unproven) && !event.left_out {
                self.hour(event.published).unverifiable += 1;
                continue;
            }
            let runs = (!event.left_out).then(|| {
                self.patterns
                    .not_found(event.event_type, event.severity, event.published)
            });
            self.not_found(event, runs);
        }
        self.samples.extend(sample);
        Ok(())
    }

    fn found(&mut self, event: Held, copies: u64) {
        self.patterns.found(event.event_type, event.severity);
        self.newest = self.newest.max(Some(event.published));
        let hour = self.hour(event.published);
        hour.stored += 1;
        hour.in_coralogix += copies;
        if copies > 1 {
            self.doubled(event.id, event.published, copies);
        }
    }

    pub(super) fn doubled(&mut self, id: EventId, time: DateTime<Utc>, copies: u64) {
        self.hour(time).doubled += 1;
        if self.doubled.len() < REMEMBERED {
            self.doubled.push(DoubledEvent { id, time, copies });
        }
    }

    pub(super) fn unverified(&mut self, slice: TimeSlice, reason: String) {
        for hour in &mut self.hours {
            let overlaps = hour.slice.start() < slice.end() && slice.start() < hour.slice.end();
            hour.is_verified &= !overlaps;
        }
        self.unverified.push(UnverifiedSlice { slice, reason });
    }

    /// What is stored in a slice. Where it has logs that the log has not, by hours, so that each is known by its hour.
    async fn parts(
        &mut self,
        reader: &mut SliceReader<'_>,
        slice: TimeSlice,
        ids: &[EventId],
    ) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        for part in reader.read(slice).await? {
            let is_foreign = |id: &EventId| ids.binary_search(id).is_err();
            let has_foreign = match &part.counts {
                Ok(counts) => counts.iter().any(|(id, _)| is_foreign(&id)),
                Err(_) => false,
            };
            if has_foreign && part.slice.hours().nth(1).is_some() {
                for hour in part.slice.hours() {
                    parts.extend(reader.read(hour).await?);
                }
            } else {
                parts.push(part);
            }
        }
        Ok(parts)
    }

    fn foreign_of(&mut self, parts: &[Part], ids: &[EventId]) {
        for part in parts {
            let Ok(counts) = &part.counts else { continue };
            for (id, copies) in counts.iter() {
                if ids.binary_search(&id).is_ok() {
                    continue;
                }
                let hour = self.hours[self.index(part.slice.start())].slice.start();
                match self.foreign.len() < REMEMBERED {
                    true => self.foreign.push(ForeignLog { id, hour, copies }),
                    false => {
                        // Not decided: it counts as what it seems to be.
                        self.foreign_is_whole = false;
                        let hour = self.hour(hour);
                        hour.foreign += u64::from(copies);
                        hour.in_coralogix += u64::from(copies);
                    }
                }
            }
        }
    }
}
