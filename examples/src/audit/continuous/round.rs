//! One round: a range is audited, and what that decides is told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::audit::{
    Audit, AuditReport, AuditVerdict, Cause, DEFAULT_VISIBILITY_DELAY, MissingEvent,
};
use coralogix_sink::query::{EventFilter, EventId, QueryClient, TimeSlice};
use futures::TryStreamExt;
use okta_coralogix_core::filter::EventTypeFilter;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Clock, Error, ErrorKind, Result};
use okta_source::OktaSourceBuilder;
use serde_json::{Value, json};

use super::super::letters;
use super::super::okta::{events, of_okta};
use super::ranges::Asked;
use super::refill::RefillSides;
use crate::pull::text;

/// How long Okta and Coralogix are asked again without an answer: the next round asks too, and other orgs wait for their turn.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// Events that are looked up by themselves, at most: half an hour at 20 queries a minute.
const MAX_LOOKUPS: usize = 50_000;

/// Events that a line of the log names, at most.
const NAMED: usize = 10;

/// Causes that a line of the log has, at most.
const CAUSES: usize = 3;

/// The two sides of an org.
#[derive(Debug, Clone)]
pub struct AuditSides {
    /// The address of the org.
    pub org: String,
    /// Its log, with the share of its rate that an audit may use.
    pub source: OktaSourceBuilder,
    /// Asks what is stored.
    pub client: Arc<QueryClient>,
    /// Which logs are of this org.
    pub filter: EventFilter,
    /// These logs in words.
    pub target: String,
    /// What missing events are sent with, if they are.
    pub refill: Option<RefillSides>,
}

/// What all rounds of an org have in common.
#[derive(Debug, Clone)]
pub(crate) struct RoundOptions {
    /// How long ago the audited time ends.
    pub(crate) delay: Duration,
    /// What the pipeline delivers; `None`: all.
    pub(crate) event_types: Option<EventTypeFilter>,
    /// The file of the dead letters, which have the causes of some losses.
    pub(crate) dead_letters: Option<PathBuf>,
    /// Its name in the file of `--config`, whose integrations share the dead letters: those of another one are not its own.
    pub(crate) integration: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl RoundOptions {
    pub(super) fn delay_of_time(&self) -> TimeDelta {
        TimeDelta::from_std(self.delay).unwrap_or(TimeDelta::MAX)
    }
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoundOutcome {
    /// Every event of it is stored, once.
    Complete,
    /// Something is missing, doubled or foreign.
    Differences,
    /// No difference was found, and a part of it is without proof.
    Unverified,
    /// Okta or Coralogix did not answer, or the state could not be kept.
    Failed,
}

impl RoundOutcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Differences => "differences",
            Self::Unverified => "unverified",
            Self::Failed => "failed",
        }
    }
}

/// What a round has decided of its part. The counts are of what is verified: each time is, once.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) part: TimeSlice,
    /// Where there was no proof, and why.
    pub(super) open: Vec<(TimeSlice, String)>,
    pub(super) missing: Vec<MissingEvent>,
    pub(super) doubled: Vec<EventId>,
    /// Ids, and how many logs have them.
    pub(super) foreign: Vec<(EventId, u32)>,
    /// Events of the whole range, the time around the part included.
    pub(super) in_log: u64,
    /// Events that have no id to be looked for.
    pub(super) without_id: u64,
    pub(super) queries: u64,
    pub(super) verdict: AuditVerdict,
}

/// Audits a range as `audit` does.
///
/// # Errors
/// Those of Okta, whose text begins with its name, and of Coralogix.
pub(super) async fn audit(
    sides: &AuditSides,
    asked: Asked,
    options: &RoundOptions,
) -> Result<Judged> {
    let (start, end) = (asked.range.start(), asked.range.end());
    let source = sides.source.clone().clock(Arc::clone(&options.clock));
    let source = source.checkpoint(MemoryCheckpoint::default());
    let source = source.open_backfill(start..end).await;
    let source = source.map_err(|error| of_okta(&error))?;
    let log = events(source, options.event_types.clone(), start, GIVE_UP_AFTER);
    let report = Audit::new(&sides.client, sides.filter.clone(), asked.range)
        .visibility_delay(options.delay.min(DEFAULT_VISIBILITY_DELAY))
        .decides(asked.part)
        .max_lookups(MAX_LOOKUPS)
        .clock(Arc::clone(&options.clock))
        .run(log.map_err(|error| of_okta(&error)))
        .await?;
    let mut judged = Judged::of(&report, asked);
    let missing = judged.missing.iter().map(|event| event.id.clone());
    let causes = in_letters(options, missing.collect()).await?;
    judged.explain(&causes);
    Ok(judged)
}

/// Which of the events are in the dead letters, and why.
///
/// # Errors
/// `Config` if a file of them cannot be read.
pub(super) async fn in_letters(
    options: &RoundOptions,
    events: HashSet<EventId>,
) -> Result<HashMap<EventId, Cause>> {
    let path = options.dead_letters.clone();
    let Some(path) = path.filter(|_| !events.is_empty()) else {
        return Ok(HashMap::new());
    };
    let integration = options.integration.clone();
    let read = tokio::task::spawn_blocking(move || {
        letters::causes_of(&path, integration.as_deref(), &events)
    });
    read.await.map_err(interrupted)?
}

fn interrupted(error: tokio::task::JoinError) -> Error {
    let detail = "a fault of the program ended the reading of the dead letters";
    Error::new(ErrorKind::UnexpectedResponse, detail).with_source(error)
}

impl Judged {
    fn of(report: &AuditReport, Asked { range, part }: Asked) -> Self {
        let verdict = report.verdict();
        let unverified = report.unverified().iter();
        let mut open: Vec<_> = unverified
            .filter_map(|slice| Some((within(slice.slice, part)?, slice.reason.clone())))
            .collect();
        if verdict == AuditVerdict::NothingFound {
            let reason = open.pop().map_or_else(String::new, |(_, reason)| reason);
            open = vec![(part, reason)];
        }
        let is_decided = |time: DateTime<Utc>| {
            part.contains(time) && !open.iter().any(|(slice, _)| slice.contains(time))
        };
        // A foreign log is known by its hour, of which the part may have the end only.
        let is_hour_decided = |hour: DateTime<Utc>| {
            hour + TimeDelta::hours(1) > part.start() && is_decided(hour.max(part.start()))
        };
        let missing = report.missing().iter();
        let doubled = report.doubled().iter();
        let foreign = report.foreign().iter();
        let totals = report.totals();
        let is_whole = range == part && open.is_empty();
        Self {
            part,
            missing: missing
                .filter(|event| is_decided(event.published))
                .cloned()
                .collect(),
            doubled: doubled
                .filter(|event| is_decided(event.time))
                .map(|event| event.id.clone())
                .collect(),
            foreign: foreign
                .filter(|log| is_hour_decided(log.hour))
                .map(|log| (log.id.clone(), log.copies))
                .collect(),
            in_log: totals.in_log,
            without_id: if is_whole { totals.unverifiable } else { 0 },
            queries: report.queries(),
            open,
            verdict,
        }
    }

    /// What is known of missing events comes before what shows in the others.
    fn explain(&mut self, causes: &HashMap<EventId, Cause>) {
        for event in &mut self.missing {
            if let Some(cause) = causes.get(&event.id) {
                event.cause = cause.clone();
            }
        }
    }

    pub(super) fn outcome(&self) -> RoundOutcome {
        let differs =
            !self.missing.is_empty() || !self.doubled.is_empty() || !self.foreign.is_empty();
        match (differs, self.open.is_empty()) {
            (true, _) => RoundOutcome::Differences,
            (false, true) => RoundOutcome::Complete,
            (false, false) => RoundOutcome::Unverified,
        }
    }

    /// True if a part of it is verified.
    pub(super) fn proves_something(&self) -> bool {
        self.open.iter().all(|(slice, _)| *slice != self.part)
    }

    pub(super) fn foreign_logs(&self) -> u64 {
        self.foreign
            .iter()
            .map(|(_, copies)| u64::from(*copies))
            .sum()
    }

    /// One line of the log: loud if something differs, or is without proof for the first time.
    pub(super) fn log(&self, target: &str, is_retry: bool) {
        let counts = format!(
            "audit of {}: {} events in Okta, against {target}",
            self.part, self.in_log
        );
        let open = self.open_in_words();
        match self.outcome() {
            RoundOutcome::Complete => {
                let without_id = match self.without_id {
                    0 => String::new(),
                    events => format!("; {events} events without a uuid cannot be looked for"),
                };
                tracing::info!("{counts}: complete ({} queries){without_id}", self.queries);
            }
            RoundOutcome::Differences if self.missing.is_empty() => tracing::warn!(
                "{counts}: {} doubled, {} foreign: {}{open}",
                self.doubled.len(),
                self.foreign_logs(),
                self.named()
            ),
            RoundOutcome::Differences => tracing::error!(
                "{counts}: {} missing, {} doubled, {} foreign: {}: {}{open}",
                self.missing.len(),
                self.doubled.len(),
                self.foreign_logs(),
                self.named(),
                self.causes()
            ),
            // It was said before.
            _ if is_retry => tracing::info!("{counts}{open}"),
            _ => tracing::warn!("{counts}{open}"),
        }
    }

    fn open_in_words(&self) -> String {
        let Some((slice, reason)) = self.open.first() else {
            return String::new();
        };
        let more = match self.open.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more parts"),
        };
        format!("; not verified, and audited again: {slice}{more}: {reason}")
    }

    /// The uuids of some events: of those that are missing, else of the others.
    fn named(&self) -> String {
        let missing = self.missing.iter().map(|event| &event.id);
        let others = self
            .doubled
            .iter()
            .chain(self.foreign.iter().map(|(id, _)| id));
        let all: Vec<_> = match self.missing.is_empty() {
            true => others.collect(),
            false => missing.collect(),
        };
        let named = all.iter().take(NAMED).map(ToString::to_string);
        let named = named.collect::<Vec<_>>().join(", ");
        match all.len().saturating_sub(NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }

    fn causes(&self) -> String {
        let mut causes: BTreeMap<String, usize> = BTreeMap::new();
        for event in &self.missing {
            *causes.entry(event.cause.to_string()).or_default() += 1;
        }
        let mut causes: Vec<_> = causes.into_iter().collect();
        causes.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
        let listed = causes.iter().take(CAUSES);
        let listed = listed.map(|(cause, events)| format!("{events} by {cause}"));
        listed.collect::<Vec<_>>().join("; ")
    }

    /// For `/status`.
    pub(super) fn json(&self, at: DateTime<Utc>) -> Value {
        let missing = self.missing.iter().take(NAMED);
        let missing: Vec<_> = missing
            .map(|event| json!({ "uuid": event.id.to_string(), "cause": event.cause.as_str() }))
            .collect();
        json!({
            "at": text(at),
            "outcome": self.outcome().as_str(),
            "verdict": self.verdict.as_str(),
            "from": text(self.part.start()),
            "to": text(self.part.end()),
            "in_okta": self.in_log,
            "missing": self.missing.len(),
            "doubled": self.doubled.len(),
            "foreign": self.foreign_logs(),
            "first_missing": missing,
            "not_verified": self.open.first().map(|(_, reason)| reason),
            "queries": self.queries,
        })
    }
}

/// The part of `slice` that is in `part`.
fn within(slice: TimeSlice, part: TimeSlice) -> Option<TimeSlice> {
    TimeSlice::new(slice.start().max(part.start()), slice.end().min(part.end())).ok()
}
