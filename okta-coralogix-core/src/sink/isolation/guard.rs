//! Keeps a flapping endpoint from emptying a log into the dead letters.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The share of suspects is counted over this time.
const WINDOW: Duration = Duration::from_secs(600);

/// The window moves in steps of this length.
const STEP: Duration = Duration::from_secs(30);

/// So many suspects are never too many.
const MIN_SUSPECTS: u64 = 20;

/// More than one suspect in so many entries is too many.
const ENTRIES_PER_SUSPECT: u64 = 100;

/// How often it is said that suspects are held.
const SAY_INTERVAL: Duration = Duration::from_secs(60);

/// Counts the entries and the suspects of the last ten minutes. A few entries at fault are theirs; many are the endpoint's.
#[derive(Debug, Default)]
pub(crate) struct Guard(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The entries that were accepted, and those that were blocked, in each step, the latest last.
    steps: VecDeque<(Instant, u64, u64)>,
    /// Entries that are suspects now.
    suspects: u64,
    said: Option<Instant>,
}

/// A suspect, as long as this lives.
#[derive(Debug)]
pub(super) struct Suspicion<'a>(&'a Guard);

impl Guard {
    /// So many entries were accepted.
    pub(crate) fn accepted(&self, entries: usize) {
        self.state().step().1 += entries as u64;
    }

    pub(super) fn suspect(&self) -> Suspicion<'_> {
        self.state().suspects += 1;
        Suspicion(self)
    }

    /// True if so many entries are suspects, or were blocked of late, that it must be the endpoint.
    pub(super) fn holds(&self) -> bool {
        let mut state = self.state();
        state.step();
        let steps = state.steps.iter();
        let (accepted, blocked) = steps.fold((0, 0), |sum, step| (sum.0 + step.1, sum.1 + step.2));
        let suspects = blocked + state.suspects;
        let entries = accepted + suspects;
        suspects > MIN_SUSPECTS && suspects.saturating_mul(ENTRIES_PER_SUSPECT) > entries
    }

    /// The suspects that are held, if it is time to say so.
    pub(super) fn say(&self) -> Option<u64> {
        let mut state = self.state();
        let is_due = state.said.is_none_or(|said| said.elapsed() >= SAY_INTERVAL);
        is_due.then(|| {
            state.said = Some(Instant::now());
            state.suspects
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The present step, after those that have left the window are forgotten.
    fn step(&mut self) -> &mut (Instant, u64, u64) {
        let now = Instant::now();
        while self
            .steps
            .front()
            .is_some_and(|step| now - step.0 >= WINDOW)
        {
            self.steps.pop_front();
        }
        if self.steps.back().is_none_or(|step| now - step.0 >= STEP) {
            self.steps.push_back((now, 0, 0));
        }
        self.steps.back_mut().expect("a step was pushed")
    }
}

impl Suspicion<'_> {
    /// The suspect is blocked.
    pub(super) fn blocked(self) {
        self.0.state().step().2 += 1;
    }
}

impl Drop for Suspicion<'_> {
    fn drop(&mut self) {
        self.0.state().suspects -= 1;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn guard_holds_above_one_in_a_hundred_and_twenty_suspects() {
        let guard = Guard::default();
        guard.accepted(3_000);
        let mut suspects: Vec<_> = (0..30).map(|_| guard.suspect()).collect();
        assert!(!guard.holds(), "30 of 3,030");
        suspects.push(guard.suspect());
        assert!(guard.holds(), "31 of 3,031");
        suspects.truncate(20);
        assert!(!guard.holds());
        for suspect in suspects {
            suspect.blocked();
        }
        advance(WINDOW - STEP).await;
        let one_more = guard.suspect();
        assert!(!guard.holds(), "21 of 3,021");
        drop(one_more);
        advance(STEP).await;
        let many: Vec<_> = (0..21).map(|_| guard.suspect()).collect();
        assert!(guard.holds(), "nothing was accepted in these ten minutes");
        drop(many);
        assert!(!guard.holds());
    }

    #[tokio::test(start_paused = true)]
    async fn guard_speaks_once_a_minute() {
        let guard = Guard::default();
        let _suspect = guard.suspect();
        assert_eq!((guard.say(), guard.say()), (Some(1), None));
        advance(SAY_INTERVAL).await;
        assert_eq!(guard.say(), Some(1));
    }
}
