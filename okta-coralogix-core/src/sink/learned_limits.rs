//! Limits learned from a sink's responses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::concurrency::{AdaptiveConcurrency, Permit};
use super::isolation::{Evidence, Guard, Patience};
use super::{Batch, LogSink};
use crate::remote_record::{FaultTimeouts, RemoteRecord};
use crate::{Error, ErrorKind, Result};

/// Requests that follow a 400: this many at once, then one each `PACE`, so that many bad entries do not flood the endpoint.
const BURST: u32 = 200;
const PACE: Duration = Duration::from_millis(10);

/// Accepted requests after which the size limit is forgotten: the proxy that answered 413 may be gone, or may have been wrong. The
/// number doubles each time, so that a lasting limit is tested less and less often.
const FIRST_TRY: u32 = 32;
const LAST_TRY: u32 = 1_024;

/// How many requests the sink gets at a time, how large they may be, and whether a 400 blames the entry or the endpoint.
#[derive(Debug)]
pub(crate) struct LearnedLimits {
    concurrency: AdaptiveConcurrency,
    timeouts: FaultTimeouts,
    patience: Patience,
    evidence: Evidence,
    guard: Guard,
    state: Mutex<State>,
}

/// The endpoint's responses so far, which tell a bad entry from a bad endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TrackRecord {
    /// Entries rejected alone in a row, with nothing accepted in between.
    pub(crate) rejections: usize,
    pub(crate) has_accepted: bool,
}

#[derive(Debug, Default)]
struct State {
    /// The smallest request that the sink rejected as too large, in uncompressed bytes.
    too_large: usize,
    /// The largest accepted request below that size.
    accepted: usize,
    /// Requests accepted since one was too large, or since that limit was forgotten.
    since: u32,
    /// The limit is forgotten after this many of them.
    try_after: u32,
    /// Entries rejected alone in a row, with nothing accepted in between.
    rejections: usize,
    remote: RemoteRecord,
    /// When the paced requests so far would all have been sent.
    paced: Option<Instant>,
}

impl LearnedLimits {
    pub(crate) fn new(most: usize, timeouts: FaultTimeouts, patience: Patience) -> Self {
        Self {
            concurrency: AdaptiveConcurrency::new(most),
            timeouts,
            patience,
            evidence: Evidence::default(),
            guard: Guard::default(),
            state: Mutex::new(State {
                too_large: usize::MAX,
                try_after: FIRST_TRY,
                ..State::default()
            }),
        }
    }

    /// Waits until one more request may be in flight.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        self.concurrency.permit().await
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Checks the sink; one that passes is evidence that its address and key are right. `None`: it has no such test.
    pub(crate) async fn check(&self, sink: &dyn LogSink) -> Option<Result<()>> {
        let permit = self.permit().await;
        self.check_with(permit, sink).await
    }

    /// The same, at most twice a minute; `None` also if it is not the time.
    pub(crate) async fn check_in_turn(&self, sink: &dyn LogSink) -> Option<Result<()>> {
        let permit = self.permit().await;
        match self.evidence.take_turn() {
            true => self.check_with(permit, sink).await,
            false => None,
        }
    }

    async fn check_with(&self, permit: Permit<'_>, sink: &dyn LogSink) -> Option<Result<()>> {
        let checked = sink.check().await;
        drop(permit);
        match checked {
            Some(Ok(())) => {
                self.evidence.checked();
                self.state().remote.checked();
            }
            Some(Err(_)) => self.evidence.failed(1),
            None => {}
        }
        checked
    }

    /// A request was accepted.
    pub(crate) fn accepted(&self, batch: &Batch) {
        self.concurrency.accepted();
        self.evidence.accepted();
        self.guard.accepted(batch.entries);
        let mut state = self.state();
        state.record_accepted(batch.uncompressed_len);
        state.rejections = 0;
        state.remote.accepted();
    }

    /// A request of `bytes` failed: the error as it is to be acted on.
    pub(crate) fn failed(&self, error: Error, bytes: usize) -> Error {
        let kind = error.kind();
        self.concurrency.failed(kind);
        let mut state = self.state();
        if kind == ErrorKind::TooLarge {
            state.record_too_large(bytes);
        }
        state.remote.judge(error, self.timeouts)
    }

    /// No request before this: the sink refused the key, and gets it once more then.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        self.state().remote.rests_until(self.timeouts)
    }

    /// The sink rejected a request of one entry.
    pub(crate) fn rejected_alone(&self) {
        self.state().rejections += 1;
    }

    pub(crate) fn track_record(&self) -> TrackRecord {
        let state = self.state();
        TrackRecord {
            rejections: state.rejections,
            has_accepted: state.remote.is_proven(),
        }
    }

    /// Waits for the turn of a request that follows a 400.
    pub(crate) async fn pace(&self) {
        let turn = {
            let mut state = self.state();
            let now = Instant::now();
            let paced = state.paced.map_or(now, |paced| paced.max(now)) + PACE;
            state.paced = Some(paced);
            paced.checked_sub(PACE * BURST).filter(|turn| *turn > now)
        };
        if let Some(turn) = turn {
            sleep_until(turn).await;
        }
    }

    /// The largest body that the next request may have, uncompressed: the largest accepted one, or half of the smallest rejected one.
    pub(crate) fn ceiling(&self) -> usize {
        let state = self.state();
        match state.too_large {
            usize::MAX => usize::MAX,
            bytes => state.accepted.max(bytes / 2),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn record_accepted(&mut self, bytes: usize) {
        self.since = self.since.saturating_add(1);
        if self.too_large < usize::MAX {
            self.accepted = self.accepted.max(bytes);
            if bytes >= self.too_large || self.since >= self.try_after {
                self.too_large = usize::MAX;
                self.accepted = 0;
                self.since = 0;
                self.try_after = (self.try_after * 2).min(LAST_TRY);
            }
        } else if self.since >= LAST_TRY {
            self.try_after = FIRST_TRY;
        }
    }

    fn record_too_large(&mut self, bytes: usize) {
        self.too_large = self.too_large.min(bytes);
        self.since = 0;
        if self.accepted >= self.too_large {
            self.accepted = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(learned: &LearnedLimits, bytes: usize) {
        learned.accepted(&Batch::new(&[], vec![0; bytes].into()));
    }

    fn too_large(learned: &LearnedLimits, bytes: usize) {
        let error = Error::new(ErrorKind::TooLarge, "413");
        assert!(!learned.failed(error, bytes).is_temporary());
    }

    #[test]
    fn size_ceiling_follows_accepted_and_too_large_requests() {
        let learned = LearnedLimits::new(1, FaultTimeouts::default(), Patience::default());
        too_large(&learned, 1000);
        assert_eq!(learned.ceiling(), 500);
        accepted(&learned, 900);
        assert_eq!(learned.ceiling(), 900);
        too_large(&learned, 800);
        assert_eq!(learned.ceiling(), 400);
        accepted(&learned, 500);
        assert_eq!(learned.ceiling(), 500);
        accepted(&learned, 800);
        assert_eq!(learned.ceiling(), usize::MAX, "what was too large is not");
    }

    #[test]
    fn learned_limit_is_retried_less_often_and_dropped_when_gone() {
        let limit = 70_000;
        let learned = LearnedLimits::new(1, FaultTimeouts::default(), Patience::default());
        let mut refused = Vec::new();
        for request in 0..20_000 {
            let bytes = learned.ceiling().min(2_000_000);
            if bytes > limit {
                too_large(&learned, bytes);
                refused.push(request);
            } else {
                accepted(&learned, bytes);
            }
        }
        assert!(refused.len() < 200, "{refused:?}");
        let last = refused[refused.len() - 1];
        assert!(last > 19_000 - LAST_TRY as usize, "it is tried for ever");

        // The limit is gone: soon there is none.
        for _ in 0..2 * LAST_TRY {
            accepted(&learned, learned.ceiling().min(2_000_000));
        }
        assert_eq!(learned.ceiling().min(2_000_000), 2_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_after_refusals_are_slowed_and_never_stopped() {
        let learned = LearnedLimits::new(1, FaultTimeouts::default(), Patience::default());
        let start = Instant::now();
        for _ in 0..BURST {
            learned.pace().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "a few go at once");
        for _ in 0..1_000 {
            learned.pace().await;
        }
        assert_eq!(start.elapsed(), PACE * 1_000);
        tokio::time::sleep(PACE * BURST).await;
        let later = Instant::now();
        learned.pace().await;
        assert_eq!(later.elapsed(), Duration::ZERO, "calm restores the burst");
    }
}
