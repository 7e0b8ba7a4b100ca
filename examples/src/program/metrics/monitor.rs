//! What is counted of one pipeline.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use eventbridge_source::http::EndpointHandle;
use okta_coralogix_core::event::LogStreamChange;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::pipeline::{Disposition, PipelineHandle, PipelineState};
use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{Clock, Error, ErrorKind, RawEvent};

use super::audit::AuditFigures;
use super::histogram::Histogram;
use super::outcome::{self, INGRESS, LOG_STREAMS, OKTA, SAVES, STATUSES};
use super::runs::{RunState, Runs, Totals};
use super::series::{CounterBy, LatestTime, micros};
use super::source_kind::SourceKind;

/// From `published` to accepted, in seconds: up to the 24 hours that Coralogix takes.
const LAG_BOUNDS: &[f64] = &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0];

/// Watches a pipeline, if there is anyone to show it to: the default watches nothing.
#[derive(Debug, Clone, Default)]
pub struct Monitor(Option<Arc<Watched>>);

/// A pipeline that is watched. The counts of its events are those of its handles.
#[derive(Debug)]
pub(in crate::program) struct Watched {
    pub(in crate::program) name: String,
    pub(in crate::program) source: SourceKind,
    clock: Arc<dyn Clock>,
    runs: Mutex<Runs>,
    endpoint: Mutex<Option<EndpointHandle>>,
    audit: Mutex<Option<Arc<AuditFigures>>>,
    pub(in crate::program) times: Times,
    pub(super) lag: Histogram,
    pub(super) ingress: Ingress,
    pub(super) okta: Okta,
    pub(super) saves: CounterBy,
    pub(super) answers: CounterBy,
    /// What Okta's events say about its log streams.
    pub(super) log_streams: CounterBy,
    /// What the pipelines that share it have delivered.
    window: Mutex<Option<(DedupWindow, Duration)>>,
    pub(super) window_saves: CounterBy,
    /// Another process seems to receive a part of what is pushed.
    pub(super) push_is_shared: AtomicBool,
}

/// When things last happened.
#[derive(Debug)]
pub(in crate::program) struct Times {
    pub(in crate::program) received: LatestTime,
    pub(in crate::program) poll: LatestTime,
    pub(in crate::program) through: LatestTime,
    pub(super) saved: LatestTime,
    pub(super) alive: LatestTime,
}

/// Requests to Coralogix.
#[derive(Debug)]
pub(super) struct Ingress {
    pub(super) requests: CounterBy,
    pub(super) bytes: CounterBy,
    /// Microseconds.
    pub(super) throttled: CounterBy,
    /// Shared by all pipelines.
    duration: Arc<Histogram>,
}

/// What is known of Okta.
#[derive(Debug)]
pub(super) struct Okta {
    pub(super) requests: CounterBy,
    pub(super) resets: AtomicU64,
    pub(super) late: AtomicU64,
    /// None until Okta has said it.
    budget_left: Mutex<Option<u32>>,
    /// Milliseconds by which its clock is ahead of the host's.
    pub(super) clock_offset: AtomicI64,
}

impl Okta {
    pub(super) fn budget_left(&self) -> Option<u32> {
        *lock(&self.budget_left)
    }
}

impl Monitor {
    pub(super) fn new(
        name: &str,
        source: SourceKind,
        clock: Arc<dyn Clock>,
        duration: Arc<Histogram>,
    ) -> Self {
        let now = clock.now();
        Self(Some(Arc::new(Watched {
            name: name.to_owned(),
            source,
            clock,
            runs: Mutex::default(),
            endpoint: Mutex::default(),
            audit: Mutex::default(),
            times: Times {
                // One that has never received anything is silent since its start.
                received: LatestTime::at(now),
                poll: LatestTime::at(now),
                through: LatestTime::unknown(),
                saved: LatestTime::unknown(),
                alive: LatestTime::at(now),
            },
            lag: Histogram::new(LAG_BOUNDS),
            ingress: Ingress {
                requests: CounterBy::new(INGRESS),
                bytes: CounterBy::new(&["raw", "wire"]),
                throttled: CounterBy::new(&["okta", "coralogix", "self"]),
                duration,
            },
            okta: Okta {
                requests: CounterBy::new(OKTA),
                resets: AtomicU64::new(0),
                late: AtomicU64::new(0),
                budget_left: Mutex::default(),
                clock_offset: AtomicI64::new(0),
            },
            saves: CounterBy::new(SAVES),
            answers: CounterBy::new(STATUSES),
            log_streams: CounterBy::new(LOG_STREAMS),
            window: Mutex::default(),
            window_saves: CounterBy::new(&["ok", "error"]),
            push_is_shared: AtomicBool::new(false),
        })))
    }

    /// The next run of the pipeline has been opened.
    pub fn attach(&self, handle: PipelineHandle) {
        if let Some(watched) = &self.0 {
            watched.runs().attach(handle);
        }
    }

    /// The endpoint from which the pipeline takes events.
    pub fn endpoint(&self, endpoint: EndpointHandle) {
        if let Some(watched) = &self.0 {
            *lock(&watched.endpoint) = Some(endpoint);
        }
    }

    /// The audit beside the pipeline.
    pub fn audit(&self, figures: Arc<AuditFigures>) {
        if let Some(watched) = &self.0 {
            *lock(&watched.audit) = Some(figures);
        }
    }

    /// What was not pushed is healed after this delay; the window knows what was delivered.
    pub fn heals(&self, delay: Duration, window: DedupWindow) {
        if let Some(watched) = &self.0 {
            *lock(&watched.window) = Some((window, delay));
        }
    }

    /// The window was saved, or could not be.
    pub fn window_saved(&self, is_saved: bool) {
        if let Some(watched) = &self.0 {
            let outcome = if is_saved { "ok" } else { "error" };
            watched.window_saves.add(outcome, 1);
        }
    }

    /// Whether another process seems to receive a part of what is pushed.
    pub fn push_is_shared(&self, is_shared: bool) {
        if let Some(watched) = &self.0 {
            watched.push_is_shared.store(is_shared, Ordering::Relaxed);
        }
    }

    /// The pipeline could not be opened, or has ended, and will be opened again.
    pub fn down(&self, error: &Error) {
        if let Some(watched) = &self.0 {
            watched.runs().down(with_causes(error));
        }
    }

    /// Another replica reads the log of the pipeline, which waits for it.
    pub fn standby(&self) {
        if let Some(watched) = &self.0 {
            watched.runs().standby();
        }
    }

    pub(super) fn watched(&self) -> Option<&Arc<Watched>> {
        self.0.as_ref()
    }
}

impl Watched {
    pub(in crate::program) fn state(&self) -> RunState {
        match self.source {
            // They are sent as they come, and there is nothing to open.
            SourceKind::Lines => RunState::Of(PipelineState::Running),
            _ => self.totals().state,
        }
    }

    pub(in crate::program) fn totals(&self) -> Totals {
        self.runs().totals()
    }

    /// The handles of runs that go on.
    pub(super) fn running(&self) -> Vec<PipelineHandle> {
        self.runs().running()
    }

    pub(in crate::program) fn endpoint(&self) -> Option<EndpointHandle> {
        lock(&self.endpoint).clone()
    }

    pub(in crate::program) fn audit(&self) -> Option<Arc<AuditFigures>> {
        lock(&self.audit).clone()
    }

    /// Of a pipeline that heals: what was delivered, and the delay.
    pub(super) fn window(&self) -> Option<(DedupWindow, Duration)> {
        lock(&self.window).clone()
    }

    /// The time now.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn note_log_stream(&self, event: &RawEvent) {
        if let Some(change) = LogStreamChange::of(event) {
            self.log_streams.add(change.as_str(), 1);
        }
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        lock(&self.runs)
    }

    fn throttled(&self, by: &str, wait: Duration) {
        self.ingress.throttled.add(by, micros(wait));
    }

    fn note(&self, event: &PipelineEvent<'_>) {
        match event {
            PipelineEvent::Received { .. } => self.times.received.advance(self.now()),
            PipelineEvent::Ended {
                disposition: Disposition::Filtered | Disposition::TooOld,
                event: Some(event),
            } => self.note_log_stream(event),
            PipelineEvent::Ended {
                disposition: Disposition::Delivered,
                event: Some(event),
            } => {
                self.note_log_stream(event);
                let lag = self.now().signed_duration_since(event.published());
                self.lag.observe(lag.to_std().unwrap_or_default());
            }
            PipelineEvent::Ended { .. } => {}
            PipelineEvent::Accepted {
                bytes,
                uncompressed,
                took,
                ..
            } => {
                self.ingress.requests.add("accepted", 1);
                self.ingress.bytes.add("raw", *uncompressed as u64);
                self.ingress.bytes.add("wire", *bytes as u64);
                self.ingress.duration.observe(*took);
            }
            PipelineEvent::SendFailed {
                error,
                retry_in,
                took,
                ..
            } => {
                self.ingress.requests.add(outcome::of_ingress(error), 1);
                self.ingress.duration.observe(*took);
                if error.kind() == ErrorKind::RateLimited {
                    self.throttled("coralogix", retry_in.unwrap_or_default());
                }
            }
            _ => self.note_source(event),
        }
    }

    /// What happens seldom, or between the source and its remote.
    fn note_source(&self, event: &PipelineEvent<'_>) {
        match event {
            PipelineEvent::Requested { error, .. } => {
                let outcome = error.map_or("ok", outcome::of_okta);
                self.okta.requests.add(outcome, 1);
                if error.is_none() {
                    self.times.poll.advance(self.now());
                }
            }
            PipelineEvent::Polled { budget_left, .. } => {
                *lock(&self.okta.budget_left) = *budget_left
            }
            PipelineEvent::RemoteClock { offset } => {
                let millis = offset.num_milliseconds();
                self.okta.clock_offset.store(millis, Ordering::Relaxed);
            }
            PipelineEvent::RateLimitWait { wait } => self.throttled("self", *wait),
            // Other sources do not ask Okta: a queue that throttles is no limit of Okta's.
            PipelineEvent::SourceFailed {
                error,
                retry_in: Some(wait),
            } if matches!(self.source, SourceKind::Pull | SourceKind::Healing)
                && error.kind() == ErrorKind::RateLimited =>
            {
                self.throttled("okta", *wait);
            }
            PipelineEvent::DeliveredThrough { time } => {
                // An event of the future must not hide that others are late.
                self.times.through.advance((*time).min(self.now()));
            }
            PipelineEvent::Settled { .. } => {
                self.saves.add("ok", 1);
                self.times.saved.advance(self.now());
            }
            PipelineEvent::SettleFailed { error, .. } => self.saves.add(outcome::of_save(error), 1),
            PipelineEvent::CursorReset { .. } => {
                self.okta.resets.fetch_add(1, Ordering::Relaxed);
            }
            PipelineEvent::OverlapReread { late, .. } => {
                self.okta.late.fetch_add(*late as u64, Ordering::Relaxed);
            }
            PipelineEvent::RequestAnswered { status, .. } => {
                self.answers.add(outcome::of_status(*status), 1);
            }
            _ => {}
        }
    }
}

impl Observer for Monitor {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let Some(watched) = &self.0 {
            watched.note(event);
        }
    }
}

/// Nothing that runs under these locks panics, so that a poisoned one is still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::SystemClock;

    use super::*;

    #[test]
    fn throttling_is_by_okta_only_for_a_source_that_asks_okta() {
        let error = Error::temporary(ErrorKind::RateLimited, "too many calls");
        for (source, waited) in [
            (SourceKind::Pull, 2_000_000),
            (SourceKind::Healing, 2_000_000),
            (SourceKind::EventBridge, 0),
            (SourceKind::Replay, 0),
        ] {
            let duration = Arc::new(Histogram::new(LAG_BOUNDS));
            let monitor = Monitor::new("acme", source, Arc::new(SystemClock), duration);
            let watched = monitor.watched().unwrap();
            watched.note(&PipelineEvent::SourceFailed {
                error: &error,
                retry_in: Some(Duration::from_secs(2)),
            });
            let mut throttled = watched.ingress.throttled.read();
            let expected = Some(("okta", waited));
            assert_eq!(
                throttled.find(|(by, _)| *by == "okta"),
                expected,
                "{source:?}"
            );
        }
    }
}
