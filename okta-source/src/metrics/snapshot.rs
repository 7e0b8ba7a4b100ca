//! How fresh what was read is, for whoever watches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use okta_coralogix_core::observe::{Observer, PipelineEvent};
use tokio::time::Instant;

use crate::poll::page::Page;

/// MetricsSnapshot of one source that may be read at any time, also while nobody asks the source. Clones are handles to the same.
#[derive(Debug, Clone)]
pub struct SourceMetrics(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    figures: MetricsSnapshot,
    opened: Instant,
    last_answer: Option<Instant>,
    last_event: Option<Instant>,
}

/// What a source has done since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// Requests, failed ones included.
    pub requests: u64,
    /// Good answers.
    pub pages: u64,
    /// Good answers with room for more: the source had caught up.
    pub short_pages: u64,
    /// Events and malformed elements in them, repeats included.
    pub items: u64,
    /// Waits for the request budget.
    pub waits: u64,
    /// How long these took together.
    pub waited: Duration,
    /// Requests that may still be made in the current window, where it is known.
    pub budget_left: Option<u32>,
    /// From the latest `published` of the last answer that had events to when it came.
    pub lag: Option<Duration>,
    /// Since the last good answer.
    pub since_answer: Option<Duration>,
    /// Since the last answer with events, or since the source was opened.
    pub since_event: Duration,
}

impl SourceMetrics {
    /// The figures now.
    #[must_use]
    pub fn snapshot(&self) -> MetricsSnapshot {
        let state = self.state();
        let mut figures = state.figures.clone();
        figures.since_answer = state.last_answer.map(|at| at.elapsed());
        figures.since_event = state.since_event();
        figures
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn since_event(&self) -> Duration {
        self.last_event.unwrap_or(self.opened).elapsed()
    }
}

/// Counts, and tells the observer.
#[derive(Debug)]
pub(crate) struct Watch {
    org: String,
    observer: Arc<dyn Observer>,
    freshness: SourceMetrics,
    silence: Option<Duration>,
    /// When silence is said next.
    alarm: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(org: String, observer: Arc<dyn Observer>, silence: Option<Duration>) -> Self {
        let opened = Instant::now();
        let state = State {
            figures: MetricsSnapshot::default(),
            opened,
            last_answer: None,
            last_event: None,
        };
        Self {
            org,
            observer,
            freshness: SourceMetrics(Arc::new(Mutex::new(state))),
            silence,
            alarm: silence.map(|silence| opened + silence),
        }
    }

    pub(crate) fn metrics(&self) -> &SourceMetrics {
        &self.freshness
    }

    /// Tells the observer what `signal` makes of the org's name.
    pub(crate) fn say<'a>(&'a self, signal: impl FnOnce(&'a str) -> PipelineEvent<'a>) {
        self.observer.observe(&signal(&self.org));
    }

    pub(crate) fn asked(&self) {
        self.freshness.state().figures.requests += 1;
    }

    pub(crate) fn waited(&self, wait: Duration) {
        let mut state = self.freshness.state();
        state.figures.waits += 1;
        state.figures.waited += wait;
        drop(state);
        self.say(|source| PipelineEvent::RateLimitWait { source, wait });
    }

    /// A good answer came. `now` is the org's time.
    pub(crate) fn answered(
        &mut self,
        page: &Page,
        short: bool,
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
        let mut state = self.freshness.state();
        state.last_answer = Some(at);
        let figures = &mut state.figures;
        figures.pages += 1;
        figures.short_pages += u64::from(short);
        figures.items += items as u64;
        figures.budget_left = budget_left;
        figures.lag = lag.or(figures.lag);
        if items > 0 {
            state.last_event = Some(at);
            self.alarm = self.silence.map(|silence| at + silence);
        }
        drop(state);
        self.say(|source| PipelineEvent::Polled {
            source,
            items,
            short,
            lag,
            budget_left,
        });
    }

    /// When [`check`](Self::check) has something to say at the earliest.
    pub(crate) fn alarm(&self) -> Option<Instant> {
        self.alarm
    }

    /// Says that the source is silent, if it is time to.
    pub(crate) fn check(&mut self) {
        let now = Instant::now();
        let (Some(alarm), Some(silence)) = (self.alarm, self.silence) else {
            return;
        };
        if alarm > now {
            return;
        }
        self.alarm = Some(now + silence);
        let state = self.freshness.state();
        let since_event = state.since_event();
        let since_answer = state.last_answer.map(|at| at.elapsed());
        drop(state);
        self.say(|source| PipelineEvent::SourceSilent {
            source,
            since_event,
            since_answer,
        });
    }
}
