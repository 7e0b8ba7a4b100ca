//! `--refill`: sends the missing events through the pipeline of `pull`, each once by the ledger.

mod args;
mod ledger;
mod once_sink;
mod source;
#[cfg(test)]
mod tests;

pub use args::RefillGroup;
pub(super) use args::{FORCE, LEDGER, REFILL};

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::audit::{AuditReport, AuditVerdict, Cause, MissingEvent};
use coralogix_sink::query::{EventId, TimeSlice};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::internal::Disk;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{Clock, CoralogixMapping, Error, LogSink, Pipeline, Result, Summary};
use okta_source::OktaSourceBuilder;

use self::ledger::{Decision, Ledger};
use self::once_sink::OnceSink;
use self::source::{Ends, RefillParts, RefillSource};
use crate::program::ExitStatus;
use crate::program::pipeline::{self, configure};
use crate::program::pipeline_settings::PipelineOptions;

/// Events that are sent without `--force`, at least; more only up to a thousandth of the range.
const CAP: u64 = 500;

/// A run of a refill ends after this long without progress.
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// Missing events that are further apart are read from Okta in ranges of their own.
const GAP: TimeDelta = TimeDelta::minutes(30);

/// What a refill needs.
#[derive(Debug, Clone)]
pub(super) struct RefillSettings {
    /// The integration whose events are sent, as its pipeline is named: dead letters have the name, by which a replay finds their place.
    pub(super) integration: String,
    pub(super) sink: Arc<dyn LogSink>,
    pub(super) mapping: Arc<CoralogixMapping>,
    pub(super) options: PipelineOptions,
    pub(super) ledger: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) force: bool,
}

/// What a refill has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refilled {
    pub(super) accepted: u64,
    pub(super) dead_lettered: u64,
    /// Older than 24 hours, and so not sent.
    pub(super) too_old: u64,
    /// In the dead letters already, which a replay sends.
    pub(super) in_dead_letters: u64,
    /// Accepted by Coralogix before, and not stored.
    pub(super) accepted_before: u64,
    /// May have arrived: looked up again by the next audit.
    pub(super) unknown: u64,
    /// Sent twice before.
    pub(super) spent: u64,
    /// Not found in Okta's log any more, or not sent before the run ended.
    pub(super) left: u64,
    pub(super) error: Option<String>,
}

/// The ledger of a refill, opened before the audit, so that it says what is known of an event.
#[derive(Debug)]
pub(super) struct Refill<'a> {
    settings: &'a RefillSettings,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    delay: TimeDelta,
}

/// What an audit has found, as far as a refill is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'r> {
    pub(super) verdict: AuditVerdict,
    pub(super) missing: &'r [MissingEvent],
    pub(super) in_log: u64,
}

impl<'r> From<&'r AuditReport> for Found<'r> {
    fn from(report: &'r AuditReport) -> Self {
        Self {
            verdict: report.verdict(),
            missing: report.missing(),
            in_log: report.totals().in_log,
        }
    }
}

impl<'a> Refill<'a> {
    /// # Errors
    /// Those of the ledger's file.
    pub(super) async fn open(
        settings: &'a RefillSettings,
        clock: Arc<dyn Clock>,
        delay: Duration,
    ) -> Result<Self> {
        let run = format!(
            "{}-{:08x}",
            clock.now().timestamp_millis(),
            fastrand::u32(..)
        );
        let disk = Arc::clone(&settings.disk);
        Ok(Self {
            settings,
            ledger: Ledger::open(disk, &settings.ledger, run).await?,
            clock,
            delay: TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX),
        })
    }

    /// What the ledger knows of an event.
    pub(super) fn cause(&self, event: &EventId) -> Option<Cause> {
        self.ledger.cause(event)
    }

    /// Sends what is missing and may be sent.
    ///
    /// # Errors
    /// `Config` if the report is none to act on, or too much is missing; those of the ledger.
    pub(super) async fn run(
        mut self,
        found: impl Into<Found<'_>>,
        builder: &OktaSourceBuilder,
        dead_letters: impl DeadLetters,
        observer: impl Observer,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Refilled> {
        let found = found.into();
        if found.verdict == AuditVerdict::NothingFound {
            let detail = "nothing is sent, since not one event was found: that shows a wrong setting more likely than a loss of all";
            return Err(Error::config(REFILL.about.flag, detail));
        }
        let mut refilled = Refilled::default();
        let wanted = self.wanted(found.missing, &mut refilled).await?;
        let cap = CAP.max(found.in_log / 1_000);
        if wanted.len() as u64 > cap && !self.settings.force {
            let detail = format!(
                "nothing is sent, since {} events would be, more than {cap} (500, or a thousandth of the range): look at the report, and add \
                 --force if it is right",
                wanted.len()
            );
            return Err(Error::config(REFILL.about.flag, detail));
        }
        if wanted.is_empty() {
            return Ok(refilled);
        }
        let asked = wanted.len() as u64;
        let sink = OnceSink::new(Arc::clone(&self.settings.sink));
        let ends = Ends::default();
        let unknown = Arc::new(AtomicUsize::new(0));
        let source = RefillSource::new(RefillParts {
            builder: builder.clone(),
            ranges: ranges(&wanted),
            wanted: wanted
                .iter()
                .map(|event| event.id.clone())
                .collect::<HashSet<_>>(),
            ledger: self.ledger,
            ends: ends.clone(),
            undecided: sink.undecided(),
            unknown: Arc::clone(&unknown),
            clock: Arc::clone(&self.clock),
        });
        let options = &self.settings.options;
        let pipeline = Pipeline::builder(source, Arc::new(sink) as Arc<dyn LogSink>)
            .name(&self.settings.integration)
            .mapping(Arc::clone(&self.settings.mapping))
            .dead_letters(dead_letters);
        let pipeline = configure(pipeline, (ends, observer), options, Some(GIVE_UP_AFTER))
            .clock(Arc::clone(&self.clock))
            .max_in_flight_requests(1)
            .build()?;
        let summary = match pipeline::run(pipeline, shutdown).await {
            ExitStatus::Done(summary) | ExitStatus::HandedBack(summary) => summary,
            ExitStatus::Failed(error, summary) => {
                refilled.error = Some(error.to_string());
                summary
            }
            ExitStatus::WrongSetting(error) | ExitStatus::Silent(_, Some(error)) => {
                return Err(error);
            }
            ExitStatus::Silent(_, None) => Summary::default(),
        };
        refilled.accepted = summary.delivered;
        refilled.dead_lettered = summary.dead_lettered;
        refilled.too_old += summary.too_old;
        let unknown = unknown.load(Ordering::SeqCst) as u64;
        refilled.unknown += unknown;
        let ended = summary.delivered + summary.dead_lettered + summary.too_old + unknown;
        refilled.left = asked.saturating_sub(ended);
        Ok(refilled)
    }

    /// The missing events that may be sent; counts the others.
    async fn wanted<'r>(
        &mut self,
        missing: &'r [MissingEvent],
        refilled: &mut Refilled,
    ) -> Result<Vec<&'r MissingEvent>> {
        let now = self.clock.now();
        let restamps = self.settings.options.too_old == Some(AgePolicy::Restamp);
        let mut wanted = Vec::new();
        for event in missing {
            if matches!(event.cause, Cause::DeadLettered(_) | Cause::TooOld) {
                refilled.in_dead_letters += 1;
                continue;
            }
            match self.ledger.decide(&event.id, now, self.delay).await? {
                Decision::Send if !restamps && is_too_old(event, now) => refilled.too_old += 1,
                Decision::Send => wanted.push(event),
                Decision::Accepted => refilled.accepted_before += 1,
                Decision::DeadLettered => refilled.in_dead_letters += 1,
                Decision::Unknown => refilled.unknown += 1,
                Decision::Spent => refilled.spent += 1,
            }
        }
        Ok(wanted)
    }
}

fn is_too_old(event: &MissingEvent, now: DateTime<Utc>) -> bool {
    let limit = TimeDelta::from_std(AgeFilter::DEFAULT_LIMIT).unwrap_or(TimeDelta::MAX);
    now.signed_duration_since(event.published) >= limit
}

/// The ranges of Okta's log that have the events, which are in the order of their time.
fn ranges(events: &[&MissingEvent]) -> VecDeque<TimeSlice> {
    let mut ranges: VecDeque<(DateTime<Utc>, DateTime<Utc>)> = VecDeque::new();
    for event in events {
        // Okta's range has no end, and is in milliseconds.
        let end = event.published + TimeDelta::milliseconds(2);
        match ranges
            .back_mut()
            .filter(|(_, last)| event.published - *last < GAP)
        {
            Some((_, last)) => *last = end,
            None => ranges.push_back((event.published - TimeDelta::milliseconds(1), end)),
        }
    }
    let slices = ranges.into_iter();
    slices
        .filter_map(|(start, end)| TimeSlice::new(start, end).ok())
        .collect()
}

impl Refilled {
    /// The counts, whose names stay as they are.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "accepted": self.accepted,
            "dead_lettered": self.dead_lettered,
            "too_old": self.too_old,
            "in_dead_letters": self.in_dead_letters,
            "accepted_before": self.accepted_before,
            "unknown": self.unknown,
            "spent": self.spent,
            "left": self.left,
            "error": self.error,
        })
    }

    /// What was done, in words.
    pub(super) fn lines(&self) -> Vec<String> {
        let counts = [
            (self.accepted, "sent, and accepted by Coralogix"),
            (
                self.dead_lettered,
                "could not be sent, and are in the dead letters",
            ),
            (
                self.too_old,
                "are older than 24 hours and were not sent; --too-old restamp sends them with the present time",
            ),
            (
                self.in_dead_letters,
                "are in the dead letters, from which replay sends them",
            ),
            (
                self.accepted_before,
                "were accepted before and are not stored, so that sending them again does not help",
            ),
            (
                self.unknown,
                "may have arrived before; the next audit after the visibility delay looks for them again",
            ),
            (self.spent, "were sent twice before, and are not sent again"),
            (self.left, "were not sent, and are left for the next refill"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let mut lines: Vec<_> = counts
            .map(|(count, what)| format!("refill: {count} {what}"))
            .collect();
        if lines.is_empty() {
            lines.push("refill: there was nothing to send".to_owned());
        }
        lines.extend(
            self.error
                .as_ref()
                .map(|error| format!("refill: ended early: {error}")),
        );
        lines
    }
}
