//! The trace of a world: what happened, in order.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lines with their simulated time; kept only if the caller asks for them.
#[derive(Debug)]
pub(crate) struct Trace {
    enabled: bool,
    started: Instant,
    lines: Mutex<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            started: Instant::now(),
            lines: Mutex::default(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn record(&self, what: impl FnOnce() -> String) {
        if self.enabled {
            let line = format!("{:>10.3} s  {}", self.elapsed().as_secs_f64(), what());
            self.lines().push(line);
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
