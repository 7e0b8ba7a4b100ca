//! Looks up by themselves the events that were not found, before any of them is called missing.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::{Error, Result};

use super::cause::Cause;
use super::compare::{Candidate, Comparison, Sample};
use super::report::{ForeignLog, MissingEvent, UnverifiedSlice};
use super::settings::Audit;
use crate::query::{Answer, EventId, Lookup, TimeSlice};

/// Events of one lookup: with its control they are one query of ids.
const IDS: usize = 199;

/// Lookups without proof in a row, after which their range is not halved further.
const HOPELESS: u32 = 12;

/// A log is looked for from this long before the time of its event on, and behind it.
const NEAR: TimeDelta = TimeDelta::hours(1);

/// The time between the events of one lookup, at most.
const SPAN: TimeDelta = TimeDelta::hours(24);

/// Up to this age an event is looked for in all the time up to now at once.
const RECENT: TimeDelta = TimeDelta::hours(48);

/// An event that is newer than all that are stored may be on its way for so many times the usual delay.
const SLOW: i32 = 4;

/// Decides about events that were not found where they should be.
#[derive(Debug)]
pub(super) struct Confirmation<'a> {
    audit: &'a Audit<'a>,
    now: DateTime<Utc>,
    /// Of events that are stored for sure, in the order of time.
    samples: Vec<Sample>,
    unproven: u32,
}

/// What a lookup says: how often each id is stored, or why that is not proven.
type Looked = Result<HashMap<EventId, u64>, String>;

impl<'a> Confirmation<'a> {
    pub(super) fn new(audit: &'a Audit<'a>, comparison: &mut Comparison) -> Self {
        let mut samples = std::mem::take(&mut comparison.samples);
        samples.sort_unstable_by_key(|sample| sample.published);
        Self {
            audit,
            now: audit.clock.now(),
            samples,
            unproven: 0,
        }
    }

    /// The events that are missing for sure. `looked_up` is told how many candidates are decided.
    pub(super) async fn missing(
        &mut self,
        comparison: &mut Comparison,
        mut looked_up: impl FnMut(usize, usize),
    ) -> Result<Vec<MissingEvent>> {
        let mut candidates = std::mem::take(&mut comparison.candidates);
        candidates.sort_by_key(|candidate| candidate.event.published);
        let (mut missing, mut moved) = (Vec::new(), HashSet::new());
        if self.samples.is_empty() {
            // No lookup could be told from one that sees nothing.
            nothing_found(comparison, &candidates);
            candidates.clear();
        }
        let elsewhere = elsewhere(comparison);
        candidates.retain(|candidate| match elsewhere.get(&candidate.event.id) {
            Some(copies) => {
                stored(candidate, *copies, comparison, &mut moved);
                false
            }
            None => true,
        });
        // All that is stored in the range is known: no lookup has to go through it again.
        let is_whole = comparison.unverified.is_empty() && comparison.foreign_is_whole;
        let mut decided = 0;
        let mut rest = &candidates[..];
        while let Some(first) = rest.first() {
            let near = rest.partition_point(|candidate| {
                candidate.event.published - first.event.published < SPAN
            });
            let (chunk, behind) = rest.split_at(near.min(IDS));
            rest = behind;
            let looked = self.look_up(chunk, is_whole).await?;
            if let Err(reason) = &looked {
                comparison.unverified.extend(unverified(chunk, reason));
            }
            for candidate in chunk {
                self.decide(candidate, &looked, comparison, &mut missing, &mut moved);
            }
            decided += chunk.len();
            looked_up(decided, missing.len());
        }
        self.foreign(comparison, &moved).await?;
        if comparison.too_many > 0 {
            let reason = format!(
                "{} further events were not found, which are too many to look up; audit a shorter range, and check the scope of the key, the tier \
                 and the names if most are missing",
                comparison.too_many
            );
            // What is before the first of them is decided all the same.
            let range = comparison.range;
            let from = comparison.first_left.unwrap_or(range.start());
            let slice = TimeSlice::new(from.max(range.start()), range.end()).unwrap_or(range);
            comparison
                .unverified
                .push(UnverifiedSlice { slice, reason });
        }
        Ok(missing)
    }

    fn decide(
        &self,
        candidate: &Candidate,
        looked: &Looked,
        comparison: &mut Comparison,
        missing: &mut Vec<MissingEvent>,
        moved: &mut HashSet<EventId>,
    ) {
        let event = &candidate.event;
        let newest = comparison.newest;
        let hour = comparison.hour(event.published);
        let Ok(counts) = looked else {
            hour.unverifiable += 1;
            return;
        };
        if let Some(copies) = counts.get(&event.id).copied().filter(|copies| *copies > 0) {
            stored(candidate, copies, comparison, moved);
            return;
        }
        if self.may_be_on_its_way(event.published, newest) {
            hour.unverifiable += 1;
            comparison.unverified.extend(unverified(
                std::slice::from_ref(candidate),
                "nothing newer is stored yet, so that it may be on its way; audit this time again later",
            ));
            return;
        }
        hour.missing += 1;
        let known = self.audit.known.as_ref().and_then(|known| known(&event.id));
        let shown = || match candidate.runs {
            Some(runs) => comparison.patterns.cause(runs, event.severity),
            None => Cause::Single,
        };
        missing.push(MissingEvent {
            id: event.id.clone(),
            event_type: comparison.types.name(event.event_type).to_owned(),
            published: event.published,
            severity: event.severity,
            cause: known.unwrap_or_else(shown),
        });
    }

    fn may_be_on_its_way(&self, published: DateTime<Utc>, newest: Option<DateTime<Utc>>) -> bool {
        let delay = TimeDelta::from_std(self.audit.visibility_delay).unwrap_or(TimeDelta::MAX);
        let is_newest = newest.is_none_or(|newest| published > newest);
        let slow = delay.checked_mul(SLOW).unwrap_or(TimeDelta::MAX);
        is_newest && self.now.signed_duration_since(published) < slow
    }

    /// Looks for the events of a chunk: from shortly before them up to now. If they are old, and all that is stored in the range is known
    /// (`is_whole`), only around them and behind the range.
    async fn look_up(&mut self, chunk: &[Candidate], is_whole: bool) -> Result<Looked> {
        let ids: Vec<_> = chunk.iter().map(|one| one.event.id.clone()).collect();
        let times = chunk.iter().map(|one| one.event.published);
        let first = times.clone().min().unwrap_or(self.now);
        let last = times.max().unwrap_or(self.now);
        let control = self.nearest(first).map_or(first, |sample| sample.published);
        let (start, end) = (first.min(control) - NEAR, last.max(control) + NEAR);
        let behind = self.samples.last().map_or(start, |sample| sample.published);
        let now = self.now.max(self.audit.range.end());
        if !is_whole || self.now - first < RECENT || end >= behind {
            return self.count(&ids, TimeSlice::new(start, now)?).await;
        }
        let around = match self.count(&ids, TimeSlice::new(start, end)?).await? {
            Ok(counts) => counts,
            unproven => return Ok(unproven),
        };
        let behind = self.count(&ids, TimeSlice::new(behind, now)?).await?;
        Ok(behind.map(|mut counts| {
            for (id, copies) in around {
                *counts.entry(id).or_default() += copies;
            }
            counts
        }))
    }

    /// How often each id is stored in a range.
    async fn count(&mut self, ids: &[EventId], whole: TimeSlice) -> Result<Looked> {
        let mut counts = HashMap::new();
        let mut open = vec![whole];
        let mut has_control = false;
        while let Some(slice) = open.pop() {
            let control = self.within(slice).cloned();
            let mut lookup = Lookup::new(slice, ids);
            if let Some(sample) = &control {
                lookup = lookup.control(&sample.id);
            }
            match self
                .audit
                .client
                .lookup(&self.audit.filter, &lookup)
                .await?
            {
                Answer::Proven(found) => {
                    self.unproven = 0;
                    has_control |= control.is_some();
                    for (id, copies) in found.iter() {
                        *counts.entry(id).or_default() += u64::from(copies);
                    }
                }
                Answer::Unproven(unproven) => {
                    self.unproven += 1;
                    match unproven.halves().filter(|_| self.unproven < HOPELESS) {
                        Some(halves) => open.extend(halves),
                        None => return Ok(Err(unproven.to_string())),
                    }
                }
            }
        }
        Ok(match has_control {
            true => Ok(counts),
            false => {
                Err("no event that is stored for sure could be looked up beside it".to_owned())
            }
        })
    }

    fn nearest(&self, time: DateTime<Utc>) -> Option<&Sample> {
        let place = self
            .samples
            .partition_point(|sample| sample.published < time);
        self.samples.get(place).or_else(|| self.samples.last())
    }

    fn within(&self, slice: TimeSlice) -> Option<&Sample> {
        let place = self
            .samples
            .partition_point(|sample| sample.published < slice.start());
        self.samples
            .get(place)
            .filter(|sample| slice.contains(sample.published))
    }

    /// Decides about logs whose id is not of their time: they are copies of events of another time, or foreign.
    async fn foreign(
        &mut self,
        comparison: &mut Comparison,
        moved: &HashSet<EventId>,
    ) -> Result<()> {
        let seen = std::mem::take(&mut comparison.foreign);
        let (mut copies, mut foreign) = (Vec::new(), Vec::new());
        for log in seen {
            match comparison.is_of_log(&log.id) {
                true if moved.contains(&log.id) => {}
                true => copies.push(log),
                false => foreign.push(log),
            }
        }
        for log in &foreign {
            let hour = comparison.hour(log.hour);
            hour.foreign += u64::from(log.copies);
            hour.in_coralogix += u64::from(log.copies);
        }
        comparison.foreign = foreign;
        copies.sort_by(|one: &ForeignLog, other| one.id.cmp(&other.id));
        copies.dedup_by(|one, other| one.id == other.id);
        for chunk in copies.chunks(IDS) {
            let ids: Vec<_> = chunk.iter().map(|log| log.id.clone()).collect();
            // What is not proven is not doubled: it was found once.
            let counts = self
                .count(
                    &ids,
                    TimeSlice::new(comparison.range.start() - NEAR, self.now)?,
                )
                .await?;
            let counts = counts.unwrap_or_default();
            for log in chunk {
                let all = counts.get(&log.id).copied().unwrap_or_default();
                comparison.hour(log.hour).in_coralogix += u64::from(log.copies);
                if all > 1 {
                    comparison.doubled(log.id.clone(), log.hour, all);
                }
            }
        }
        Ok(())
    }
}

/// An event that was found with another time than its own.
fn stored(
    candidate: &Candidate,
    copies: u64,
    comparison: &mut Comparison,
    moved: &mut HashSet<EventId>,
) {
    let event = &candidate.event;
    let hour = comparison.hour(event.published);
    hour.stored += 1;
    hour.in_coralogix += copies;
    comparison.moved += 1;
    moved.insert(event.id.clone());
    if copies > 1 {
        comparison.doubled(event.id.clone(), event.published, copies);
    }
}

/// The events of the log that are stored with another time of the range, and how often.
fn elsewhere(comparison: &Comparison) -> HashMap<EventId, u64> {
    let mut found = HashMap::new();
    for log in &comparison.foreign {
        if comparison.is_of_log(&log.id) {
            *found.entry(log.id.clone()).or_default() += u64::from(log.copies);
        }
    }
    found
}

/// # Errors
/// `Config` if the range ends too late to say anything about it.
pub(super) fn check(audit: &Audit<'_>) -> Result<()> {
    let delay = TimeDelta::from_std(audit.visibility_delay).unwrap_or(TimeDelta::MAX);
    let (now, end) = (audit.clock.now(), audit.range.end());
    match end <= now && now - end >= delay {
        true => Ok(()),
        false => Err(Error::config(
            "visibility_delay",
            format!(
                "the range {} has not ended {} ago; what is not found may not be visible yet",
                audit.range,
                okta_coralogix_core::internal::text::seconds(audit.visibility_delay)
            ),
        )),
    }
}

fn nothing_found(comparison: &mut Comparison, candidates: &[Candidate]) {
    for candidate in candidates {
        comparison.hour(candidate.event.published).unverifiable += 1;
    }
    comparison.unverified.extend(unverified(
        candidates,
        "not one event was found, so that none is known to be missing: check the scope of the key, the tier, and the names of application and \
         subsystem",
    ));
}

fn unverified(candidates: &[Candidate], reason: &str) -> Option<UnverifiedSlice> {
    let times = candidates.iter().map(|candidate| candidate.event.published);
    let (first, last) = (times.clone().min()?, times.max()?);
    let slice = TimeSlice::new(first, last + TimeDelta::milliseconds(1)).ok()?;
    let reason = match candidates.len() {
        1 => reason.to_owned(),
        events => format!("{events} events: {reason}"),
    };
    Some(UnverifiedSlice { slice, reason })
}
