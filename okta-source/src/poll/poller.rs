//! One request, and what its answer means for the position.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Response, StatusCode};
use okta_coralogix_core::observe::PipelineEvent;
use okta_coralogix_core::{ClockOffset, Delivery, Error, ErrorKind, Result, transport};
use tokio::time::Instant;

use crate::api::error::{is_query_timeout, refused};
use crate::api::{error, rate_limit};
use crate::poll::page::Page;
use crate::poll::reread::RereadCounts;
use crate::position::acker::PageAcker;
use crate::position::committer::ResumePoint;
use crate::position::cursor::{Cursor, PageRequest};
use crate::position::start::{self, Fallback, Position};
use crate::source::OktaSource;

impl OktaSource {
    /// The page behind the current position; `None` if there was nothing to give, or if what is before it has to be given again
    /// first.
    pub(crate) async fn poll(&mut self) -> Result<Option<Delivery>> {
        let ask = self.ask();
        let started = Instant::now();
        let response = self.answer(&ask).await?;
        let host = self.clock.now();
        if response.status() != StatusCode::OK {
            return self.refused(ask, &response).map(|()| None);
        }
        let bounded = self.settings.until.is_some();
        let page = Page::read(&response, self.client.org(), &self.origin, bounded)?;
        self.attempts.ended();
        if self.progress.generation() != self.generation {
            return Ok(None);
        }
        if self.position == Position::Start && self.start.corrected(host, self.offset) {
            return Ok(None);
        }
        self.proven(&ask);
        self.take(started, &ask, page)
    }

    /// Asks, and hears whatever the answer says besides its page.
    pub(crate) async fn answer(&mut self, ask: &PageRequest) -> Result<Response<Bytes>> {
        self.budget.sent(Instant::now());
        self.watch.asked();
        let path = ask.path(self.size, &self.query);
        let answer = self.client.get(&path, self.attempts.headers()).await;
        let response = match answer {
            Ok(response) => response,
            Err(answer) => {
                self.attempts.lost();
                let smaller = answer.wants_smaller_page && self.size.halve(ask.limit(self.size));
                return Err(match answer.wants_smaller_page && !smaller {
                    true => error::blocked(&answer.error),
                    false => answer.error,
                });
            }
        };
        self.budget.observe(Instant::now(), response.headers());
        self.compare_clocks(self.clock.now(), &response);
        if response.status() != StatusCode::OK {
            self.attempts.failed(response.headers());
            if is_query_timeout(&response) {
                self.size.halve(ask.limit(self.size));
            }
        }
        if response.status() == StatusCode::TOO_MANY_REQUESTS
            && let Some(wait) = rate_limit::asked_wait(response.headers())
        {
            self.budget.block(Instant::now(), wait);
        }
        Ok(response)
    }

    /// Goes on behind the page and makes a delivery of it, if it brings anything.
    fn take(
        &mut self,
        started: Instant,
        ask: &PageRequest,
        page: Page,
    ) -> Result<Option<Delivery>> {
        let bounded = self.settings.until.is_some();
        let usual = self.settings.page_size;
        let next = match &page.next {
            Some(next) => ask.follow(next.clone(), self.size, usual),
            None => Cursor::end(),
        };
        let full = page.items.len() >= ask.limit(self.size);
        let moved = !matches!(ask, PageRequest::Link(cursor) if *cursor == next);
        // An empty page that leads to itself is the end of a bounded range too.
        let next = match bounded && page.items.is_empty() && !moved {
            true => Cursor::end(),
            false => next,
        };
        let circles = moved && !next.is_end() && self.trail.visit(&next);
        if circles && (full || bounded) && self.knows_all(&page) {
            let detail = "Okta's next links lead in a circle, through pages that were all given already: nothing behind them \
                          can be read until the org gives another link; if this lasts, move the checkpoint away and set a start";
            return Err(Error::temporary(ErrorKind::UnexpectedAnswer, detail));
        }
        self.size.restore();
        // A page whose link leads back would be asked for again without end.
        let more = if bounded { moved } else { full && moved };
        self.caught_up = !more;
        self.next_tick = ((self.caught_up || circles) && !next.is_end())
            .then(|| started + self.settings.poll_interval);
        self.heard(&page, !full);
        self.position = Position::behind(next.clone());
        if page.items.is_empty() && !moved && !next.is_end() {
            return Ok(None);
        }
        let place = ResumePoint {
            published_ms: page.published_ms(),
            cursor: next,
        };
        Ok(Some(self.deliver(place, page)))
    }

    pub(crate) fn deliver(&self, place: ResumePoint, page: Page) -> Delivery {
        let acker = PageAcker::new(
            Arc::clone(&self.progress),
            self.generation,
            place,
            page.items.len(),
        );
        let mut delivery = Delivery::new(page.items, Box::new(acker));
        delivery.clock_offset = self.offset;
        delivery
    }

    /// True if every event of a page was given before; one without a uuid counts as known.
    fn knows_all(&self, page: &Page) -> bool {
        let dedup = self.progress.dedup_window();
        let mut events = page.items.iter().flatten();
        events.all(|event| event.uuid().is_none_or(|uuid| dedup.contains(&uuid)))
    }

    fn ask(&mut self) -> PageRequest {
        let since = match &self.position {
            Position::Start => self.start.ask(self.clock.now(), self.offset),
            Position::Instead(since) => *since,
            Position::Link(link) => return PageRequest::Link(link.clone()),
            Position::End => return PageRequest::Link(Cursor::end()),
        };
        match self.settings.until {
            Some(until) => PageRequest::Range(since, until),
            None => PageRequest::Since(since),
        }
    }

    /// A link of Okta's has worked, so that another refusal need not be the last word.
    fn proven(&mut self, ask: &PageRequest) {
        let PageRequest::Link(link) = ask else { return };
        self.fallback = self
            .fallback
            .take()
            .filter(|fallback| fallback.link != *link);
        if let Some(fallback) = &mut self.fallback {
            fallback.proven = true;
        }
    }

    /// `Ok` if there is another way to go on.
    fn refused(&mut self, ask: PageRequest, response: &Response<Bytes>) -> Result<()> {
        let error = refused(response);
        let status = response.status();
        let PageRequest::Link(link) = ask else {
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
        self.watch
            .say(|source| PipelineEvent::CursorReset { source, since });
        self.attempts.ended();
        self.trail.clear();
        self.repeats = self.progress.published_ms().map(RereadCounts::before);
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
        let since = match self.progress.published_ms() {
            Some(published) => {
                let far = transport::date(response.headers()).unwrap_or(host);
                start::before(published, far, self.settings.overlap)
            }
            None => self.start.ask(host, self.offset),
        };
        match self.settings.until {
            // Nothing of a bounded range lies before its start.
            Some(_) => since.max(self.start.ask(host, self.offset)),
            None => since,
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
}
