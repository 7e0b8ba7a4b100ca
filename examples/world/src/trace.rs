//! What happened, in order.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The lines of a world, each with its simulated time; told only if somebody wants to hear it.
#[derive(Debug)]
pub(crate) struct Trace {
    told: bool,
    lines: Mutex<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(told: bool) -> Self {
        Self {
            told,
            lines: Mutex::default(),
        }
    }

    pub(crate) fn say(&self, at: Duration, what: impl FnOnce() -> String) {
        if self.told {
            let line = format!("{:>10.3} s  {}", at.as_secs_f64(), what());
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
