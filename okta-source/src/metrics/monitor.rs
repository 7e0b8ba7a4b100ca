//! Observes a source: keeps its metrics, and reports events to the observer.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use okta_coralogix_core::Result;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::{PipelineEvent, Reporter};
use tokio::time::Instant;

use super::backlog::Backlog;
use super::overlap_window::{MAX_CAPACITY, OverlapWindow};
use super::snapshot::SourceMetrics;
use crate::api::org_clock::OrgClock;
use crate::config::Settings;
use crate::poll::pace::Pace;
use crate::poll::page::Page;
use crate::poll::poller::Answer;
use crate::poll::reread::{MAX_REQUESTS, RereadCounts, TurnEnd};

/// Turns pages, waits and silence into metrics and events for the observer.
#[derive(Debug)]
pub(crate) struct Monitor {
    /// The name of the source.
    org: String,
    /// To the observer of the source.
    own: Option<Reporter>,
    /// To the observer of its pipeline; before there is one, and where the source has none of its own, to the log.
    reporter: Option<Reporter>,
    told_through: Option<DateTime<Utc>>,
    metrics: SourceMetrics,
    silence: Option<Duration>,
    /// When silence is reported next.
    alarm: Option<Instant>,
    backlog: Backlog,
    /// The last page did not reach the end of the log.
    was_behind: bool,
    overlap_window: OverlapWindow,
    /// Counts the events that a fallback brings again.
    fallback: Option<RereadCounts>,
    range: Option<Range<DateTime<Utc>>>,
}

impl Monitor {
    pub(crate) fn new(org: &str, settings: &Settings) -> Self {
        let own = settings.observer.clone();
        let own = own.map(|observer| Reporter::new("", org, observer));
        Self {
            org: org.to_owned(),
            reporter: own.is_none().then(|| Reporter::unattached(org)),
            own,
            told_through: None,
            metrics: SourceMetrics::new(),
            silence: settings.silence,
            alarm: settings.silence.map(|silence| Instant::now() + silence),
            backlog: Backlog::new(settings.catch_up_age),
            was_behind: false,
            overlap_window: OverlapWindow::new(settings.overlap()),
            fallback: None,
            range: settings.range.clone(),
        }
    }

    pub(crate) fn org(&self) -> &str {
        &self.org
    }

    pub(crate) fn metrics(&self) -> &SourceMetrics {
        &self.metrics
    }

    /// From now on events go to the observer of a pipeline too.
    pub(crate) fn attach(&mut self, reporter: &Reporter) {
        self.reporter = Some(reporter.clone());
        self.told_through = None;
    }

    fn tell(&self, event: &PipelineEvent<'_>) {
        if let Some(own) = &self.own {
            own.report(event);
        }
        if let Some(reporter) = &self.reporter {
            reporter.report(event);
        }
    }

    /// Everything up to this time is settled.
    pub(crate) fn delivered_through(&mut self, time: Option<DateTime<Utc>>) {
        let told = self.told_through;
        if let Some(time) = time.filter(|time| told.is_none_or(|told| told < *time)) {
            self.told_through = Some(time);
            self.tell(&PipelineEvent::DeliveredThrough { time });
        }
    }

    pub(crate) fn request_sent(&self) {
        self.metrics.counted().metrics.requests += 1;
    }

    /// A request has its answer, whatever it is.
    pub(crate) fn request_ended(&self, began: Instant, answer: &Result<Answer>) {
        let error = match answer {
            Ok(Answer::Page(_)) => None,
            Ok(Answer::Refused(_, error)) | Err(error) => Some(error),
        };
        let took = began.elapsed();
        self.tell(&PipelineEvent::Requested { error, took });
    }

    /// The source waits for its budget.
    pub(crate) fn waited(&self, wait: Duration) {
        let mut counted = self.metrics.counted();
        counted.metrics.waits += 1;
        counted.metrics.waited += wait;
        drop(counted);
        self.tell(&PipelineEvent::RateLimitWait { wait });
    }

    /// A page was read at the position. True if a backlog is near the age limit.
    pub(crate) fn page(
        &mut self,
        page: &Page,
        pace: Pace,
        clock: &OrgClock,
        budget_left: Option<u32>,
        dedup: &DedupWindow,
    ) -> bool {
        let now = clock.org_time();
        let caught_up = pace.is_caught_up();
        self.polled(page, caught_up, budget_left, now);
        self.tell(&PipelineEvent::RemoteClock {
            offset: clock.offset().get(),
        });
        if !self.overlap_window.page(page, now, dedup) {
            tracing::warn!(
                org = self.org,
                most = MAX_CAPACITY,
                "the overlap holds more events than the window of uuids can: if Okta refuses a link, some will be delivered again; set a shorter overlap"
            );
        }
        let is_aging = match &self.range {
            Some(range) => {
                self.range_read(page, range);
                false
            }
            // The first page with room for more may hold late events alone.
            None if caught_up || !(page.is_full || self.was_behind) => {
                self.backlog.caught_up();
                false
            }
            None => self.backlog_read(page, clock.earlier_time()),
        };
        self.was_behind = !caught_up;
        self.count_fallback(page, caught_up, dedup);
        is_aging
    }

    fn polled(
        &mut self,
        page: &Page,
        caught_up: bool,
        budget_left: Option<u32>,
        now: DateTime<Utc>,
    ) {
        let items = page.items.len();
        let lag = page
            .published()
            .filter(|published| *published <= now)
            .max()
            .and_then(|published| now.signed_duration_since(published).to_std().ok());
        let at = Instant::now();
        let mut counted = self.metrics.counted();
        counted.last_answer = Some(at);
        let metrics = &mut counted.metrics;
        metrics.pages += 1;
        metrics.short_pages += u64::from(!page.is_full);
        metrics.items += items as u64;
        metrics.budget_left = budget_left;
        metrics.lag = lag.or(metrics.lag);
        if items > 0 {
            counted.last_event = Some(at);
            self.alarm = self.silence.map(|silence| at + silence);
        }
        drop(counted);
        self.tell(&PipelineEvent::Polled {
            items,
            caught_up,
            lag,
            budget_left,
        });
    }

    fn range_read(&self, page: &Page, range: &Range<DateTime<Utc>>) {
        let published = match (page.next.is_none(), page.published().max()) {
            (false, Some(published)) => published.clamp(range.start, range.end),
            (false, None) => return,
            (true, _) => range.end,
        };
        let part = |to: DateTime<Utc>| (to - range.start).num_milliseconds().max(1) as f64;
        let share = (part(published) / part(range.end)).min(1.0);
        self.tell(&PipelineEvent::BackfillProgress { published, share });
    }

    /// True if the backlog is near the age limit.
    fn backlog_read(&mut self, page: &Page, now: DateTime<Utc>) -> bool {
        let aging = self.backlog.page(Instant::now(), now, page);
        if let Some(aging) = aging.filter(|aging| aging.is_news) {
            self.tell(&PipelineEvent::BacklogAging {
                age: aging.age,
                too_old: aging.too_old,
                forecast: aging.forecast,
            });
        }
        aging.is_some()
    }

    /// Counts the repeats of the fallback, up to the first page without any.
    fn count_fallback(&mut self, page: &Page, caught_up: bool, dedup: &DedupWindow) {
        let Some(counts) = &mut self.fallback else {
            return;
        };
        let any_known = counts.count(page, dedup);
        if any_known && !caught_up {
            return;
        }
        let counts = *counts;
        self.fallback = None;
        self.overlap_read(counts, true);
    }

    /// The source reads from an earlier time in place of a refused link.
    pub(crate) fn fell_back(&mut self, since: DateTime<Utc>, published_ms: Option<i64>) {
        self.tell(&PipelineEvent::CursorReset { since });
        self.fallback = published_ms.map(RereadCounts::before);
    }

    /// A turn of reading the overlap again is over.
    pub(crate) fn overlap_reread(&self, turn: &TurnEnd) {
        self.metrics.counted().metrics.late += turn.counts.late as u64;
        self.overlap_read(turn.counts, false);
        if turn.is_first_misfit {
            tracing::info!(
                org = self.org,
                requests = MAX_REQUESTS,
                read = turn.counts.known + turn.counts.late,
                "the last minutes hold more events than may be read again in one turn: each turn checks the first of them only"
            );
        }
    }

    /// From when on each event that was given is remembered; `None`: it cannot be told.
    pub(crate) fn known_since(&self, dedup: &DedupWindow) -> Option<DateTime<Utc>> {
        self.overlap_window.known_since(dedup)
    }

    fn overlap_read(&self, counts: RereadCounts, after_reset: bool) {
        self.tell(&PipelineEvent::OverlapReread {
            known: counts.known,
            late: counts.late,
            after_reset,
        });
    }

    /// The earliest time at which [`check_silence`](Self::check_silence) may report.
    pub(crate) fn alarm(&self) -> Option<Instant> {
        self.alarm
    }

    /// Reports silence if it is due.
    pub(crate) fn check_silence(&mut self) {
        let now = Instant::now();
        let (Some(alarm), Some(silence)) = (self.alarm, self.silence) else {
            return;
        };
        if alarm > now {
            return;
        }
        self.alarm = Some(now + silence);
        let metrics = self.metrics.snapshot();
        self.tell(&PipelineEvent::SourceSilent {
            since_event: metrics.since_event,
            since_response: metrics.since_response,
        });
    }
}
