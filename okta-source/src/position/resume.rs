//! The position of the source: which request comes next, and how a refusal moves it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use okta_coralogix_core::checkpoint::{CheckpointStore, Committer, ResumePoint};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{Acker, Error, Result};

use super::cursor::Cursor;
use super::identity::{Identity, Relation};
use super::link_cycle::LinkCycleDetector;
use super::page_request::PageRequest;
use super::start::{StartTime, oldest_kept, overlap_start, restart_since};
use crate::api::org_clock::OrgClock;
use crate::api::page_size::PageSize;
use crate::api::query::Query;
use crate::config::{self, Settings, StartPoint};

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
/// the committed link). Only links of Okta and times before the first unread event may ever be gone on from, and links
/// that lead in a circle must not be followed without a pause and an error with each, nor their pages given again.
#[derive(Debug)]
pub(crate) struct Position {
    pub(super) next: NextPage,
    start: StartTime,
    pub(super) fallback: Option<Fallback>,
    pub(super) visited: LinkCycleDetector,
    pub(super) identity: Identity,
    pub(super) committer: Committer,
    /// The committer's rewinds when `next` was last taken from it.
    rewinds: u64,
    overlap: TimeDelta,
    query: Query,
    page_size: PageSize,
    /// The end of a bounded range.
    pub(super) until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NextPage {
    Start,
    Since(DateTime<Utc>),
    Link(Cursor),
    End,
}

/// The start time that replaces a link which Okta refused.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) refused: Cursor,
    since: DateTime<Utc>,
    /// Okta has accepted another link since then.
    pub(super) has_accepted_link: bool,
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
        let mut next = NextPage::Start;
        let (mut version, mut point) = (None, None);
        let (mut is_started, mut is_moved) = (false, false);
        if let Some(mut found) = store.load().await? {
            if let Some(before) = &settings.renamed_from {
                identity.rename(&mut found.value, before);
            }
            let window = &found.value.dedup;
            // It may have grown for the overlap.
            let capacity = match settings.dedup_capacity {
                0 => 0,
                capacity => capacity.max(window.len()),
            };
            dedup = DedupWindow::restore(window, capacity);
            let restarts = settings.restart_on_changed_query
                && settings.range.is_none()
                && identity.relation(&found.value.identity) == Relation::OtherQuery;
            let start = Cursor::restore(&found.value.cursor, identity.org());
            if let Some((cursor, start)) =
                start.and_then(|cursor| cursor.start_time().map(|start| (cursor, start)))
            {
                (is_started, is_moved) = (true, cursor.is_moved());
                // Nothing from there on is settled, whatever the settings say by now. They may ask for more, where no person has
                // said otherwise.
                since = match is_moved {
                    true => start.into(),
                    false => start.min(since.when(now)).into(),
                };
            }
            if restarts {
                since = restart_since(&found.value, since, settings, now);
            } else {
                let cursor = identity.cursor_of(&found.value)?;
                if cursor.start_time().is_none() {
                    let published_ms = found.value.published_ms;
                    point = Some(ResumePoint::new(cursor.as_str()).with_published_ms(published_ms));
                    next = NextPage::behind(cursor);
                }
            }
            version = Some(found.version);
        }
        if point.is_none() && !is_started {
            config::check_start(since, now)?;
        }
        let committer = match version {
            None => Committer::new(store, identity.as_str(), dedup),
            Some(version) => Committer::resumed(store, identity.as_str(), dedup, version, point),
        };
        Ok(Self {
            next,
            start: match is_moved {
                true => StartTime::moved(since),
                false => StartTime::new(since),
            },
            fallback: None,
            visited: LinkCycleDetector::default(),
            identity,
            committer,
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
            return self.start.point(clock.earlier_time());
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

    /// True if every page that was given is committed, and none of them is to be read again.
    pub(crate) fn is_committed(&self) -> bool {
        self.committer.is_committed(self.rewinds)
    }

    /// Goes back to the committed point if a page was handed back; true if so.
    pub(crate) async fn rewind(&mut self) -> Result<bool> {
        let rewinds = self.committer.rewinds();
        if rewinds == self.rewinds {
            return Ok(false);
        }
        let committed = self.committer.committed().await?;
        let committed = committed.map(|point| self.identity.cursor(&point.cursor));
        self.next = match (committed.transpose()?, &self.fallback) {
            (None, _) => NextPage::Start,
            (Some(cursor), Some(fallback)) if fallback.refused == cursor => {
                NextPage::Since(fallback.since)
            }
            (Some(cursor), _) => NextPage::behind(cursor),
        };
        self.rewinds = rewinds;
        self.visited.clear();
        Ok(true)
    }

    /// Shows that the checkpoint can be written, before the first page is given.
    pub(crate) async fn prepare(&self) -> Result<()> {
        self.committer.prepare(self.start()).await
    }

    /// Saves what was settled beyond the committed point.
    pub(crate) async fn close(&self) -> Result<()> {
        self.committer.close(self.start()).await
    }

    /// The start as a stored cursor; `None` if it was not asked for.
    fn start(&self) -> Option<String> {
        let since = self.start.asked()?;
        let request = self.request_from(since);
        let path = request.path(self.page_size, &self.query);
        Some(self.start.cursor(&path).as_str().to_owned())
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
            NextPage::Link(cursor) => Some(ResumePoint::new(cursor.as_str())),
            _ => None,
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
            return Err(Error::new(error.kind(), detail).with_source(error));
        }
        let since = self.fallback_start(clock);
        tracing::warn!(
            org = %self.identity.org(),
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
        self.committer.acker(self.rewinds, point, items)
    }
}

impl NextPage {
    pub(super) fn behind(cursor: Cursor) -> Self {
        match cursor.is_end() {
            true => Self::End,
            false => Self::Link(cursor),
        }
    }
}
