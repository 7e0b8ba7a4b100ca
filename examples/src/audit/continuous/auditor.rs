//! The task that audits an org again and again, beside its delivery.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::FutureExt;
use okta_coralogix_core::internal::Disk;
use okta_coralogix_core::{Error, ErrorKind, Result};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

use super::delivered::DeliveredLog;
use super::ranges::{Asked, Ranges};
use super::refill::RefillParts;
use super::round::{AuditSides, RoundOptions, RoundOutcome, audit};
use super::state::{Record, StateFile};
use super::visibility::{Sampler, Visibility, measure};
use crate::program::metrics::AuditFigures;
use crate::program::start::span;
use crate::pull::text;

/// From the start of the program to its first round: by then the figures are scraped, so that their first increase is seen.
const FIRST_ROUND: Duration = Duration::from_secs(60);

/// How soon it is looked again whether there is time that can be judged.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How soon events that are to be sent are looked for once more, at the latest.
const WANTED_AGAIN: Duration = Duration::from_secs(3600);

/// How long an org may keep others from their turn.
pub(super) const TURN: Duration = Duration::from_secs(2 * 3600);

/// Lets one org of a process be audited at a time.
#[derive(Debug, Clone)]
pub(crate) struct AuditTurns(Arc<Semaphore>);

impl Default for AuditTurns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl AuditTurns {
    /// The turn of an org, until it is dropped.
    pub(super) async fn take(&self) -> OwnedSemaphorePermit {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        turn.expect("it is never closed")
    }
}

/// Makes the two sides of an org, anew for each round: secrets may have changed. May block.
pub(crate) type Connect = Arc<dyn Fn() -> Result<AuditSides> + Send + Sync>;

/// What the audit of an org is made of.
pub(crate) struct AuditorParts {
    /// The name of its pipeline.
    pub(crate) name: String,
    pub(crate) every: Duration,
    pub(crate) options: RoundOptions,
    pub(crate) connect: Connect,
    /// The file of what is verified.
    pub(crate) state: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    /// What its pipeline has delivered; `None`: its events come by another way, whose delay is not known.
    pub(crate) delivered: Option<DeliveredLog>,
    pub(crate) turns: AuditTurns,
    pub(crate) figures: Arc<AuditFigures>,
    /// Set: what is missing is sent, once it is measured how long a log takes.
    pub(crate) refill: Option<(RefillParts, Sampler)>,
}

/// The audit of an org, which goes on until it is dropped. No fault of it reaches the delivery.
#[derive(Debug)]
pub(crate) struct Auditor(JoinHandle<()>);

impl Auditor {
    pub(crate) fn start(parts: AuditorParts) -> Self {
        let within = span(&parts.name);
        let task = Task {
            kept: None,
            first: Instant::now() + FIRST_ROUND.min(parts.every),
            started: parts.options.clock.now(),
            measured: Arc::default(),
            parts,
        };
        Self(tokio::spawn(task.run().instrument(within)))
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The loop of an audit. In each turn it is in one of these states:
/// * *resting*: until the next turn is due;
/// * *opening*: the file of what is verified is read, once, or begun where the delivery begins. An error ends the turn;
/// * *refilling*: the events of the refill before, and those that are wanted, are looked for. An error is told, and ends nothing;
/// * *waiting*: no time can be judged yet: it was published, or delivered, less than the delay ago. It is looked again within a minute;
/// * *auditing*: the ranges of the plan one after the other, each a round, when it is the org's turn. A round of new time that fails leaves
///   the new time behind it to the next turn; open parts have their turn all the same.
pub(super) struct Task {
    pub(super) parts: AuditorParts,
    pub(super) kept: Option<Kept>,
    first: Instant,
    started: DateTime<Utc>,
    /// As the file has it once it is open, and what was measured since.
    measured: Arc<Mutex<Visibility>>,
}

pub(super) struct Kept {
    pub(super) file: StateFile,
    pub(super) record: Record,
}

impl Task {
    async fn run(self) {
        let sampler = self
            .parts
            .refill
            .as_ref()
            .map(|(_, sampler)| sampler.clone());
        let (connect, measured) = (Arc::clone(&self.parts.connect), Arc::clone(&self.measured));
        let measuring = async {
            if let Some(sampler) = sampler {
                measure(sampler, measured, connect).await;
            }
        };
        tokio::join!(self.rounds(), measuring);
    }

    async fn rounds(mut self) {
        let mut next = self.first;
        loop {
            sleep_until(next).await;
            let began = Instant::now();
            let turn = AssertUnwindSafe(self.turn()).catch_unwind().await;
            let turn = turn.unwrap_or_else(|_| {
                let detail = "a fault of the program ended it";
                Err(Error::new(ErrorKind::UnexpectedResponse, detail))
            });
            let rest = match turn {
                Ok(true) => self.parts.every,
                Ok(false) => self.parts.every.min(LOOK_AGAIN),
                Err(error) => {
                    self.failed(&error);
                    self.parts.every
                }
            };
            // Events that wait for a refill are too old after a day.
            let waits = |kept: &Kept| !kept.record.wanted.is_empty();
            let rest = match self.kept.as_ref().is_some_and(waits) {
                true => rest.min(WANTED_AGAIN),
                false => rest,
            };
            next = began + rest;
        }
    }

    /// True if anything was audited.
    async fn turn(&mut self) -> Result<bool> {
        if !self.open().await? {
            return Ok(false);
        }
        self.refill().await;
        let Some(end) = self.end() else {
            return Ok(false);
        };
        let now = self.parts.options.clock.now();
        let kept = self.kept.as_mut().expect("it was opened");
        for open in kept.record.ranges.expire(now) {
            tracing::error!(
                "audit: {} to {} was never verified, and Okta does not keep its events any more: {}",
                text(open.from),
                text(open.to),
                open.reason
            );
        }
        let plan = kept.record.ranges.plan(end);
        // New time is audited in its order; a fault of it does not keep open parts from theirs.
        let (new, open): (Vec<Asked>, Vec<Asked>) = plan
            .iter()
            .copied()
            .partition(|asked| asked.range == asked.part);
        let mut ended = Ok(!plan.is_empty());
        for parts in [new, open] {
            for asked in parts {
                let turn = self.parts.turns.take().await;
                let round = timeout(TURN, self.round(asked)).await;
                drop(turn);
                let round = match round {
                    Ok(round) => round,
                    Err(_) => Err(self.late(asked).await),
                };
                if round.is_err() {
                    ended = ended.and(round.map(|()| true));
                    break;
                }
            }
        }
        ended
    }

    /// The next ranges are shorter, so that an org of which a day takes too long gets on.
    async fn late(&mut self, asked: Asked) -> Error {
        let saved = match &mut self.kept {
            Some(Kept { file, record }) => {
                record.ranges.was_late();
                file.save(record).await
            }
            None => Ok(()),
        };
        saved.err().unwrap_or_else(|| late(asked))
    }

    /// Time before this can be judged: it is so long ago, and was delivered so long ago.
    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        let end = self.settled()?;
        // Okta's times have milliseconds.
        Some(end.duration_trunc(TimeDelta::seconds(1)).unwrap_or(end))
    }

    /// Opens the file, and begins it where the delivery does. False: that is not known yet.
    async fn open(&mut self) -> Result<bool> {
        if self.kept.is_some() {
            return Ok(true);
        }
        let org = self.sides().await?.org;
        let opened = StateFile::open(Arc::clone(&self.parts.disk), &self.parts.state, &org);
        let (file, record) = opened.await?;
        let begun = match &self.parts.delivered {
            Some(delivered) => delivered.begun(),
            None => Some(self.started),
        };
        let record = match (record, begun) {
            (Some(record), _) => record,
            (None, None) => return Ok(false),
            (None, Some(begun)) => {
                let begun = begun.duration_trunc(TimeDelta::seconds(1)).unwrap_or(begun);
                let record = Record::new(&org, Ranges::beginning(begun));
                // Now: a program that never lives for the delay is one that is not audited.
                file.save(&record).await?;
                record
            }
        };
        self.parts
            .figures
            .verified(record.ranges.verified_through(), record.last_proof);
        tracing::info!(
            "the audit goes on: what was published before {} is verified, or older than its first round",
            text(record.ranges.verified_through())
        );
        {
            let mut measured = self.measured();
            measured.add_all(&record.visibility);
        }
        self.kept = Some(Kept { file, record });
        Ok(true)
    }

    /// What was published before this was delivered the delay ago, if it is.
    pub(super) fn settled(&self) -> Option<DateTime<Utc>> {
        let RoundOptions { delay, clock, .. } = &self.parts.options;
        let ago = clock.now() - TimeDelta::from_std(*delay).unwrap_or(TimeDelta::zero());
        match &self.parts.delivered {
            Some(delivered) => Some(delivered.settled_through()?.min(ago)),
            None => Some(ago),
        }
    }

    pub(super) fn measured(&self) -> MutexGuard<'_, Visibility> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn sides(&self) -> Result<AuditSides> {
        connected(&self.parts.connect).await
    }

    async fn round(&mut self, asked: Asked) -> Result<()> {
        let sides = self.sides().await?;
        let options = &self.parts.options;
        let judged = audit(&sides, asked, options).await?;
        // Told before it is kept: a crash in between tells it twice.
        judged.log(&sides.target, asked.range != asked.part);
        let now = options.clock.now();
        if judged.outcome() == RoundOutcome::Complete && asked.range == asked.part {
            self.measured().clean(asked.part.end() - asked.part.start());
        }
        let visibility = self.measured().clone();
        let Some(Kept { file, record }) = &mut self.kept else {
            return Ok(());
        };
        record.visibility = visibility;
        if self.parts.refill.is_some() {
            let left = record.wanted.note(&judged.missing, now);
            if left > 0 {
                tracing::error!(
                    "{left} missing events are too many to be noted for a refill: the program audit refills them by hand"
                );
            }
        }
        record.ranges.was_in_time(asked.range);
        record.ranges.audited(asked.part, &judged.open, now);
        if judged.proves_something() {
            record.last_proof = Some(now);
        }
        let figures = &self.parts.figures;
        figures.round(judged.outcome().as_str(), judged.json(now));
        figures.events("missing", judged.missing.len() as u64);
        figures.events("doubled", judged.doubled.len() as u64);
        figures.events("foreign", judged.foreign_logs());
        figures.verified(record.ranges.verified_through(), record.last_proof);
        file.save(record).await
    }

    fn failed(&self, error: &Error) {
        let every = humantime::format_duration(self.parts.every);
        tracing::warn!(
            "the audit failed, and is repeated in {every}; the delivery goes on: {error}"
        );
        let outcome = RoundOutcome::Failed.as_str();
        let at = text(self.parts.options.clock.now());
        let round = json!({ "at": at, "outcome": outcome, "error": error.to_string() });
        self.parts.figures.round(outcome, round);
    }
}

pub(super) async fn connected(connect: &Connect) -> Result<AuditSides> {
    let connect = Arc::clone(connect);
    let connecting = tokio::task::spawn_blocking(move || connect());
    connecting.await.map_err(|error| {
        let detail = "a fault of the program ended the reading of the settings";
        Error::new(ErrorKind::UnexpectedResponse, detail).with_source(error)
    })?
}

pub(super) fn late(asked: Asked) -> Error {
    let detail = format!(
        "the audit of {} took longer than two hours, and was ended so that other orgs have their turn",
        asked.range
    );
    Error::new(ErrorKind::TimedOut, detail)
}
