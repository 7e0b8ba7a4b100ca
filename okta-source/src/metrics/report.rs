//! What a page means for those who watch: freshness, pace, repeats, and what was found by reading again.

use chrono::{DateTime, Utc};
use http::StatusCode;
use okta_coralogix_core::observe::PipelineEvent;
use okta_coralogix_core::{Delivery, Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::api::error::refused;
use crate::config::Since;
use crate::metrics::overlap_window;
use crate::poll::page::Page;
use crate::position::committer::ResumePoint;
use crate::position::cursor::PageRequest;
use crate::position::start::{self, Position};
use crate::source::OktaSource;

impl OktaSource {
    /// A page was read at the position.
    pub(crate) fn heard(&mut self, page: &Page, short: bool) {
        let far = self.clock.now() + self.offset.get();
        self.watch.answered(page, short, self.budget.left(), far);
        if !self.recent.page(page, far, self.progress.dedup_window()) {
            tracing::warn!(
                org = %self.client.org(),
                most = overlap_window::MOST,
                "the overlap holds more events than the window of uuids can: if Okta refuses a link, some will be delivered again; set a shorter overlap"
            );
        }
        match self.settings.until {
            Some(until) => self.read_through(page, until),
            None => self.keep_pace(page, short),
        }
        self.count_repeats(page, short);
    }

    fn read_through(&self, page: &Page, until: DateTime<Utc>) {
        let Since::At(since) = self.settings.since else {
            return;
        };
        let published = match (page.next.is_none(), page.published().max()) {
            (false, Some(published)) => published.clamp(since, until),
            (false, None) => return,
            (true, _) => until,
        };
        let part = |to: DateTime<Utc>| (to - since).num_milliseconds().max(1) as f64;
        let share = (part(published) / part(until)).min(1.0);
        self.watch.say(|source| PipelineEvent::BackfillProgress {
            source,
            published,
            share,
        });
    }

    /// Uses more of the budget while the backlog is nearly too old.
    fn keep_pace(&mut self, page: &Page, short: bool) {
        let now = self.offset.earlier(self.clock.now());
        let behind = match short {
            true => None,
            false => self.pace.page(Instant::now(), now, page),
        };
        if short {
            self.pace.caught_up();
        }
        self.budget.set_share(match behind {
            Some(_) => self.settings.catch_up_share.max(self.settings.rate_share),
            None => self.settings.rate_share,
        });
        if let Some(behind) = behind.filter(|behind| behind.is_news) {
            self.watch.say(|source| PipelineEvent::BacklogAging {
                source,
                age: behind.age,
                too_old: behind.too_old,
                outlook: behind.outlook,
            });
        }
    }

    /// Counts what the fallback brings again, up to the first page without repeats.
    fn count_repeats(&mut self, page: &Page, short: bool) {
        let Some(repeats) = &mut self.repeats else {
            return;
        };
        let any = repeats.count(page, self.progress.dedup_window());
        if any && !short {
            return;
        }
        let (known, late) = (repeats.known, repeats.late);
        self.repeats = None;
        self.watch.say(|source| PipelineEvent::OverlapReread {
            source,
            known,
            late,
        });
    }

    /// Begins to read the overlap again, if it is time to and there is nothing new to read.
    pub(crate) fn begin_again(&mut self) {
        let rests = matches!(self.position, Position::Link(_)) && self.caught_up;
        if !rests || !self.again.is_due() {
            return;
        }
        if let Some(published) = self.progress.published_ms() {
            let far = self.clock.now() + self.offset.get();
            let since = start::before(published, far, self.settings.overlap);
            self.again.begin(PageRequest::Since(since), published);
        }
    }

    /// One more page of what is read again; the position stays where it is.
    pub(crate) async fn poll_again(&mut self) -> Result<Option<Delivery>> {
        let Some(ask) = self.again.turn().map(|turn| turn.ask.clone()) else {
            return Ok(None);
        };
        let response = self.answer(&ask).await?;
        if response.status() != StatusCode::OK {
            let error = refused(&response);
            if error.kind() != ErrorKind::Rejected && error.kind() != ErrorKind::WrongEndpoint {
                return Err(error);
            }
            return self.give_up_again(&error);
        }
        let mut page = Page::read(&response, self.client.org(), &self.origin, false)?;
        self.attempts.ended();
        let limit = ask.limit(self.size);
        let full = page.items.len() >= limit;
        let usual = self.settings.page_size;
        let next = page
            .next
            .take()
            .map(|next| ask.follow(next, self.size, usual));
        self.size.restore();
        if self.progress.generation() != self.generation {
            return Ok(None);
        }
        let Position::Link(here) = self.position.clone() else {
            return Ok(None);
        };
        let Some(turn) = self.again.turn() else {
            return Ok(None);
        };
        turn.repeats
            .keep_late(&mut page, self.progress.dedup_window());
        let goes_on = full && next.is_some_and(|next| turn.goes_on(PageRequest::Link(next)));
        if !goes_on && let Some(repeats) = self.again.end() {
            self.watch.say(|source| PipelineEvent::OverlapReread {
                source,
                known: repeats.known,
                late: repeats.late,
            });
        }
        if page.items.is_empty() {
            return Ok(None);
        }
        let place = ResumePoint {
            published_ms: page.published_ms(),
            cursor: here,
        };
        Ok(Some(self.deliver(place, page)))
    }

    fn give_up_again(&mut self, error: &Error) -> Result<Option<Delivery>> {
        tracing::warn!(org = %self.client.org(), %error, "the overlap could not be read again");
        self.attempts.ended();
        self.again.end();
        Ok(None)
    }
}
