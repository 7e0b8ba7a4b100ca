//! `--audit-refill`: sends what a round has found missing, each event once by the ledger.
//!
//! A refill is in one of these states, which the file of what is verified keeps:
//! * *measuring*: the time until a log is found is not known, or is longer than half the delay. Nothing is sent;
//! * *ready*: what a round finds missing is sent. Before the first request the events are in the file, as *pending*;
//! * *pending*: the next look comes the delay later, and counts which of the accepted events are stored. Nothing is sent until then.
//!   With 90 % of them it is *ready* again;
//! * *stopped*: with less. A file says so, beside that of what is verified, until a person removes it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::audit::Cause;
use coralogix_sink::query::{Answer, EventId, Lookup, TimeSlice};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::internal::Disk;
use okta_coralogix_core::observe::TracingObserver;
use okta_coralogix_core::{CoralogixMapping, Error, ErrorKind, LogSink, Result};
use serde::{Deserialize, Serialize};

use super::super::refill::{Found, Refill, RefillSettings};
use super::args::REFILL;
use super::round::{AuditSides, Judged, RoundOptions};
use super::state::Record;
use crate::program::metrics::AuditFigures;
use crate::program::pipeline_settings::PipelineOptions;

/// Of a refill's accepted events, in percent, which the next look must find.
const VISIBLE: usize = 90;

/// What a refill sends with.
#[derive(Debug, Clone)]
pub struct RefillSides {
    /// That of the delivery.
    pub sink: Arc<dyn LogSink>,
    /// That of the delivery.
    pub mapping: Arc<CoralogixMapping>,
}

/// What the refills of an org have in common.
#[derive(Debug, Clone)]
pub(crate) struct RefillParts {
    /// The file of what was sent, as that of `--refill-ledger`.
    pub(crate) ledger: PathBuf,
    /// The file that says that a refill is stopped.
    pub(crate) marker: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dead_letters: Arc<dyn DeadLetters>,
    pub(crate) options: PipelineOptions,
}

/// A refill that was not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    at: DateTime<Utc>,
    events: Vec<PendingEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PendingEvent {
    uuid: String,
    published: DateTime<Utc>,
}

impl RefillParts {
    /// Whether something may be sent now.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) async fn allows(&self, record: &Record, delay: TimeDelta) -> Result<(), String> {
        if self.is_stopped().await {
            return Err(format!(
                "it is stopped: read {}, and remove it to go on",
                self.marker.display()
            ));
        }
        if record.pending.is_some() {
            return Err("the one before is to be looked at first".to_owned());
        }
        record.visibility.allows(delay)
    }

    /// True while the marker is there, or cannot be looked for.
    pub(super) async fn is_stopped(&self) -> bool {
        match self.disk.len(&self.marker).await {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// What is about to be sent, to be kept before it is: events that no refill has sent before. `None`: there is none.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(super) async fn pending(
        &self,
        sides: &AuditSides,
        judged: &Judged,
        options: &RoundOptions,
    ) -> Result<Option<Pending>> {
        let settings = self.settings(sides)?;
        let refill = self.open(&settings, options).await?;
        let new = judged.missing.iter().filter(|event| {
            let in_letters = matches!(event.cause, Cause::DeadLettered(_) | Cause::TooOld);
            !in_letters && refill.cause(&event.id).is_none()
        });
        let events = new.map(|event| PendingEvent {
            uuid: event.id.to_string(),
            published: event.published,
        });
        let events: Vec<_> = events.collect();
        let at = options.clock.now();
        Ok((!events.is_empty()).then_some(Pending { at, events }))
    }

    /// Sends what a round has found missing.
    ///
    /// # Errors
    /// Those of the ledger; `Config` if it is too much.
    pub(super) async fn send(
        &self,
        sides: &AuditSides,
        judged: &Judged,
        options: &RoundOptions,
        figures: &AuditFigures,
    ) -> Result<()> {
        let settings = self.settings(sides)?;
        let refill = self.open(&settings, options).await?;
        let found = Found {
            verdict: judged.verdict,
            missing: &judged.missing,
            in_log: judged.in_log,
        };
        let refilled = refill
            .run(
                found,
                &sides.source.clone().clock(Arc::clone(&options.clock)),
                Arc::clone(&self.dead_letters),
                TracingObserver::new(),
                std::future::pending(),
            )
            .await?;
        figures.refilled(refilled.accepted);
        for line in refilled.lines() {
            tracing::warn!("{line}");
        }
        Ok(())
    }

    /// Looks for the events of the refill before, the delay later. True if there is none any more.
    ///
    /// # Errors
    /// Those of the ledger, of Coralogix, and of the marker's file. It is looked again then.
    pub(super) async fn look(
        &self,
        record: &mut Record,
        sides: &AuditSides,
        options: &RoundOptions,
    ) -> Result<bool> {
        let Some(pending) = &record.pending else {
            return Ok(true);
        };
        let now = options.clock.now();
        if now - pending.at < options.delay_of_time() {
            return Ok(false);
        }
        let settings = self.settings(sides)?;
        let refill = self.open(&settings, options).await?;
        let accepted = pending.events.iter().filter(|event| {
            let cause = refill.cause(&EventId::new(&event.uuid));
            cause == Some(Cause::AcceptedNotStored)
        });
        let accepted: Vec<_> = accepted.collect();
        let (Some(first), ids) = (
            accepted.iter().map(|event| event.published).min(),
            accepted
                .iter()
                .map(|event| EventId::new(&event.uuid))
                .collect::<Vec<_>>(),
        ) else {
            record.pending = None;
            return Ok(true);
        };
        let range = TimeSlice::new(first - TimeDelta::hours(1), now)?;
        let lookup = Lookup::new(range, &ids);
        let looked = sides.client.lookup(&sides.filter, &lookup);
        let counts = match looked.await? {
            Answer::Proven(counts) => counts,
            Answer::Unproven(unproven) => {
                return Err(Error::new(
                    ErrorKind::UnexpectedResponse,
                    unproven.to_string(),
                ));
            }
        };
        let visible = ids.iter().filter(|id| counts.get(id) > 0).count();
        if visible * 100 < ids.len() * VISIBLE {
            let text = format!(
                "{visible} of {} events that were refilled at {} are stored, less than {VISIBLE} %. Coralogix accepted all of them: look at its quota, TCO \
                 policies and parsing rules, or raise --audit-delay. Then remove this file, and refills go on; no event is sent a second time.\n",
                ids.len(),
                crate::pull::text(pending.at)
            );
            // Before the record forgets it: a crash in between looks again.
            self.stop(&text).await?;
            tracing::error!(
                "refills are stopped by {}: {}",
                self.marker.display(),
                text.trim_end()
            );
        }
        record.pending = None;
        Ok(true)
    }

    async fn stop(&self, text: &str) -> Result<()> {
        let mut temporary = self.marker.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let folder = self
            .marker
            .parent()
            .filter(|folder| *folder != Path::new(""));
        let written = async {
            self.disk
                .write(&temporary, Bytes::from(text.to_owned()))
                .await?;
            self.disk.rename(&temporary, &self.marker).await?;
            self.disk
                .sync_folder(folder.unwrap_or(Path::new(".")))
                .await
        };
        written.await.map_err(|error: io::Error| {
            let detail = format!("{} cannot be written ({error})", self.marker.display());
            Error::new(ErrorKind::Storage, detail)
        })
    }

    fn settings(&self, sides: &AuditSides) -> Result<RefillSettings> {
        let Some(RefillSides { sink, mapping }) = sides.refill.clone() else {
            let detail = "has nothing to send with";
            return Err(Error::config(REFILL.about.flag, detail));
        };
        Ok(RefillSettings {
            sink,
            mapping,
            options: self.options.clone(),
            ledger: self.ledger.clone(),
            disk: Arc::clone(&self.disk),
            force: false,
        })
    }

    async fn open<'a>(
        &self,
        settings: &'a RefillSettings,
        options: &RoundOptions,
    ) -> Result<Refill<'a>> {
        Refill::open(settings, Arc::clone(&options.clock), options.delay).await
    }
}
