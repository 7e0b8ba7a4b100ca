//! Adaptive concurrency: the number of requests in flight to a sink (additive increase, multiplicative decrease).

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ErrorKind;

/// The number of requests in flight. It halves with each overload, interception or refusal of the key, and with time-outs in a row, down to
/// one, and grows by one with each full round of successes, up to `max`.
#[derive(Debug)]
pub(crate) struct AdaptiveConcurrency {
    state: Mutex<State>,
    freed: Notify,
    max: usize,
}

#[derive(Debug)]
struct State {
    limit: f64,
    in_flight: usize,
}

/// A request may be sent while this is held.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a AdaptiveConcurrency);

impl AdaptiveConcurrency {
    /// At most `max` requests at a time; at least one.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            state: Mutex::new(State {
                limit: max as f64,
                in_flight: 0,
            }),
            freed: Notify::new(),
            max,
        }
    }

    /// Waits until one more request may be in flight.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                if state.in_flight < state.limit as usize {
                    state.in_flight += 1;
                    return Permit(self);
                }
            }
            freed.await;
        }
    }

    /// A request was accepted.
    pub(crate) fn accepted(&self) {
        let mut state = self.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.max as f64);
    }

    /// A request failed.
    pub(crate) fn failed(&self, kind: ErrorKind) {
        if is_overload_or_refusal(kind) {
            self.halve();
        }
    }

    pub(crate) fn halve(&self) {
        let mut state = self.state();
        state.limit = (state.limit / 2.0).max(1.0);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
        // All, since the limit may have grown: a request that finds no room waits again.
        self.0.freed.notify_waiters();
    }
}

/// True if more requests at a time would not help, or would be refused alike.
fn is_overload_or_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::Intercepted
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
    )
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn concurrency_halves_on_429_and_grows_by_one() {
        let in_flight = AdaptiveConcurrency::new(8);
        let room = || {
            let mut permits = Vec::new();
            while let Some(permit) = in_flight.permit().now_or_never() {
                permits.push(permit);
            }
            permits.len()
        };
        assert_eq!(room(), 8);
        in_flight.failed(ErrorKind::RateLimited);
        assert_eq!(room(), 4);
        in_flight.failed(ErrorKind::Network);
        assert_eq!(room(), 4, "a lost connection says nothing of the load");
        for _ in 0..3 {
            in_flight.failed(ErrorKind::Unavailable);
        }
        assert_eq!(room(), 1);
        in_flight.accepted();
        assert_eq!(room(), 2);
        for _ in 0..100 {
            in_flight.accepted();
        }
        assert_eq!(room(), 8);
    }

    #[tokio::test]
    async fn permit_release_wakes_the_next_waiter() {
        let in_flight = AdaptiveConcurrency::new(1);
        let first = in_flight.permit().await;
        let mut second = Box::pin(in_flight.permit());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        second.await;
    }
}
