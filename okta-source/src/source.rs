//! The source itself: one poll after the other.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Response, StatusCode};
use okta_coralogix_core::checkpoint::Checkpoint;
use okta_coralogix_core::filter::SeenFilter;
use okta_coralogix_core::{
    AckOrder, Clock, ClockOffset, Delivery, Error, ErrorKind, EventSource, Origin, Result,
    transport,
};
use tokio::time::{Instant, timeout_at};

use crate::ack::PageAck;
use crate::builder::OktaSourceBuilder;
use crate::client::Client;
use crate::config::Settings;
use crate::cursor::{Ask, CHECK, Cursor};
use crate::error::refused;
use crate::page::Page;
use crate::progress::{Place, Progress};
use crate::rate::{self, RateBudget};
use crate::start::{self, Fallback, Position, Start};

/// Polls the System Log of one Okta org.
///
/// A page is a [`Delivery`]; the position behind it is committed, with the window of recent uuids, once all of it is
/// settled. Only the links that Okta gives are ever resumed from.
#[derive(Debug)]
pub struct OktaSource {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) origin: Arc<Origin>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) generation: u64,
    pub(crate) budget: RateBudget,
    pub(crate) start: Start,
    pub(crate) position: Position,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) offset: ClockOffset,
    /// The last page was a short one: there is nothing more for now.
    pub(crate) caught_up: bool,
    pub(crate) next_tick: Option<Instant>,
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
        check(&self.client).await
    }

    /// The page behind the current position; `None` if there was nothing to give, or if what is before it has to be given again
    /// first.
    async fn poll(&mut self) -> Result<Option<Delivery>> {
        let ask = self.ask();
        let started = Instant::now();
        self.budget.sent(started);
        let limit = self.settings.page_limit;
        let response = self.client.get(&ask.path(limit)).await?;
        self.budget.observe(Instant::now(), response.headers());
        let host = self.clock.now();
        self.compare_clocks(host, &response);
        if response.status() != StatusCode::OK {
            return self.refused(ask, &response).map(|()| None);
        }
        let page = Page::read(&response, self.client.org(), &self.origin)?;
        if self.progress.generation() != self.generation {
            return Ok(None);
        }
        if self.position == Position::Start && self.start.corrected(host, self.offset) {
            return Ok(None);
        }
        self.proven(&ask);
        Ok(self.take(started, &ask, page))
    }

    /// Goes on behind the page and makes a delivery of it, if it brings anything.
    fn take(&mut self, started: Instant, ask: &Ask, page: Page) -> Option<Delivery> {
        let moved = !matches!(ask, Ask::Behind(cursor) if *cursor == page.next);
        let full = page.items.len() >= ask.limit(self.settings.page_limit);
        // A full page whose link leads back to itself would be asked for again without end.
        self.caught_up = !(full && moved);
        self.next_tick = self
            .caught_up
            .then(|| started + self.settings.poll_interval);
        self.position = Position::Behind(page.next.clone());
        if page.items.is_empty() && !moved {
            return None;
        }
        let place = Place {
            published_ms: page.published_ms(),
            cursor: page.next,
        };
        let acker = PageAck::new(
            Arc::clone(&self.progress),
            self.generation,
            place,
            page.items.len(),
        );
        let mut delivery = Delivery::new(page.items, Box::new(acker));
        delivery.clock_offset = self.offset;
        Some(delivery)
    }

    fn ask(&mut self) -> Ask {
        match &self.position {
            Position::Start => Ask::Since(self.start.ask(self.clock.now(), self.offset)),
            Position::Instead(since) => Ask::Since(*since),
            Position::Behind(link) => Ask::Behind(link.clone()),
        }
    }

    /// A link of Okta's has worked, so that another refusal need not be the last word.
    fn proven(&mut self, ask: &Ask) {
        let Ask::Behind(link) = ask else { return };
        self.fallback = self
            .fallback
            .take()
            .filter(|fallback| fallback.link != *link);
        if let Some(fallback) = &mut self.fallback {
            fallback.proven = true;
        }
    }

    /// `Ok` if there is another way to go on.
    fn refused(&mut self, ask: Ask, response: &Response<Bytes>) -> Result<()> {
        let error = refused(response);
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS
            && let Some(wait) = rate::asked_wait(response.headers())
        {
            self.budget.block(Instant::now(), wait);
        }
        let Ask::Behind(link) = ask else {
            // A clock that is far ahead asks for the future.
            let again = status == StatusCode::BAD_REQUEST
                && self.position == Position::Start
                && self.start.corrected(self.clock.now(), self.offset);
            return if again { Ok(()) } else { Err(error) };
        };
        let in_vain = self
            .fallback
            .as_ref()
            .is_some_and(|fallback| !fallback.proven);
        if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
            return Err(error);
        }
        if in_vain {
            let detail = format!(
                "Okta refuses the links that it gives itself, also after starting over: {error}"
            );
            return Err(Error::new(error.kind(), detail));
        }
        let since = self.start_over(response);
        tracing::warn!(
            org = %self.client.org(),
            %since,
            refusal = error.detail(),
            "Okta refuses the stored link; reading again from an earlier time, repeats are removed by their uuid"
        );
        self.position = Position::Instead(since);
        self.fallback = Some(Fallback {
            link,
            since,
            proven: false,
        });
        Ok(())
    }

    /// From when to read where the link is of no use any more.
    fn start_over(&mut self, response: &Response<Bytes>) -> DateTime<Utc> {
        let host = self.clock.now();
        match self.progress.published_ms() {
            Some(published) => {
                let far = transport::date(response.headers()).unwrap_or(host);
                start::before(published, far)
            }
            None => self.start.ask(host, self.offset),
        }
    }

    fn compare_clocks(&mut self, host: DateTime<Utc>, response: &Response<Bytes>) {
        let Some(far) = transport::date(response.headers()) else {
            return;
        };
        let offset = ClockOffset::between(host, far);
        let change = offset.get() - self.offset.get();
        if offset.is_significant()
            && (!self.offset.is_significant() || change.abs() > ClockOffset::TOLERANCE)
        {
            tracing::warn!(
                org = %self.client.org(),
                seconds = offset.get().num_seconds(),
                "the host's clock and the org's are more than 5 minutes apart (positive: the org's is ahead); set the host's clock"
            );
        }
        self.offset = offset;
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
            .committed(|record| place(record, self.progress.owner(), org))
            .await?;
        self.position = match (committed, &self.fallback) {
            (None, _) => Position::Start,
            (Some(place), Some(fallback)) if fallback.link == place.cursor => {
                Position::Instead(fallback.since)
            }
            (Some(place), _) => Position::Behind(place.cursor),
        };
        self.generation = generation;
        self.caught_up = false;
        self.next_tick = None;
        Ok(())
    }

    /// Waits for the next tick and for the budget; false if a page was handed back meanwhile.
    async fn wait(&self) -> bool {
        let now = Instant::now();
        let budget = self.budget.ready_at(now);
        if let Some(tick) = self.next_tick.max(budget)
            && timeout_at(tick, self.progress.handed_back()).await.is_ok()
        {
            return false;
        }
        true
    }
}

#[async_trait]
impl EventSource for OktaSource {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn seen(&self) -> SeenFilter {
        self.progress.seen().clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            self.rewind().await?;
            if self.settings.once && self.caught_up {
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
            if let Some(delivery) = self.poll().await? {
                return Ok(Some(delivery));
            }
        }
    }
}

/// One request for one event.
pub(crate) async fn check(client: &Client) -> Result<()> {
    let response = client.get(CHECK).await?;
    if response.status() != StatusCode::OK {
        return Err(refused(&response));
    }
    let origin = Arc::new(Origin::org(client.org().subdomain()));
    Page::read(&response, client.org(), &origin).map(|_| ())
}

/// The position in a record, if the record is this source's own.
pub(crate) fn place(record: &Checkpoint, owner: &str, org: &crate::OrgUrl) -> Result<Place> {
    if record.owner != owner {
        let detail = format!(
            "the checkpoint belongs to {:?}, not to {owner:?}: give each org a checkpoint of its own, or move the old one away to \
             start anew",
            record.owner
        );
        return Err(Error::new(ErrorKind::Corrupt, detail));
    }
    let cursor = Cursor::restore(&record.cursor, org).ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            "the position in the checkpoint is no path of the org: move the checkpoint away to start anew",
        )
    })?;
    Ok(Place {
        cursor,
        published_ms: record.published_ms,
    })
}
