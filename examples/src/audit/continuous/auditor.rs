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
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

use super::delivered::DeliveredLog;
use super::ranges::{Asked, Ranges};
use super::refill::RefillParts;
use super::round::{AuditSides, Judged, RoundOptions, RoundOutcome, audit};
use super::state::{Record, StateFile};
use super::visibility::{Sampler, Visibility, measure};
use crate::program::metrics::AuditFigures;
use crate::program::start::span;
use crate::pull::text;

/// From the start of the program to its first round: by then the figures are scraped, so that their first increase is seen.
const FIRST_ROUND: Duration = Duration::from_secs(60);

/// How soon it is looked again whether there is time that can be judged.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How long an org may keep others from their turn.
const TURN: Duration = Duration::from_secs(2 * 3600);

/// Lets one org of a process be audited at a time.
#[derive(Debug, Clone)]
pub(crate) struct AuditTurns(Arc<Semaphore>);

impl Default for AuditTurns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
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
/// * *opening*: the file of what is verified is read, once. An error ends the turn;
/// * *waiting*: no time can be judged yet: it was published, or delivered, less than the delay ago. It is looked again within a minute;
/// * *auditing*: the ranges of the plan one after the other, each a round, when it is the org's turn. A round that fails ends the turn.
struct Task {
    parts: AuditorParts,
    kept: Option<Kept>,
    first: Instant,
    /// As the file has it once it is open, and what was measured since.
    measured: Arc<Mutex<Visibility>>,
}

struct Kept {
    file: StateFile,
    record: Record,
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
            next = began + rest;
        }
    }

    /// True if anything was audited.
    async fn turn(&mut self) -> Result<bool> {
        let Some(end) = self.end() else {
            return Ok(false);
        };
        self.open(end).await?;
        self.look_at_refill().await;
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
        for asked in &plan {
            // Never closed.
            let turn = Arc::clone(&self.parts.turns.0).acquire_owned().await;
            timeout(TURN, self.round(*asked))
                .await
                .map_err(|_| late(*asked))??;
            drop(turn);
        }
        Ok(!plan.is_empty())
    }

    /// Time before this can be judged: it is so long ago, and was delivered so long ago.
    fn end(&self) -> Option<DateTime<Utc>> {
        let RoundOptions { delay, clock, .. } = &self.parts.options;
        let ago = clock.now() - TimeDelta::from_std(*delay).unwrap_or(TimeDelta::zero());
        let end = match &self.parts.delivered {
            Some(delivered) => delivered.settled_through()?.min(ago),
            None => ago,
        };
        // Okta's times have milliseconds.
        Some(end.duration_trunc(TimeDelta::seconds(1)).unwrap_or(end))
    }

    async fn open(&mut self, end: DateTime<Utc>) -> Result<()> {
        if self.kept.is_some() {
            return Ok(());
        }
        let org = self.sides().await?.org;
        let opened = StateFile::open(Arc::clone(&self.parts.disk), &self.parts.state, &org);
        let (file, record) = opened.await?;
        let record = record.unwrap_or_else(|| {
            let every = TimeDelta::from_std(self.parts.every).unwrap_or(TimeDelta::zero());
            Record::new(&org, Ranges::beginning(end - every))
        });
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
        Ok(())
    }

    /// Looks at the refill before, once it is time; a fault of that ends no round.
    async fn look_at_refill(&mut self) {
        let Some((refill, _)) = self.parts.refill.clone() else {
            return;
        };
        let looked = async {
            let sides = self.sides().await?;
            let options = self.parts.options.clone();
            let Some(Kept { file, record }) = &mut self.kept else {
                return Ok(());
            };
            if record.pending.is_some() && refill.look(record, &sides, &options).await? {
                file.save(record).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = looked.await {
            tracing::warn!("a refill cannot be looked at, and is in the next round: {error}");
        }
        let is_stopped = refill.is_stopped().await;
        self.parts.figures.refill_stopped(is_stopped);
    }

    /// Sends what a round has found missing, if that is allowed; a fault of that ends no round.
    async fn refill(&mut self, sides: &AuditSides, judged: &Judged) {
        let Some((refill, _)) = self
            .parts
            .refill
            .clone()
            .filter(|_| !judged.missing.is_empty())
        else {
            return;
        };
        let options = self.parts.options.clone();
        let Some(Kept { file, record }) = &mut self.kept else {
            return;
        };
        if let Err(why) = refill.allows(record, options.delay_of_time()).await {
            tracing::warn!("nothing is refilled: {why}; the program audit does it by hand");
            return;
        }
        let figures = Arc::clone(&self.parts.figures);
        let sent = async {
            record.pending = refill.pending(sides, judged, &options).await?;
            if record.pending.is_none() {
                return Ok(());
            }
            file.save(record).await?;
            refill.send(sides, judged, &options, &figures).await
        };
        if let Err(error) = sent.await {
            tracing::error!("the refill failed: {error}");
        }
    }

    fn measured(&self) -> MutexGuard<'_, Visibility> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sides(&self) -> Result<AuditSides> {
        connected(&self.parts.connect).await
    }

    async fn round(&mut self, asked: Asked) -> Result<()> {
        let sides = self.sides().await?;
        let options = &self.parts.options;
        let judged = audit(&sides, asked, options).await?;
        // Told before it is kept: a crash in between tells it twice.
        judged.log(&sides.target, asked.range != asked.part);
        let now = options.clock.now();
        self.refill(&sides, &judged).await;
        if judged.outcome() == RoundOutcome::Complete && asked.range == asked.part {
            self.measured().clean(asked.part.end() - asked.part.start());
        }
        let visibility = self.measured().clone();
        let Some(Kept { file, record }) = &mut self.kept else {
            return Ok(());
        };
        record.visibility = visibility;
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

fn late(asked: Asked) -> Error {
    let detail = format!(
        "the audit of {} took longer than two hours, and was ended so that other orgs have their turn",
        asked.range
    );
    Error::new(ErrorKind::TimedOut, detail)
}
