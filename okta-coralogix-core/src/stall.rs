//! How long nothing has moved, which `give_up_after` limits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::later;
use crate::text::{seconds, with_causes};
use crate::{Error, ErrorKind, Outcome};

/// After this long without a response a source that had failed counts as idle, not as failing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Since when something fails, or is in flight, with nothing accepted or settled.
#[derive(Debug, Default)]
pub(crate) struct Stall(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since when the source fails.
    source: Option<Instant>,
    /// Since when settlements fail.
    settlements: Option<Instant>,
    /// Since when something is in flight and nothing was accepted or settled.
    busy: Option<Instant>,
    /// When something was last accepted or settled.
    moved_at: Option<Instant>,
    /// The last error.
    fault: Option<Error>,
}

impl Stall {
    pub(crate) fn source_failed(&self, error: &Error) {
        let mut state = self.state();
        state.source.get_or_insert_with(Instant::now);
        state.fault = Some(error.clone());
    }

    pub(crate) fn source_answered(&self) {
        self.state().source = None;
    }

    /// When a source that has failed, was asked at `asked` and has not answered counts as idle. `None`: it has not failed.
    pub(crate) fn source_idles_at(&self, asked: Instant) -> Option<Instant> {
        self.state().source?;
        Some(later(asked, IDLE_TIMEOUT))
    }

    pub(crate) fn settlement_failed(&self, error: &Error) {
        let mut state = self.state();
        state.settlements.get_or_insert_with(Instant::now);
        state.fault = Some(error.clone());
    }

    /// A settlement succeeded. One that only hands back moves nothing: the source gives all of it again.
    pub(crate) fn settlement_succeeded(&self, outcomes: &[Outcome]) {
        if outcomes.is_empty() || outcomes.contains(&Outcome::Settled) {
            self.moved();
        } else {
            self.state().settlements = None;
        }
    }

    /// Something that is in flight failed and is tried again.
    pub(crate) fn attempt_failed(&self, error: &Error) {
        self.state().fault = Some(error.clone());
    }

    /// Something was accepted or settled.
    pub(crate) fn moved(&self) {
        let mut state = self.state();
        state.settlements = None;
        let now = Instant::now();
        state.moved_at = Some(now);
        state.busy = state.busy.map(|_| now);
    }

    /// When something was last accepted or settled.
    pub(crate) fn moved_at(&self) -> Option<Instant> {
        self.state().moved_at
    }

    /// Whether anything is in flight.
    pub(crate) fn set_busy(&self, busy: bool) {
        let mut state = self.state();
        state.busy = busy.then(|| state.busy.unwrap_or_else(Instant::now));
    }

    /// When nothing will have moved for `limit`.
    pub(crate) fn ends_at(&self, limit: Duration) -> Option<Instant> {
        let state = self.state();
        let since = [state.source, state.settlements, state.busy];
        Some(later(since.into_iter().flatten().min()?, limit))
    }

    /// The error of a run in which nothing has moved for `limit`; `None` if it has not come to that.
    pub(crate) fn gave_up(&self, limit: Duration) -> Option<Error> {
        self.ends_at(limit).filter(|end| *end <= Instant::now())?;
        let fault = self.state().fault.clone();
        let last = match &fault {
            None => "there is no answer".to_owned(),
            Some(fault) => with_causes(fault),
        };
        let detail = format!(
            "gave up: nothing was accepted or settled for {}; the last fault: {last}",
            seconds(limit)
        );
        let gave_up = Error::new(ErrorKind::GaveUp, detail);
        Some(match fault {
            None => gave_up,
            Some(fault) => gave_up.with_source(fault),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);

    /// Since how long something fails or is in flight without progress.
    fn since(stall: &Stall) -> Option<Duration> {
        let ends_at = stall.ends_at(LIMIT)?;
        Some(LIMIT - (ends_at - Instant::now()))
    }

    #[tokio::test(start_paused = true)]
    async fn settlements_are_progress_unless_all_is_handed_back() {
        use Outcome::{HandedBack, Settled};
        let step = Duration::from_secs(10);
        for (outcomes, progress) in [
            (&[][..], true),
            (&[Settled], true),
            (&[HandedBack, Settled], true),
            (&[HandedBack], false),
            (&[HandedBack, HandedBack], false),
        ] {
            let stall = Stall::default();
            stall.set_busy(true);
            advance(step).await;
            stall.settlement_succeeded(outcomes);
            let expected = if progress { Duration::ZERO } else { step };
            assert_eq!(since(&stall), Some(expected), "{outcomes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn settlements_that_succeed_again_end_the_failure_of_settlements() {
        let failure = Error::temporary(ErrorKind::Network, "the store is away");
        for outcome in [Outcome::Settled, Outcome::HandedBack] {
            let stall = Stall::default();
            stall.settlement_failed(&failure);
            advance(Duration::from_secs(10)).await;
            stall.settlement_failed(&failure);
            assert_eq!(since(&stall), Some(Duration::from_secs(10)));
            stall.settlement_succeeded(&[outcome]);
            assert_eq!(since(&stall), None, "{outcome:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gave_up_carries_the_last_error_with_its_causes() {
        let stall = Stall::default();
        stall.set_busy(true);
        let cause = std::io::Error::other("device is gone");
        let failure = Error::temporary(ErrorKind::Storage, "the store is away").with_source(cause);
        for fail in [
            Stall::source_failed,
            Stall::settlement_failed,
            Stall::attempt_failed,
        ] {
            stall.attempt_failed(&Error::temporary(ErrorKind::Network, "an earlier one"));
            fail(&stall, &failure);
            assert!(stall.gave_up(LIMIT).is_none());
            advance(LIMIT).await;
            let gave_up = stall.gave_up(LIMIT).unwrap();
            let detail = "gave up: nothing was accepted or settled for 600 s; the last fault: the store is away: device is gone";
            assert_eq!(gave_up.detail(), detail);
            assert_eq!(with_causes(&gave_up), detail, "the fault is told once");
            let fault = std::error::Error::source(&gave_up);
            let fault = fault.and_then(|fault| fault.downcast_ref::<Error>());
            assert_eq!(fault.unwrap().kind(), ErrorKind::Storage);
            stall.source_answered();
            stall.moved();
        }
    }
}
