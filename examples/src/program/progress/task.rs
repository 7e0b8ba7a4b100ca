//! Progress of work that is no pipeline: a line on a terminal, else lines of the log.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::Instant;

use super::work::time_left;
use super::{Progress, bar};

/// Work in phases, of which each has an end.
#[derive(Debug)]
pub struct TaskProgress {
    bar: Option<ProgressBar>,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: String,
    /// When the phase began.
    began: Instant,
    /// When a line was logged.
    said: Instant,
}

impl Progress {
    /// The progress of work that is no pipeline.
    #[must_use]
    pub fn task(&self, phase: &str) -> TaskProgress {
        let shown = &self.0;
        let now = Instant::now();
        TaskProgress {
            bar: shown.settings.draws.then(|| shown.bars.add(bar())),
            interval: shown.settings.interval,
            state: Mutex::new(State {
                phase: phase.to_owned(),
                began: now,
                said: now,
            }),
        }
    }
}

impl TaskProgress {
    /// Shows that `share` of a phase is done.
    pub fn show(&self, phase: &str, share: f64, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.phase != phase {
            phase.clone_into(&mut state.phase);
            state.began = Instant::now();
        }
        let left = time_left(share, 0.0, state.began.elapsed());
        let left = left.map_or(String::new(), |left| {
            let left = Duration::from_secs(left.as_secs());
            format!(", {} left", humantime::format_duration(left))
        });
        let percent = (share * 100.0).floor();
        let line = format!("{percent:.0} %: {what}{left}");
        if let Some(bar) = &self.bar {
            bar.set_message(line);
        } else if state.said.elapsed() >= self.interval {
            state.said = Instant::now();
            tracing::info!("{line}");
        }
    }

    /// Stops drawing.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
