//! `--audit-refill`: sends what a round has found missing and a second look has too, each event once by the ledger.
//!
//! A refill is in one of these states, which the file of what is verified keeps:
//! * *measuring*: the time until a log is found is not known, or is longer than half the delay. Nothing is sent, and what is missing stays noted;
//! * *ready*: what was noted (`wanted`) and is missing still is sent. Before the first request the events are in the file, as *pending*;
//! * *pending*: the next look comes the delay later, and counts which of the accepted events are stored. Nothing is sent until then.
//!   With 90 % of them it is *ready* again;
//! * *stopped*: with less. A file says so, beside that of what is verified, until a person removes it.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::audit::{Cause, MissingEvent};
use coralogix_sink::query::{Answer, EventId, Lookup, TimeSlice};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::internal::Disk;
use okta_coralogix_core::observe::TracingObserver;
use okta_coralogix_core::{CoralogixMapping, Error, ErrorKind, LogSink, Result};
use serde::{Deserialize, Serialize};

use super::super::refill::{Found, Refill, RefillSettings};
use super::args::REFILL;
use super::round::{AuditSides, Judged, RoundOptions};
use super::state::{Record, StateFile, replace};
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
    /// The name of the delivery's pipeline, which dead letters have.
    pub(crate) integration: String,
    /// The file of what was sent, as that of `--refill-ledger`.
    pub(crate) ledger: PathBuf,
    /// The file that says that a refill is stopped.
    pub(crate) marker: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dead_letters: Arc<dyn DeadLetters>,
    pub(crate) options: PipelineOptions,
    /// How much later than the time of its note the pipeline may read an event again.
    pub(crate) reread_every: TimeDelta,
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

    /// Sends `missing`, which was looked for twice, but for what a refill has sent before. What is about to be sent is in the file before
    /// the first request. Returns what was not sent, and may be by the next one.
    ///
    /// # Errors
    /// Those of the ledger and of the file, after which nothing is forgotten.
    pub(super) async fn send(
        &self,
        (record, file): (&mut Record, &StateFile),
        sides: &AuditSides,
        (judged, missing): (&Judged, Vec<MissingEvent>),
        (options, figures): (&RoundOptions, &AuditFigures),
    ) -> Result<HashSet<EventId>> {
        let settings = self.settings(sides)?;
        let refill = self.open(&settings, options).await?;
        let all = missing.len();
        // One whose answer was lost is left to `audit --refill`, which a person sees.
        let new = missing.into_iter();
        let new: Vec<_> = new
            .filter(|event| refill.cause(&event.id).is_none())
            .collect();
        if new.len() < all {
            tracing::warn!(
                "{} missing events were sent by a refill before, and are left to the program audit, which refills by hand",
                all - new.len()
            );
        }
        if new.is_empty() {
            return Ok(HashSet::new());
        }
        let events = new.iter().map(|event| PendingEvent {
            uuid: event.id.to_string(),
            published: event.published,
        });
        record.pending = Some(Pending {
            at: options.clock.now(),
            events: events.collect(),
        });
        file.save(record).await?;
        let found = Found {
            verdict: judged.verdict,
            missing: &new,
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
            .await;
        let refilled = match refilled {
            Ok(refilled) => refilled,
            // Too many: a person decides. Nothing was sent.
            Err(error) if error.kind() == ErrorKind::Config => {
                record.pending = None;
                let count = new.len();
                tracing::error!(
                    "{count} events are left to the program audit, which refills by hand: {error}"
                );
                return Ok(HashSet::new());
            }
            Err(error) => return Err(error),
        };
        figures.refilled(refilled.accepted);
        for line in refilled.lines() {
            tracing::warn!("{line}");
        }
        if refilled.accepted + refilled.unknown == 0 {
            record.pending = None;
        }
        if refilled.left == 0 {
            return Ok(HashSet::new());
        }
        let refill = self.open(&settings, options).await?;
        let left = new.into_iter().map(|event| event.id);
        Ok(left.filter(|id| refill.cause(id).is_none()).collect())
    }

    /// Whether an event is too old to be sent.
    pub(super) fn is_too_old(&self, published: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let restamps = self.options.too_old == Some(AgePolicy::Restamp);
        let limit = TimeDelta::from_std(AgeFilter::DEFAULT_LIMIT).unwrap_or(TimeDelta::MAX);
        !restamps && now.signed_duration_since(published) >= limit
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
        // Others may refill meanwhile.
        drop(refill);
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
        let written = replace(&*self.disk, &self.marker, Bytes::from(text.to_owned()));
        written.await.map_err(|error| {
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
            integration: self.integration.clone(),
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
