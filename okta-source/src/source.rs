//! The source itself: when it asks, and where it goes on.

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use okta_coralogix_core::checkpoint::Checkpoint;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{
    AckOrder, Clock, ClockOffset, Delivery, Error, ErrorKind, EventSource, Origin, Result,
};
use tokio::time::{Instant, timeout_at};

use crate::api::error::refused;
use crate::api::page_size::PageSize;
use crate::api::query::Query;
use crate::api::rate_limit::RateBudget;
use crate::api::retry_headers::RetryHeaders;
use crate::builder::OktaSourceBuilder;
use crate::client::Client;
use crate::config::Settings;
use crate::metrics::backlog::Backlog;
use crate::metrics::overlap_window::OverlapWindow;
use crate::metrics::snapshot::{SourceMetrics, Watch};
use crate::poll::page::Page;
use crate::poll::reread::{Reread, RereadCounts};
use crate::position::committer::{Committer, ResumePoint};
use crate::position::cursor::{CHECK, Cursor};
use crate::position::identity::Identity;
use crate::position::link_cycle::LinkCycleDetector;
use crate::position::start::{Fallback, Position, Start};

/// Polls the System Log of one Okta org.
///
/// A page is a [`Delivery`]; the position behind it is committed, with the window of recent uuids, once all of it is
/// settled. Only the links that Okta gives are ever resumed from.
#[derive(Debug)]
pub struct OktaSource {
    pub(crate) settings: Settings,
    pub(crate) query: Query,
    pub(crate) identity: Identity,
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) origin: Arc<Origin>,
    pub(crate) progress: Arc<Committer>,
    pub(crate) generation: u64,
    pub(crate) budget: RateBudget,
    pub(crate) start: Start,
    pub(crate) position: Position,
    pub(crate) fallback: Option<Fallback>,
    /// What the fallback brings again.
    pub(crate) repeats: Option<RereadCounts>,
    pub(crate) offset: ClockOffset,
    /// The last page was a short one: there is nothing more for now.
    pub(crate) caught_up: bool,
    pub(crate) next_tick: Option<Instant>,
    pub(crate) size: PageSize,
    pub(crate) attempts: RetryHeaders,
    pub(crate) trail: LinkCycleDetector,
    pub(crate) recent: OverlapWindow,
    pub(crate) pace: Backlog,
    pub(crate) again: Reread,
    pub(crate) watch: Watch,
}

impl OktaSource {
    /// Starts with the settings.
    pub fn builder() -> OktaSourceBuilder {
        OktaSourceBuilder::default()
    }

    /// Asks for one event, to see whether the address, the token and its rights are good. Moves nothing.
    ///
    /// # Errors
    /// What [`next`](EventSource::next) would say.
    pub async fn check(&self) -> Result<()> {
        check(&self.client, &self.query).await
    }

    /// A handle to the figures of this source, for whoever watches it while a pipeline has it.
    #[must_use]
    pub fn metrics(&self) -> SourceMetrics {
        self.watch.metrics().clone()
    }

    /// Goes back to the committed position if a page was handed back.
    async fn rewind(&mut self) -> Result<()> {
        let generation = self.progress.generation();
        if generation == self.generation {
            return Ok(());
        }
        let org = self.client.org();
        let committed = self
            .progress
            .committed(|record| place(record, &self.identity, org))
            .await?;
        self.position = match (committed, &self.fallback) {
            (None, _) => Position::Start,
            (Some(place), Some(fallback)) if fallback.link == place.cursor => {
                Position::Instead(fallback.since)
            }
            (Some(place), _) => Position::behind(place.cursor),
        };
        self.generation = generation;
        self.caught_up = false;
        self.next_tick = None;
        self.trail.clear();
        self.again.restart();
        Ok(())
    }

    /// Waits for the next tick and for the budget; false if a page was handed back meanwhile.
    async fn wait(&mut self) -> bool {
        let began = Instant::now();
        let tick = self.next_tick.filter(|_| !self.again.is_running());
        let budget = self.budget.ready_at(began);
        if let Some(budget) = budget.filter(|budget| tick.is_none_or(|tick| *budget > tick)) {
            self.watch.waited(budget - tick.unwrap_or(began).max(began));
        }
        let Some(until) = tick.max(budget) else {
            return true;
        };
        loop {
            let alarm = self.watch.alarm().filter(|alarm| *alarm < until);
            let handed_back = self.progress.handed_back();
            if timeout_at(alarm.unwrap_or(until), handed_back)
                .await
                .is_ok()
            {
                return false;
            }
            self.watch.check();
            if alarm.is_none() {
                return true;
            }
        }
    }

    /// True if everything was read that is to be read.
    fn is_through(&self) -> bool {
        self.position == Position::End || (self.settings.once && self.caught_up)
    }
}

#[async_trait]
impl EventSource for OktaSource {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn dedup_window(&self) -> DedupWindow {
        self.progress.dedup_window().clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            self.rewind().await?;
            self.begin_again();
            if self.is_through() && !self.again.is_running() {
                if self.progress.is_committed() {
                    return Ok(None);
                }
                // What is handed back now is still to be read again.
                self.progress.changed().await;
                continue;
            }
            if !self.wait().await {
                continue;
            }
            let polled = match self.again.is_running() {
                true => self.poll_again().await,
                false => self.poll().await,
            };
            self.watch.check();
            if let Some(delivery) = polled? {
                return Ok(Some(delivery));
            }
        }
    }
}

/// One request for one event.
pub(crate) async fn check(client: &Client, query: &Query) -> Result<()> {
    let path = format!("{CHECK}{}", query.parameters());
    let response = client.get(&path, HeaderMap::new()).await?;
    if response.status() != StatusCode::OK {
        return Err(refused(&response));
    }
    let origin = Arc::new(Origin::org(client.org().subdomain()));
    Page::read(&response, client.org(), &origin, false).map(|_| ())
}

/// The position in a record, if the record is this source's own.
pub(crate) fn place(
    record: &Checkpoint,
    identity: &Identity,
    org: &crate::OrgUrl,
) -> Result<ResumePoint> {
    identity.owns(&record.identity)?;
    let cursor = match identity.ends() && record.cursor == Cursor::end().as_str() {
        true => Some(Cursor::end()),
        false => Cursor::restore(&record.cursor, org),
    };
    let cursor = cursor.ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            "the position in the checkpoint is no path of the org: move the checkpoint away to start anew",
        )
    })?;
    Ok(ResumePoint {
        cursor,
        published_ms: record.published_ms,
    })
}
