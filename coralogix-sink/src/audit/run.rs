//! The course of an audit: slice by slice along the log, then the lookups.

use std::pin::pin;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::{Stream, TryStreamExt};
use okta_coralogix_core::Result;

use super::compare::{Comparison, Held};
use super::confirm::{self, Confirmation};
use super::event::AuditEvent;
use super::progress::{AuditPhase, AuditProgress};
use super::report::AuditReport;
use super::settings::Audit;
use super::slices::SliceReader;
use crate::query::TimeSlice;

/// Events of a slice, of the rows that an answer may have: logs that the log does not have need room too.
const ROWS_SHARE: u64 = 80;

/// The slice that is being read.
struct Open {
    start: DateTime<Utc>,
    events: Vec<Held>,
    /// The queries of the client before the audit.
    queries_before: u64,
}

impl Audit<'_> {
    /// Reads `log`, which gives all its events of the range in the order of their time, and compares them with what is stored. Events with
    /// another time than one of the range are passed over; one that comes behind its slice is looked up by itself.
    ///
    /// Memory: 24 bytes for each event that has a UUID, and less than 20 MiB.
    ///
    /// # Errors
    /// `Config` if the range has not ended [`visibility_delay`](Self::visibility_delay) ago; the errors of `log`; those of
    /// [`count_by_uuid`](crate::query::QueryClient::count_by_uuid).
    pub async fn run(self, log: impl Stream<Item = Result<AuditEvent>>) -> Result<AuditReport> {
        confirm::check(&self)?;
        let queries_before = self.client.metrics().queries;
        let mut reader = SliceReader::new(self.client, &self.filter);
        let mut comparison = Comparison::new(self.range, self.part, self.max_lookups);
        let mut open = Open {
            start: self.range.start(),
            events: Vec::new(),
            queries_before,
        };
        let mut log = pin!(log);
        while let Some(event) = log.try_next().await? {
            let Some(held) = held(event, &mut comparison) else {
                continue;
            };
            if held.published < open.start {
                comparison.late(held);
                continue;
            }
            while let Some(cut) = self.cut(&open, &reader, held.published) {
                self.close(&mut open, cut, &mut reader, &mut comparison)
                    .await?;
            }
            open.events.push(held);
        }
        while open.start < self.range.end() {
            let cut = (hour_of(open.start) + reader.length()).min(self.range.end());
            self.close(&mut open, cut, &mut reader, &mut comparison)
                .await?;
        }
        let all = comparison.candidates.len();
        let mut confirmation = Confirmation::new(&self, &mut comparison);
        let in_log = comparison.hours.iter().map(|hour| hour.totals.in_log).sum();
        let missing = confirmation
            .missing(&mut comparison, |decided, missing| {
                self.tell(AuditProgress {
                    phase: AuditPhase::LookingUp,
                    share: decided as f64 / all.max(1) as f64,
                    through: self.range.end(),
                    in_log,
                    not_found: missing as u64,
                    queries: self.client.metrics().queries - queries_before,
                });
            })
            .await?;
        Ok(AuditReport {
            range: self.range,
            hours: comparison.hours,
            missing,
            doubled: comparison.doubled,
            foreign: comparison.foreign,
            moved: comparison.moved,
            unverified: comparison.unverified,
            queries: self.client.metrics().queries - queries_before,
        })
    }

    /// Where the open slice ends, if it does before an event of this time.
    fn cut(
        &self,
        open: &Open,
        reader: &SliceReader<'_>,
        next: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let end = (hour_of(open.start) + reader.length()).min(self.range.end());
        if next >= end {
            return Some(end);
        }
        let room = self.client.max_rows() * ROWS_SHARE / 100;
        if (open.events.len() as u64) < room.max(1) {
            return None;
        }
        let minute = next.duration_trunc(TimeDelta::minutes(1)).ok();
        let cuts = [Some(hour_of(next)), minute];
        cuts.into_iter().flatten().find(|cut| *cut > open.start)
    }

    /// Compares the part of the open slice before `cut`.
    async fn close(
        &self,
        open: &mut Open,
        cut: DateTime<Utc>,
        reader: &mut SliceReader<'_>,
        comparison: &mut Comparison,
    ) -> Result<()> {
        let slice = TimeSlice::new(open.start, cut)?;
        let (events, later): (Vec<_>, Vec<_>) = std::mem::take(&mut open.events)
            .into_iter()
            .partition(|event| event.published < cut);
        comparison.slice(reader, slice, events).await?;
        (open.start, open.events) = (cut, later);
        let whole = (self.range.end() - self.range.start()).num_milliseconds();
        let done = (cut - self.range.start()).num_milliseconds();
        self.tell(AuditProgress {
            phase: AuditPhase::Comparing,
            share: done as f64 / whole.max(1) as f64,
            through: cut,
            in_log: comparison.hours.iter().map(|hour| hour.totals.in_log).sum(),
            not_found: comparison.candidates.len() as u64 + comparison.too_many,
            queries: self.client.metrics().queries - open.queries_before,
        });
        Ok(())
    }

    fn tell(&self, progress: AuditProgress) {
        if let Some(told) = &self.on_progress {
            told(&progress);
        }
    }
}

/// An event of the range, with its type as a number.
fn held(event: AuditEvent, comparison: &mut Comparison) -> Option<Held> {
    if event.id.is_none() {
        comparison.without_id(&event);
        return None;
    }
    comparison.range.contains(event.published).then(|| Held {
        event_type: comparison.types.number(event.event_type),
        published: event.published,
        severity: event.severity,
        left_out: event.left_out,
        id: event.id.expect("it was looked at"),
    })
}

fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time)
}
