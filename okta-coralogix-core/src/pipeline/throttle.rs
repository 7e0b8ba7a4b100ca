//! How many requests the sink gets at a time, and what it has shown of itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ErrorKind;

/// Entries refused in a row, with nothing accepted in between, after which the endpoint is at fault and not the entries: as
/// long as it has not accepted anything in this run, and when it has.
const REFUSED_BY_A_STRANGER: usize = 4;
const REFUSED_BY_A_FRIEND: usize = 16;

/// What a run has learnt of its sink, shared by all its requests.
///
/// The number of requests in flight halves with each 429 or 503, down to one, and grows by one with each full round of
/// successes, up to what is configured.
#[derive(Debug)]
pub(super) struct Throttle {
    state: Mutex<State>,
    freed: Notify,
    most: usize,
}

#[derive(Debug)]
struct State {
    limit: f64,
    in_flight: usize,
    /// The smallest request that the sink has called too large, in plain bytes.
    too_large: usize,
    /// The largest request below that which it has taken.
    taken: usize,
    refused: usize,
    has_accepted: bool,
}

/// A request may be sent while this is held.
#[derive(Debug)]
pub(super) struct Permit<'a>(&'a Throttle);

impl Throttle {
    pub(super) fn new(most: usize) -> Self {
        Self {
            state: Mutex::new(State {
                limit: most as f64,
                in_flight: 0,
                too_large: usize::MAX,
                taken: 0,
                refused: 0,
                has_accepted: false,
            }),
            freed: Notify::new(),
            most,
        }
    }

    /// Waits until one more request may be in flight.
    pub(super) async fn permit(&self) -> Permit<'_> {
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

    /// A request of `bytes` was accepted.
    pub(super) fn accepted(&self, bytes: usize) {
        let mut state = self.state();
        if bytes < state.too_large {
            state.taken = state.taken.max(bytes);
        }
        state.limit = (state.limit + 1.0 / state.limit).min(self.most as f64);
        state.refused = 0;
        state.has_accepted = true;
    }

    /// A request failed in a way that time mends.
    pub(super) fn failed(&self, kind: ErrorKind) {
        if matches!(kind, ErrorKind::RateLimited | ErrorKind::Unavailable) {
            let mut state = self.state();
            state.limit = (state.limit / 2.0).max(1.0);
        }
    }

    /// A single entry was refused. True if so many were in a row that the endpoint must be at fault.
    pub(super) fn refused(&self) -> bool {
        let mut state = self.state();
        state.refused += 1;
        state.refused >= state.enough_refusals()
    }

    /// How many single entries tell a bad entry from a bad endpoint.
    pub(super) fn probes(&self) -> usize {
        self.state().enough_refusals()
    }

    /// A request of `bytes` was too large.
    pub(super) fn too_large(&self, bytes: usize) {
        let mut state = self.state();
        state.too_large = state.too_large.min(bytes);
        if state.taken >= state.too_large {
            state.taken = 0;
        }
    }

    /// Plain bytes that the next request may have: what has been taken, or half of what was too large.
    pub(super) fn ceiling(&self) -> usize {
        let state = self.state();
        match state.too_large {
            usize::MAX => usize::MAX,
            bytes => state.taken.max(bytes / 2),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enough_refusals(&self) -> usize {
        match self.has_accepted {
            false => REFUSED_BY_A_STRANGER,
            true => REFUSED_BY_A_FRIEND,
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
        // All, since the limit may have grown: whoever finds no room waits again.
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn requests_halve_with_a_429_and_grow_again_one_by_one() {
        let throttle = Throttle::new(8);
        let room = || {
            let mut permits = Vec::new();
            while let Some(permit) = throttle.permit().now_or_never() {
                permits.push(permit);
            }
            permits.len()
        };
        assert_eq!(room(), 8);
        throttle.failed(ErrorKind::RateLimited);
        assert_eq!(room(), 4);
        throttle.failed(ErrorKind::Network);
        assert_eq!(room(), 4, "a lost connection says nothing of the load");
        for _ in 0..3 {
            throttle.failed(ErrorKind::Unavailable);
        }
        assert_eq!(room(), 1);
        throttle.accepted(1);
        assert_eq!(room(), 2);
        for _ in 0..100 {
            throttle.accepted(1);
        }
        assert_eq!(room(), 8);
    }

    #[test]
    fn the_ceiling_is_what_has_been_taken_since_something_was_too_large() {
        let throttle = Throttle::new(1);
        throttle.accepted(900);
        assert_eq!(throttle.ceiling(), usize::MAX);
        throttle.too_large(1000);
        assert_eq!(throttle.ceiling(), 900);
        throttle.too_large(800);
        assert_eq!(throttle.ceiling(), 400);
        throttle.accepted(500);
        assert_eq!(throttle.ceiling(), 500);
    }

    #[tokio::test]
    async fn a_freed_permit_wakes_who_waits() {
        let throttle = Throttle::new(1);
        let first = throttle.permit().await;
        let mut second = Box::pin(throttle.permit());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        second.await;
    }
}
