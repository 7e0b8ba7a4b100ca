//! The position of the source, and how a page or a refusal moves it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::event::{MalformedEvent, RawEvent};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{Acker, Error, ErrorKind, Result};

use super::acker::PageAcker;
use super::committer::{Committer, ResumePoint, Stored};
use super::cursor::Cursor;
use super::identity::{Identity, Relation};
use super::link_cycle::LinkCycleDetector;
use super::page_request::PageRequest;
use super::start::{StartTime, oldest_kept, overlap_start, restart_since};
use crate::api::org_clock::OrgClock;
use crate::api::page_size::PageSize;
use crate::api::query::Query;
use crate::config::{self, Settings, StartPoint};
use crate::poll::pace::LinkTarget;

/// The position: which request comes next.
///
/// States and transitions:
/// * `Start`, without a checkpoint; the first page leads to `Link`. The start moves back once if the first answer shows that the
///   host's clock is ahead;
/// * `Link`, behind a page; each page leads to the link that it brings, the last page of a bounded range to `End`;
/// * `Since`, in place of a link that Okta refused with 400 or 404: an overlap before the last settled event. The page there leads to
///   `Link` again. A refusal before any link was accepted since then is permanent: the source must not fall back for ever;
/// * `End`, behind a bounded range: nothing is asked for.
///
/// When a page is handed back, [`rewind`](Self::rewind) goes back to the committed point (or to `Start`, or to the `Since` that replaces
/// the committed link). Only links of Okta and times before the first unread event may ever be gone on from, and a link
/// that leads in a circle through known pages must not be followed.
#[derive(Debug)]
pub(crate) struct Position {
    next: NextPage,
    start: StartTime,
    fallback: Option<Fallback>,
    visited: LinkCycleDetector,
    committer: Arc<Committer>,
    /// The committer's rewinds when `next` was last taken from it.
    rewinds: u64,
    overlap: TimeDelta,
    query: Query,
    page_size: PageSize,
    /// The end of a bounded range.
    until: Option<DateTime<Utc>>,
}

type Item = Result<RawEvent, MalformedEvent>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum NextPage {
    Start,
    Since(DateTime<Utc>),
    Link(Cursor),
    End,
}

/// The start time that replaces a link which Okta refused.
#[derive(Debug)]
struct Fallback {
    refused: Cursor,
    since: DateTime<Utc>,
    /// Okta has accepted another link since then.
    has_accepted_link: bool,
}

/// How a page moves the position.
#[derive(Debug)]
pub(crate) struct Advance {
    /// The point behind the page; `None` if the page brings nothing and leads to itself.
    pub(crate) point: Option<ResumePoint>,
    pub(crate) target: LinkTarget,
    /// The page has an item that was not given before.
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
    /// At the point of the checkpoint, or at the start.
    pub(crate) async fn open(
        store: Arc<dyn CheckpointStore>,
        identity: Identity,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let mut since = settings.since;
        let mut dedup = DedupWindow::new(settings.dedup_capacity);
        let mut stored = Stored::default();
        let mut is_started = false;
        if let Some(found) = store.load().await? {
            let window = found.value.dedup.clone();
            // It may have grown for the overlap.
            let capacity = match settings.dedup_capacity {
                0 => 0,
                capacity => capacity.max(window.len()),
            };
            dedup = DedupWindow::restore(window, capacity);
            let mut point = None;
            let restarts = settings.restart_on_changed_query
                && settings.range.is_none()
                && identity.relation(&found.value.identity) == Relation::OtherQuery;
            let start = Cursor::restore(&found.value.cursor, identity.org());
            if let Some(start) = start.and_then(|cursor| cursor.start_time()) {
                is_started = true;
                // Nothing from there on is settled, whatever the settings say by now. They may ask for more.
                since = start.min(since.when(now)).into();
            }
            if restarts {
                since = restart_since(&found.value, since, settings, now);
            } else {
                let found = identity.resume_point(&found.value)?;
                point = Some(found).filter(|found| found.cursor.start_time().is_none());
            }
            stored = Stored::loaded(found.version, point, &dedup);
        }
        if stored.point.is_none() && !is_started {
            config::check_start(since, now)?;
        }
        Ok(Self {
            next: match &stored.point {
                None => NextPage::Start,
                Some(point) => NextPage::behind(point.cursor.clone()),
            },
            start: StartTime::new(since),
            fallback: None,
            visited: LinkCycleDetector::default(),
            committer: Arc::new(Committer::new(identity, store, dedup, stored)),
            rewinds: 0,
            overlap: settings.overlap(),
            query: settings.query.clone(),
            page_size: PageSize::new(settings.page_size),
            until: settings.range.as_ref().map(|range| range.end),
        })
    }

    pub(crate) fn committer(&self) -> &Committer {
        &self.committer
    }

    /// Where reading goes on, or begins.
    pub(crate) fn start_point(&self, clock: &OrgClock) -> StartPoint {
        if self.next == NextPage::Start {
            return StartPoint::Since(self.start.peek(clock.earlier_time()));
        }
        let published = self.committer.published_ms();
        StartPoint::Checkpoint {
            published: published.and_then(DateTime::from_timestamp_millis),
        }
    }

    /// True if everything of a bounded range was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.next == NextPage::End
    }

    /// True if a page was handed back since the last [`rewind`](Self::rewind).
    pub(crate) fn is_stale(&self) -> bool {
        self.committer.rewinds() != self.rewinds
    }

    /// Goes back to the committed point if a page was handed back; true if so.
    pub(crate) async fn rewind(&mut self) -> Result<bool> {
        let rewinds = self.committer.rewinds();
        if rewinds == self.rewinds {
            return Ok(false);
        }
        self.next = match (self.committer.committed().await?, &self.fallback) {
            (None, _) => NextPage::Start,
            (Some(point), Some(fallback)) if fallback.refused == point.cursor => {
                NextPage::Since(fallback.since)
            }
            (Some(point), _) => NextPage::behind(point.cursor),
        };
        self.rewinds = rewinds;
        self.visited.clear();
        Ok(true)
    }

    /// Shows that the checkpoint can be written, before the first page is given.
    pub(crate) async fn prepare(&self) -> Result<()> {
        self.committer.prepare(self.start_cursor()).await
    }

    /// Saves what was settled beyond the committed point.
    pub(crate) async fn close(&self) -> Result<()> {
        self.committer.close(self.start_cursor()).await
    }

    /// The start as a cursor; `None` if it was not asked for.
    fn start_cursor(&self) -> Option<Cursor> {
        let since = self.start.asked()?;
        let request = self.request_from(since);
        Some(Cursor::start(&request.path(self.page_size, &self.query)))
    }

    fn request_from(&self, since: DateTime<Utc>) -> PageRequest {
        match self.until {
            Some(until) => PageRequest::Range(since, until),
            None => PageRequest::Since(since),
        }
    }

    /// The next request.
    pub(crate) fn request(&mut self, clock: &OrgClock) -> PageRequest {
        let since = match &self.next {
            NextPage::Start => self.start.get(clock.earlier_time()),
            NextPage::Since(since) => *since,
            NextPage::Link(link) => return PageRequest::Link(link.clone()),
            NextPage::End => return PageRequest::Link(Cursor::end()),
        };
        self.request_from(since)
    }

    /// The time from which it reads without a checkpoint, once that was asked for.
    pub(crate) fn began_at(&self) -> Option<DateTime<Utc>> {
        self.start.asked()
    }

    /// The request that reads the overlap again, and the latest `published` in it; `None` unless the position is a link. It goes no
    /// further back than reading began, nor than `known_since`.
    pub(crate) fn overlap_request(
        &self,
        clock: &OrgClock,
        known_since: DateTime<Utc>,
    ) -> Option<(PageRequest, i64)> {
        let published = self.committer.published_ms()?;
        let since = overlap_start(published, clock.org_time(), self.overlap);
        let since = since.max(known_since);
        let since = self.start.asked().map_or(since, |began| since.max(began));
        matches!(self.next, NextPage::Link(_)).then_some((PageRequest::Since(since), published))
    }

    /// True if the first answer showed that the start has to be asked for again.
    pub(crate) fn correct_start(&mut self, clock: &OrgClock) -> bool {
        self.next == NextPage::Start && self.start.correct(clock.earlier_time())
    }

    /// The point to commit with late events of the overlap: polling goes on where it was.
    pub(crate) fn unmoved(&self) -> Option<ResumePoint> {
        match &self.next {
            NextPage::Link(cursor) => Some(ResumePoint {
                cursor: cursor.clone(),
                published_ms: None,
            }),
            _ => None,
        }
    }

    /// Goes on behind a page.
    ///
    /// # Errors
    /// Temporary, if the links lead in a circle; the position stays.
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
        let has_news = !self.knows_all(page.items);
        let must_lead_on = page.is_full || (is_bounded && !is_empty);
        match target {
            LinkTarget::Itself if must_lead_on && has_news => tracing::warn!(
                org = %self.committer.org(),
                "{TO_ITSELF}; its new events are delivered"
            ),
            LinkTarget::Itself if must_lead_on => return Err(no_way_on(TO_ITSELF)),
            LinkTarget::Earlier if (page.is_full || is_bounded) && !has_news => {
                return Err(no_way_on(CIRCLE));
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

    /// True if every event was given before; one without a uuid counts as known.
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

    /// Finds another way to go on. `Some`: from a time, in place of a refused link; `None`: from an earlier start.
    ///
    /// # Errors
    /// The refusal itself, if there is no other way.
    pub(crate) fn refused(
        &mut self,
        request: PageRequest,
        status: StatusCode,
        error: Error,
        clock: &OrgClock,
    ) -> Result<Option<DateTime<Utc>>> {
        let PageRequest::Link(refused) = request else {
            // A clock that is far ahead asks for the future.
            let is_corrected = status == StatusCode::BAD_REQUEST && self.correct_start(clock);
            return if is_corrected { Ok(None) } else { Err(error) };
        };
        if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
            return Err(error);
        }
        if let Some(fallback) = &self.fallback
            && !fallback.has_accepted_link
        {
            let detail = format!(
                "Okta refuses the links that it gives itself, also after starting over: {error}"
            );
            return Err(Error::new(error.kind(), detail));
        }
        let since = self.fallback_start(clock);
        tracing::warn!(
            org = %self.committer.org(),
            %since,
            refusal = error.detail(),
            "Okta refuses the stored link; reading again from an earlier time, repeats are removed by their uuid"
        );
        self.visited.clear();
        self.next = NextPage::Since(since);
        self.fallback = Some(Fallback {
            refused,
            since,
            has_accepted_link: false,
        });
        Ok(Some(since))
    }

    /// From when to read in place of a link: nothing older than what Okta keeps, since it refuses a time that is much older.
    fn fallback_start(&mut self, clock: &OrgClock) -> DateTime<Utc> {
        let now = clock.org_time();
        let start = self.start.get(clock.earlier_time());
        let published = self.committer.published_ms();
        let overlap = published.map(|published| overlap_start(published, now, self.overlap));
        match (overlap, self.until) {
            // Nothing of a bounded range lies outside of it.
            (overlap, Some(until)) => overlap
                .max(Some(start))
                .unwrap_or(start)
                .max(oldest_kept(now))
                .min(until),
            (overlap, None) => overlap.unwrap_or(start).max(oldest_kept(now)),
        }
    }

    /// The acker of a page of `items`; commits `point`.
    pub(crate) fn acker(&self, point: ResumePoint, items: usize) -> Box<dyn Acker> {
        let committer = Arc::clone(&self.committer);
        Box::new(PageAcker::new(committer, self.rewinds, point, items))
    }
}

impl NextPage {
    fn behind(cursor: Cursor) -> Self {
        match cursor.is_end() {
            true => Self::End,
            false => Self::Link(cursor),
        }
    }
}

/// The point behind a page. Okta cannot have published an event of the future: the fallback from there would skip others.
fn point(cursor: &Cursor, page: &ReadPage<'_>) -> ResumePoint {
    let published = page.items.iter().flatten().map(RawEvent::published).max();
    let published = published.map(|published| published.min(page.latest_published));
    ResumePoint {
        cursor: cursor.clone(),
        published_ms: published.map(|time| time.timestamp_millis()),
    }
}

const CIRCLE: &str =
    "Okta's next links lead in a circle, through pages that were all given already";
const TO_ITSELF: &str = "Okta's next link leads to the very page that it is the link of, although that is not the end of the log";

fn no_way_on(what: &str) -> Error {
    let detail = format!(
        "{what}: nothing behind it can be read until the org gives another link; if this lasts, look for a gateway or cache on the way \
         to the org that repeats answers, or move the checkpoint away and set a start"
    );
    Error::temporary(ErrorKind::UnexpectedResponse, detail)
}
