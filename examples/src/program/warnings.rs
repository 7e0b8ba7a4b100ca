//! What looks odd in the settings: said once the log has started, or with the error that keeps the program from starting.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The warnings of a program. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Each is said once: a secret that is read again is as odd as before.
    known: HashSet<String>,
    waiting: Vec<String>,
    is_logged: bool,
}

impl Warnings {
    /// Says `warning`, which names the setting, unless it was said before.
    pub fn add(&self, warning: String) {
        let mut state = self.lock();
        if !state.known.insert(warning.clone()) {
            return;
        }
        match state.is_logged {
            true => tracing::warn!("{warning}"),
            false => state.waiting.push(warning),
        }
    }

    /// The log has started: writes what waits for it. Later warnings are logged at once.
    pub fn log(&self) {
        let mut state = self.lock();
        state.is_logged = true;
        for warning in std::mem::take(&mut state.waiting) {
            tracing::warn!("{warning}");
        }
    }

    /// Those that wait for the log.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().waiting)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_is_said_once() {
        let warnings = Warnings::default();
        for warning in ["a", "b", "a"] {
            warnings.clone().add(warning.to_owned());
        }
        assert_eq!(warnings.take(), ["a", "b"]);
        warnings.add("b".to_owned());
        assert_eq!(warnings.take(), [""; 0]);
    }
}
