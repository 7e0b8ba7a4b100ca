//! Evidence that a sink takes requests, while one of them fails.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

/// The sink is asked at most once in this time whether it is reachable and takes the key.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Evidence for halving a request may be this old: an outage that has begun since would halve it without need.
const FRESH: Duration = Duration::from_secs(30);

/// Requests that were accepted, and checks that the sink passed.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    state: Mutex<State>,
    /// Wakes those who wait for a change of the state, in the order in which they began to wait.
    changes: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Acceptances, and the checks that stood for one.
    count: u64,
    last: Option<Instant>,
    last_check: Option<Instant>,
    next_check: Option<Instant>,
    tally: Tally,
    /// Transfers on their way, whose acceptance would be better evidence than a check.
    transfers: usize,
}

/// How requests fared that are not at fault themselves, as far as one knows: acceptances and passed checks, and all that failed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            passed: self.passed - earlier.passed,
            failed: self.failed - earlier.failed,
        }
    }
}

/// A transfer is on its way as long as this lives.
#[derive(Debug)]
pub(crate) struct OnItsWay<'a>(&'a Evidence);

impl Evidence {
    /// A request was accepted.
    pub(crate) fn accepted(&self) {
        let mut state = self.state();
        state.count += 1;
        state.last = Some(Instant::now());
        state.tally.passed += 1;
        self.changes.notify_waiters();
    }

    /// So many requests, or checks, failed that are no suspect's, or of a suspect that was accepted in the end.
    pub(crate) fn failed(&self, requests: u32) {
        self.state().tally.failed += u64::from(requests);
    }

    pub(super) fn tally(&self) -> Tally {
        self.state().tally
    }

    /// Resolves when the count changes from now on, and when nothing else is on its way any more.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changes.notified()
    }

    pub(crate) fn on_its_way(&self) -> OnItsWay<'_> {
        self.state().transfers += 1;
        OnItsWay(self)
    }

    /// True if the sink has taken something since, and not long ago.
    pub(crate) fn passes_since(&self, since: Instant) -> bool {
        let last = self.state().last;
        last.is_some_and(|last| is_fresh(last, Some(since)))
    }

    /// True if the sink has passed a check since, and not long ago: an acceptance does not show that the key is still good, since it may
    /// have been revoked in between.
    pub(crate) fn key_passes_since(&self, since: Option<Instant>) -> bool {
        let last = self.state().last_check;
        last.is_some_and(|last| is_fresh(last, since))
    }

    /// Grows with each acceptance.
    pub(super) fn count(&self) -> u64 {
        self.state().count
    }

    /// When the sink may be checked, since nothing else is on its way that could be accepted; `None`: something is.
    pub(super) fn check_due(&self) -> Option<Instant> {
        let state = self.state();
        let now = Instant::now();
        (state.transfers == 0).then(|| state.next_check.map_or(now, |at| at.max(now)))
    }

    /// True if the caller may check the sink now; the next one may after [`CHECK_INTERVAL`].
    pub(crate) fn take_turn(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let is_due = state.next_check.is_none_or(|at| at <= now);
        if is_due {
            state.next_check = Some(now + CHECK_INTERVAL);
        }
        is_due
    }

    /// The sink passed a check. It stands for an acceptance if nothing else is on its way that could be accepted.
    pub(crate) fn checked(&self) {
        let mut state = self.state();
        state.last = Some(Instant::now());
        state.last_check = state.last;
        state.tally.passed += 1;
        if state.transfers == 0 {
            state.count += 1;
        }
        self.changes.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(at: Instant, since: Option<Instant>) -> bool {
    since.is_none_or(|since| at > since) && at.elapsed() <= FRESH
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.state().transfers -= 1;
        self.0.changes.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn acceptance_is_evidence_for_half_a_minute() {
        let evidence = Evidence::default();
        let began = Instant::now();
        assert!(!evidence.passes_since(began));
        advance(Duration::from_secs(1)).await;
        evidence.accepted();
        assert!(evidence.passes_since(began));
        assert!(!evidence.passes_since(Instant::now() + Duration::from_secs(1)));
        advance(FRESH + Duration::from_millis(1)).await;
        assert!(!evidence.passes_since(began));
    }

    #[tokio::test(start_paused = true)]
    async fn check_has_a_turn_twice_a_minute_and_counts_when_nothing_else_is_sent() {
        let evidence = Evidence::default();
        assert!(evidence.take_turn() && !evidence.take_turn());
        advance(CHECK_INTERVAL).await;
        assert!(evidence.take_turn());
        let other = evidence.on_its_way();
        evidence.checked();
        assert_eq!(evidence.count(), 0);
        drop(other);
        evidence.checked();
        assert_eq!(evidence.count(), 1);
    }
}
