//! How a page moves the position.

use chrono::{DateTime, Utc};
use okta_coralogix_core::checkpoint::ResumePoint;
use okta_coralogix_core::{Error, ErrorKind, MalformedEvent, RawEvent, Result};

use super::cursor::Cursor;
use super::page_request::PageRequest;
use super::resume::{NextPage, Position};

const TO_ITSELF: &str = "Okta's next link leads to the very page that it is the link of, although that is not the end of the log";

type Item = Result<RawEvent, MalformedEvent>;

/// Where the link of a page leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkTarget {
    /// On from a start time, which is no link.
    First,
    /// On from the link that was asked for.
    Further,
    /// To the page itself.
    Itself,
    /// To a page of before: in a circle.
    Earlier,
    /// Nowhere: a bounded range ends.
    Nowhere,
}

/// How a page moves the position.
#[derive(Debug)]
pub(crate) struct Advance {
    /// The point behind the page; `None` if the page brings nothing and leads to itself.
    pub(crate) point: Option<ResumePoint>,
    pub(crate) target: LinkTarget,
    /// The page has an item that was not given before, as far as the deduplication window and the last pages tell.
    pub(crate) has_news: bool,
}

/// A page, as far as it moves the position.
#[derive(Debug)]
pub(crate) struct ReadPage<'a> {
    pub(crate) items: &'a [Item],
    /// `None`: it ends a bounded range.
    pub(crate) next: Option<&'a Cursor>,
    pub(crate) is_full: bool,
    /// The latest `published` that is believed.
    pub(crate) latest_published: DateTime<Utc>,
}

impl Position {
    /// Goes on behind a page.
    ///
    /// # Errors
    /// Temporary, if the links lead in a circle: of a page that was given before nothing is given again. Temporary, if a link leads to its
    /// own page although that is not the end; the position stays.
    pub(crate) fn advance(
        &mut self,
        request: &PageRequest,
        page: &ReadPage<'_>,
    ) -> Result<Advance> {
        self.accept(request);
        let is_bounded = self.until.is_some();
        let is_empty = page.items.is_empty();
        let mut next = page.next.cloned().unwrap_or_else(Cursor::end);
        let mut target = self.target(request, &next);
        if is_bounded && is_empty && target == LinkTarget::Itself {
            (next, target) = (Cursor::end(), LinkTarget::Nowhere);
        }
        let was_given = !is_empty && self.visited.give(page.items);
        let has_news = !was_given && !self.knows_all(page.items);
        let must_lead_on = page.is_full || (is_bounded && !is_empty);
        match target {
            LinkTarget::Itself if must_lead_on && has_news => tracing::warn!(
                org = %self.identity.org(),
                "{TO_ITSELF}; its new events are delivered"
            ),
            LinkTarget::Itself if must_lead_on => return Err(no_way_on(TO_ITSELF)),
            LinkTarget::Earlier if was_given => {
                // Followed on, an attempt a link: the org may have been put right, and then the links lead out of the circle again.
                self.next = NextPage::behind(next);
                return Err(circle());
            }
            _ => {}
        }
        let moves = !is_empty || target != LinkTarget::Itself;
        let point = moves.then(|| point(&next, page));
        self.next = NextPage::behind(next);
        Ok(Advance {
            point,
            target,
            has_news,
        })
    }

    /// Where the link of a page leads. It is visited.
    fn target(&mut self, request: &PageRequest, next: &Cursor) -> LinkTarget {
        match request {
            _ if next.is_end() => LinkTarget::Nowhere,
            PageRequest::Link(link) if link == next => LinkTarget::Itself,
            _ if self.visited.visit(next) => LinkTarget::Earlier,
            PageRequest::Link(_) => LinkTarget::Further,
            PageRequest::Since(_) | PageRequest::Range(..) => LinkTarget::First,
        }
    }

    /// True if the window knows every event, so that it was given before; one without a uuid counts as known.
    fn knows_all(&self, items: &[Item]) -> bool {
        let dedup = self.committer.dedup_window();
        let mut events = items.iter().flatten();
        events.all(|event| event.uuid().is_none_or(|uuid| dedup.contains(&uuid)))
    }

    /// Okta accepted a link, so that another refusal need not be permanent.
    fn accept(&mut self, request: &PageRequest) {
        let PageRequest::Link(link) = request else {
            return;
        };
        self.fallback = self
            .fallback
            .take()
            .filter(|fallback| fallback.refused != *link);
        if let Some(fallback) = &mut self.fallback {
            fallback.has_accepted_link = true;
        }
    }
}

/// The point behind a page. Okta cannot have published an event of the future: the fallback from there would skip others.
fn point(cursor: &Cursor, page: &ReadPage<'_>) -> ResumePoint {
    let published = page.items.iter().flatten().map(RawEvent::published).max();
    let published = published.map(|published| published.min(page.latest_published));
    ResumePoint::new(cursor.as_str())
        .with_published_ms(published.map(|time| time.timestamp_millis()))
}

fn no_way_on(what: &str) -> Error {
    let detail = format!(
        "{what}: nothing behind it can be read until the org gives another link; if this lasts, look for a gateway or cache on the way \
         to the org that repeats answers, or move the checkpoint away and set a start"
    );
    Error::temporary(ErrorKind::UnexpectedResponse, detail)
}

fn circle() -> Error {
    let detail = "Okta's next links lead in a circle, through pages that were all given already: the links are followed on, one with each \
                  attempt, and nothing new can be read until they lead out of it; if this lasts, look for a gateway or cache on the way to the \
                  org that repeats answers, or move the checkpoint away and set a start";
    Error::temporary(ErrorKind::UnexpectedResponse, detail)
}
