//! One integration: its counts, its lines in the log, and its line on a terminal.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use okta_coralogix_core::internal::text::seconds;
use tokio::time::Instant;
use tracing::Span;

use super::counts::{Counts, Lag, Snapshot};
use super::schedule::{Line, Schedule};
use super::work::{Done, Work};
use crate::program::log::LogSettings;
use crate::program::start::span;

/// An integration of this process.
#[derive(Debug)]
pub(super) struct Integration {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) counts: Counts,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    schedule: Schedule,
    lag: Lag,
    work: Option<Work>,
    /// Where it is drawn.
    bar: Option<ProgressBar>,
}

impl Integration {
    pub(super) fn new(name: &str, bar: Option<ProgressBar>) -> Self {
        Self {
            name: name.to_owned(),
            span: span(name),
            counts: Counts::default(),
            began: Instant::now(),
            state: Mutex::new(State {
                schedule: Schedule::new(),
                lag: Lag::default(),
                work: None,
                bar,
            }),
        }
    }

    pub(super) fn set_work(&self, work: Work) {
        self.state().work = Some(work);
    }

    /// Draws, or logs what is due.
    pub(super) fn tick(&self, now: DateTime<Utc>, settings: &LogSettings) {
        let counts = self.counts.snapshot();
        let mut state = self.state();
        let lag = state.lag.at(now, &self.counts);
        if settings.draws {
            if let Some(bar) = &state.bar {
                bar.set_message(self.text(&counts, lag, self.done(&state, &counts)));
            }
            return;
        }
        let due = state
            .schedule
            .due(counts, settings.interval, settings.heartbeat);
        let done = self.done(&state, &counts);
        drop(state);
        if let Some(line) = due {
            self.log(&line, &counts, lag, done);
        }
    }

    /// Draws or logs for the last time.
    pub(super) fn finish(&self, now: DateTime<Utc>, settings: &LogSettings) {
        let counts = self.counts.snapshot();
        let mut state = self.state();
        let lag = state.lag.at(now, &self.counts);
        if settings.draws {
            if let Some(bar) = &state.bar {
                bar.finish_with_message(self.text(&counts, lag, self.done(&state, &counts)));
            }
            return;
        }
        let last = state.schedule.last(counts);
        let done = self.done(&state, &counts);
        drop(state);
        if let Some(line) = last {
            self.log(&line, &counts, lag, done);
        }
    }

    /// How far the work is, where it has an end.
    fn done(&self, state: &State, counts: &Snapshot) -> Option<Done> {
        let work = state.work.as_ref()?;
        work.done(&self.counts, counts, self.began.elapsed())
    }

    fn log(&self, line: &Line, counts: &Snapshot, lag: Option<Duration>, done: Option<Done>) {
        let lag_seconds = lag.map(|lag| lag.as_secs());
        let pending = counts.pending();
        let through = self.counts.through();
        let through = through.map(|time| tracing::field::display(time.to_rfc3339()));
        let _within = self.span.enter();
        match line {
            Line::Counts(since) => {
                let some = |count: u64| (count > 0).then_some(count);
                tracing::info!(
                    received = since.received,
                    delivered = since.delivered,
                    requests = since.requests,
                    too_old = some(since.too_old),
                    duplicate = some(since.duplicate),
                    filtered = some(since.filtered),
                    dead_lettered = some(since.dead_lettered),
                    handed_back = some(since.handed_back),
                    pending,
                    lag_seconds,
                    percent = done.map(|done| percent(done.share)),
                    time_left = done
                        .and_then(|done| done.left)
                        .map(|left| tracing::field::display(whole(left))),
                    "events since the last such line"
                );
            }
            Line::Quiet(time) if pending > 0 => tracing::info!(
                pending,
                lag_seconds,
                delivered_through = through,
                "no event has moved for {}: some are in flight",
                seconds(*time)
            ),
            Line::Quiet(time) => tracing::info!(
                lag_seconds,
                delivered_through = through,
                "no event for {}: waiting for the next",
                seconds(*time)
            ),
        }
    }

    /// The line on a terminal.
    fn text(&self, counts: &Snapshot, lag: Option<Duration>, done: Option<Done>) -> String {
        let mut text = format!(
            "{}: received {}, delivered {} in {} requests, ended otherwise {}",
            self.name,
            counts.received,
            counts.delivered,
            counts.requests,
            counts.ended_otherwise()
        );
        let mut add = |more: std::fmt::Arguments<'_>| {
            text.write_fmt(more).expect("a string takes any text");
        };
        if let Some(lag) = lag {
            add(format_args!(", lag {}", whole(lag)));
        }
        if let Some(Done { share, left }) = done {
            add(format_args!(", {} %", percent(share)));
            if let Some(left) = left {
                add(format_args!(", {} left", whole(left)));
            }
        }
        text
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 100 only if all is done.
fn percent(share: f64) -> u64 {
    (share * 100.0).floor() as u64
}

/// A duration as a person reads it, in whole seconds.
fn whole(time: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use okta_coralogix_core::observe::PipelineEvent;
    use okta_coralogix_core::pipeline::Disposition;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn counts_name_their_integration_once_within_the_span_of_its_run() {
        #[derive(Clone, Default)]
        struct Log(Arc<Mutex<Vec<u8>>>);

        impl std::io::Write for Log {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || written.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            let integration = Integration::new("acme", None);
            let counts = integration.counts.snapshot();
            let line = Line::Quiet(Duration::from_secs(60));
            span("acme").in_scope(|| integration.log(&line, &counts, None, None));
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("no event for 60 s"), "{log}");
        assert_eq!(log.matches("acme").count(), 1, "{log}");
    }

    #[tokio::test(start_paused = true)]
    async fn terminal_shows_lag_percent_and_time_left() {
        let integration = Integration::new("acme", None);
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let received = PipelineEvent::Received { items: 50 };
        integration.counts.count(&received, now);
        for _ in 0..25 {
            let ended = PipelineEvent::Ended {
                disposition: Disposition::Duplicate,
                event: None,
            };
            integration.counts.count(&ended, now);
        }
        let through = now - Duration::from_secs(90);
        let through = PipelineEvent::DeliveredThrough { time: through };
        integration.counts.count(&through, now);
        advance(Duration::from_secs(30)).await;
        let counts = integration.counts.snapshot();
        let lag = integration.state().lag.at(now, &integration.counts);
        integration.set_work(Work::Events(100));
        let done = integration.done(&integration.state(), &counts);
        let text = integration.text(&counts, lag, done);
        assert_eq!(
            text,
            "acme: received 50, delivered 0 in 0 requests, ended otherwise 25, lag 1m 30s, 25 %, 1m 30s left"
        );
    }
}
