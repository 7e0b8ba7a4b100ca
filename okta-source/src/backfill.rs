//! A bounded range of the past, read once.

use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::Reporter;
use okta_coralogix_core::{AckOrder, AnswerCounter, Delivery, Error, EventSource, Result};

use crate::builder::OktaSourceBuilder;
use crate::config::{self, StartPoint};
use crate::metrics::SourceMetrics;
use crate::source::OktaSource;

/// How far ahead of the host's clock a range may end.
const MAX_END_LEAD: TimeDelta = TimeDelta::minutes(5);

/// Reads the events that were *published* in a range, in that order, and ends. Made by
/// [`open_backfill`](OktaSourceBuilder::open_backfill).
///
/// Its position is committed as a polling source's is, in a checkpoint of its own: opened again, it goes on where it was, and
/// once it is through it gives nothing more. [`PipelineEvent::BackfillProgress`](okta_coralogix_core::observe::PipelineEvent::BackfillProgress) reports
/// its progress.
///
/// # Limits
/// * **It may miss late events.** Okta says of bounded queries that an event which was stored late may be absent from its range, if
///   it is read before. Let the range end well before now, and poll with an [`OktaSource`] where no event may be missing.
/// * **It does not change the 24-hour rule.** A pipeline drops and counts events older than 24 hours, so that of an older range
///   nothing is delivered unless its age filter is told otherwise:
///   [`AgePolicy::Restamp`](okta_coralogix_core::filter::AgePolicy::Restamp) delivers them with the time of their arrival, since
///   Coralogix takes no older timestamps; `DeadLetter` dead-letters them.
#[derive(Debug)]
pub struct Backfill(OktaSource);

impl OktaSourceBuilder {
    /// Opens a source of the events that were published in `range`, its start included. Makes no request. `since`, `once`,
    /// `reread_every` and `catch_up` have no effect; `poll_interval` is the pause after empty pages that lead on.
    ///
    /// # Errors
    /// `Config` names a missing or wrong setting (`backfill`: an empty range, one that ends in the future, or one that begins more
    /// than 180 days ago); `Corrupt` if the checkpoint belongs to another org, query or range; the errors of its store.
    pub async fn open_backfill(mut self, range: Range<DateTime<Utc>>) -> Result<Backfill> {
        let now = self.host_clock().now();
        let wrong = |what| Err(Error::config("backfill", what));
        if range.is_empty() {
            return wrong("has no range; write an end that is later than its start");
        }
        if range.end > now + MAX_END_LEAD {
            return wrong(
                "ends in the future; write an end before now, or poll with an OktaSource",
            );
        }
        if now.signed_duration_since(range.start) > config::MAX_START_AGE {
            return wrong(
                "begins more than 180 days ago, which Okta refuses; write at most 90 days, which is how long Okta keeps its log",
            );
        }
        self = self.since(range.start).once(false);
        self.settings.reread_every = None;
        self.settings.range = Some(range);
        self.open().await.map(Backfill)
    }
}

impl Backfill {
    /// Where it goes on, or begins, if it has not been asked for an event yet.
    #[must_use]
    pub fn start_point(&self) -> StartPoint {
        self.0.start_point()
    }

    /// True if the range was read to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// A handle to the metrics of this source.
    #[must_use]
    pub fn metrics(&self) -> SourceMetrics {
        self.0.metrics()
    }
}

#[async_trait]
impl EventSource for Backfill {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn attach(&mut self, reporter: &Reporter) {
        self.0.attach(reporter);
    }

    fn ack_order(&self) -> AckOrder {
        self.0.ack_order()
    }

    fn dedup_window(&self) -> DedupWindow {
        self.0.dedup_window()
    }

    fn answers(&self) -> AnswerCounter {
        self.0.answers()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        self.0.next().await
    }

    async fn close(&mut self) -> Result<()> {
        self.0.close().await
    }
}
