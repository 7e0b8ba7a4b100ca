//! The source itself: composes [`Position`], [`Poller`], [`Pacer`], [`Reread`] and [`Monitor`], and calls down.

use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use okta_coralogix_core::checkpoint::ResumePoint;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::Reporter;
use okta_coralogix_core::{AckOrder, AnswerCounter, Delivery, ErrorKind, EventSource, Result};
use tokio::time::{Instant, timeout_at};

use crate::builder::OktaSourceBuilder;
use crate::config::{Settings, StartPoint};
use crate::metrics::SourceMetrics;
use crate::metrics::monitor::Monitor;
use crate::poll::pace::{Mode, Pace, Pacer, PageFacts};
use crate::poll::page::Page;
use crate::poll::poller::{Answer, Poller};
use crate::poll::reread::{RATE_PART, Reread};
use crate::position::advance::ReadPage;
use crate::position::resume::Position;

/// Polls the System Log of one Okta org.
///
/// A page is a [`Delivery`]; the position behind it is committed, with the window of recent uuids, once all of it is
/// settled. Only the links that Okta gives are ever resumed from.
#[derive(Debug)]
pub struct OktaSource {
    position: Position,
    poller: Poller,
    reread: Reread,
    monitor: Monitor,
    mode: Mode,
    poll_interval: Duration,
    pacer: Pacer,
    /// What follows the last page.
    pace: Pace,
    next_tick: Option<Instant>,
}

impl OktaSource {
    /// Starts with the settings.
    pub fn builder() -> OktaSourceBuilder {
        OktaSourceBuilder::default()
    }

    pub(crate) fn new(settings: &Settings, poller: Poller, position: Position) -> Self {
        let mode = match (&settings.range, settings.once) {
            (Some(_), _) => Mode::Range,
            (None, true) => Mode::Once,
            (None, false) => Mode::Continuous,
        };
        Self {
            monitor: Monitor::new(poller.org().subdomain(), settings),
            reread: Reread::new(settings.reread_every, settings.once),
            position,
            poller,
            mode,
            poll_interval: settings.poll_interval,
            pacer: Pacer::new(mode),
            pace: Pace::AtOnce,
            next_tick: None,
        }
    }

    /// Asks for one event, to check the address, the token and its rights. The position stays.
    ///
    /// # Errors
    /// Those of [`next`](EventSource::next).
    pub async fn check(&self) -> Result<()> {
        self.poller.check().await
    }

    /// Where it goes on, or begins, if it has not been asked for an event yet.
    #[must_use]
    pub fn start_point(&self) -> StartPoint {
        self.position.start_point(self.poller.clock())
    }

    /// True if a bounded range was read to its end.
    pub(crate) fn is_finished(&self) -> bool {
        self.position.is_at_end()
    }

    /// A handle to the metrics of this source, to be read while a pipeline has it.
    #[must_use]
    pub fn metrics(&self) -> SourceMetrics {
        self.monitor.metrics().clone()
    }

    /// Goes back to the committed position if a page was handed back.
    async fn rewind(&mut self) -> Result<()> {
        if self.position.rewind().await? {
            self.pace = Pace::AtOnce;
            self.pacer.restart();
            self.next_tick = None;
            let in_turn = self.reread.has_turn();
            self.end_reread();
            self.reread.restart(in_turn);
        }
        Ok(())
    }

    /// True if the next request is one of a turn that reads the overlap again: nothing new is to be read before the next poll.
    fn rereads(&self) -> bool {
        let is_time_left = self.next_tick.is_none_or(|tick| tick > Instant::now());
        self.reread.has_turn() && self.pace.is_caught_up() && is_time_left
    }

    /// Waits for the next poll and for the budget; false if a page was handed back meanwhile.
    async fn wait(&mut self, rereads: bool) -> bool {
        let began = Instant::now();
        let tick = self.next_tick.filter(|_| !rereads);
        let budget = self.poller.ready_at(began);
        if let Some(budget) = budget.filter(|budget| tick.is_none_or(|tick| *budget > tick)) {
            self.monitor
                .waited(budget - tick.unwrap_or(began).max(began));
        }
        let Some(until) = tick.max(budget) else {
            return true;
        };
        loop {
            let alarm = self.monitor.alarm().filter(|alarm| *alarm < until);
            let handed_back = self.position.committer().handed_back();
            if timeout_at(alarm.unwrap_or(until), handed_back)
                .await
                .is_ok()
            {
                return false;
            }
            self.monitor.check_silence();
            if alarm.is_none() {
                return true;
            }
        }
    }

    /// True if the source has read all that it should.
    fn is_through(&self) -> bool {
        let is_once = self.mode == Mode::Once;
        let is_at_end = self.position.is_at_end() || (is_once && self.pace == Pace::End);
        is_at_end && !self.reread.has_turn()
    }

    /// The page behind the current position; `None` if it brings nothing, or if a page before it has to be given again first.
    async fn poll(&mut self) -> Result<Option<Delivery>> {
        let started = Instant::now();
        let request = self.position.request(self.poller.clock());
        self.monitor.request_sent();
        let answer = self.poller.poll(&request).await;
        self.monitor.request_ended(started, &answer);
        let page = match answer? {
            Answer::Page(page) => page,
            Answer::Refused(status, error) => {
                let clock = self.poller.clock();
                if let Some(since) = self.position.refused(request, status, error, clock)? {
                    let published_ms = self.position.committer().published_ms();
                    self.monitor.fell_back(since, published_ms);
                    self.poller.forget_attempts();
                }
                return Ok(None);
            }
        };
        if self.position.is_stale() || self.position.correct_start(self.poller.clock()) {
            return Ok(None);
        }
        if !page.items.is_empty() {
            self.position.prepare().await?;
        }
        let (now, latest_published) = {
            let clock = self.poller.clock();
            (clock.org_time(), clock.latest_published())
        };
        let read = ReadPage {
            items: &page.items,
            next: page.next.as_ref(),
            is_full: page.is_full,
            latest_published,
        };
        let advance = self.position.advance(&request, &read)?;
        let facts = PageFacts {
            target: advance.target,
            is_full: page.is_full,
            has_news: advance.has_news,
            is_empty: page.items.is_empty(),
            newest: page
                .published()
                .filter(|published| *published <= latest_published)
                .max(),
        };
        self.pace = self.pacer.after(&facts, now)?;
        let waits = self.pace != Pace::AtOnce && !self.position.is_at_end();
        self.next_tick = waits.then(|| started + self.poll_interval);
        if self.reread.has_turn() && !self.pace.is_caught_up() {
            // What is read now may push uuids out of the window that the turn has yet to look for: it would repeat their events.
            self.end_reread();
        }
        let is_aging = self.monitor.page(
            &page,
            self.pace,
            self.poller.clock(),
            self.poller.budget_left(),
            self.position.committer().dedup_window(),
        );
        self.poller.catch_up(is_aging);
        if self.pace.is_caught_up() && page.items.is_empty() && self.position.is_committed() {
            let polled = self.poller.clock().org_time();
            self.monitor.delivered_through(Some(polled));
        }
        Ok(advance.point.map(|point| self.deliver(point, page)))
    }

    fn tell_committed(&mut self) {
        let published_ms = self.position.committer().published_ms();
        let through = published_ms.and_then(DateTime::from_timestamp_millis);
        // What lies before the start is not asked for.
        self.monitor
            .delivered_through(through.or(self.position.began_at()));
    }

    /// Begins to read the overlap again, if it is time to and there is nothing new to read.
    fn begin_reread(&mut self) {
        if !self.pace.is_caught_up() || !self.reread.is_due() {
            return;
        }
        let dedup = self.position.committer().dedup_window();
        if let Some(known_since) = self.monitor.known_since(dedup)
            && let Some((request, published_ms)) =
                (self.position).overlap_request(self.poller.clock(), known_since)
        {
            self.reread.begin(request, published_ms);
        }
    }

    /// Ends a turn, and tells what it has found, also where it is given up.
    fn end_reread(&mut self) {
        let poller = &self.poller;
        let spacing = |requests| poller.spacing(requests, RATE_PART);
        if let Some(turn) = self.reread.end(spacing) {
            self.monitor.overlap_reread(&turn);
        }
    }

    /// The late events of one more page of the overlap; the position stays where it is.
    async fn poll_overlap(&mut self) -> Result<Option<Delivery>> {
        // What it finds is given, as a page is.
        self.position.prepare().await?;
        let Some(request) = self.reread.request() else {
            return Ok(None);
        };
        self.monitor.request_sent();
        let started = Instant::now();
        let answer = self.poller.poll(&request).await;
        self.monitor.request_ended(started, &answer);
        let (error, is_refusal) = match answer {
            Ok(Answer::Page(page)) => return Ok(self.overlap_page(page)),
            Ok(Answer::Refused(_, error)) => {
                let kind = error.kind();
                let of_the_turn = matches!(kind, ErrorKind::Rejected | ErrorKind::WrongEndpoint);
                (error, of_the_turn)
            }
            Err(error) => (error, false),
        };
        if is_refusal || self.reread.is_spent() {
            self.poller.forget_attempts();
            self.end_reread();
        }
        if is_refusal {
            tracing::warn!(org = %self.poller.org(), %error, "the overlap could not be read again");
            return Ok(None);
        }
        Err(error)
    }

    fn overlap_page(&mut self, mut page: Page) -> Option<Delivery> {
        if self.position.is_stale() {
            return None;
        }
        let dedup = self.position.committer().dedup_window();
        let now = self.poller.clock().earlier_time();
        if self.reread.page(&mut page, dedup, now) {
            self.end_reread();
        }
        let point = self.position.unmoved();
        let point = point.filter(|_| !page.items.is_empty())?;
        let mut delivery = self.deliver(point, page);
        delivery.late = true;
        Some(delivery)
    }

    fn deliver(&self, point: ResumePoint, page: Page) -> Delivery {
        let acker = self.position.acker(point, page.items.len());
        let mut delivery = Delivery::new(page.items, acker);
        delivery.clock_offset = self.poller.clock().offset();
        delivery
    }
}

#[async_trait]
impl EventSource for OktaSource {
    fn name(&self) -> &str {
        self.monitor.org()
    }

    fn attach(&mut self, reporter: &Reporter) {
        self.monitor.attach(reporter);
        self.tell_committed();
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn dedup_window(&self) -> DedupWindow {
        self.position.committer().dedup_window().clone()
    }

    fn answers(&self) -> AnswerCounter {
        self.poller.answers()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            self.rewind().await?;
            self.tell_committed();
            self.begin_reread();
            if self.is_through() {
                if self.position.is_committed() {
                    return Ok(None);
                }
                // A page that is handed back now is still to be read again.
                self.position.committer().changed().await;
                continue;
            }
            let rereads = self.rereads();
            if !self.wait(rereads).await {
                continue;
            }
            let polled = match rereads {
                true => self.poll_overlap().await,
                false => self.poll().await,
            };
            self.monitor.check_silence();
            if let Some(delivery) = polled? {
                return Ok(Some(delivery));
            }
        }
    }
    async fn close(&mut self) -> Result<()> {
        self.position.close().await
    }
}
