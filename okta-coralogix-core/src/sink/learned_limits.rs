//! Limits learned from a sink's responses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use super::concurrency::{AdaptiveConcurrency, Permit};
use super::isolation::{Evidence, Guard, Patience, SuspectMemory};
use super::size_limit::SizeLimit;
use super::{Batch, LogSink};
use crate::remote_record::{FaultTimeouts, RemoteRecord};
use crate::{Error, ErrorKind, Result};

/// Requests that follow a 400: this many at once, then one each `PACE`, so that many bad entries do not flood the endpoint.
const BURST: u32 = 200;
const PACE: Duration = Duration::from_millis(10);

/// Accepted requests after which the size limit of a 413 is forgotten, at first and at last: the proxy that answered so may be gone, or
/// may have been wrong.
const FIRST_TRY: u32 = 32;
const LAST_TRY: u32 = 1_024;

/// The same for the limit of time-outs. Its test is dearer: a request that times out may have been stored, and is sent again.
const FIRST_TRY_AFTER_TIMEOUT: u32 = 256;
const LAST_TRY_AFTER_TIMEOUT: u32 = 4_096;

/// Time-outs in a row after which requests are made smaller, and fewer at a time. One alone may be of a lost connection.
const TIMEOUTS: u32 = 2;

/// How many requests the sink gets at a time, how large they may be, and whether a 400 blames the entry or the endpoint.
#[derive(Debug)]
pub(crate) struct LearnedLimits {
    concurrency: AdaptiveConcurrency,
    timeouts: FaultTimeouts,
    patience: Patience,
    evidence: Evidence,
    guard: Guard,
    suspects: SuspectMemory,
    /// For the attempts at suspects: half as many as other requests may be in flight.
    suspect_permits: Semaphore,
    state: Mutex<State>,
}

/// The endpoint's responses so far, which tell a bad entry from a bad endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TrackRecord {
    /// Entries rejected alone in a row, with nothing accepted in between.
    pub(crate) rejections: usize,
    pub(crate) has_accepted: bool,
}

#[derive(Debug)]
struct State {
    /// By what the sink rejected as too large.
    size: SizeLimit,
    /// By what the sink did not answer in time: it may need less for less.
    answered_size: SizeLimit,
    timeouts: TimeoutStreak,
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
            suspects: SuspectMemory::default(),
            suspect_permits: Semaphore::new(most.div_ceil(2).clamp(1, Semaphore::MAX_PERMITS)),
            state: Mutex::new(State {
                size: SizeLimit::new(FIRST_TRY, LAST_TRY),
                answered_size: SizeLimit::new(FIRST_TRY_AFTER_TIMEOUT, LAST_TRY_AFTER_TIMEOUT),
                timeouts: TimeoutStreak::default(),
                rejections: 0,
                remote: RemoteRecord::default(),
                paced: None,
            }),
        }
    }

    /// Waits until one more request may be in flight.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        self.concurrency.permit().await
    }

    /// Waits until one more suspect may be sent; dropped, the next one may. Never closed.
    pub(crate) async fn suspect_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.suspect_permits.acquire().await.ok()
    }

    pub(crate) fn suspects(&self) -> &SuspectMemory {
        &self.suspects
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
        state.size.record_accepted(batch.uncompressed_len);
        state.answered_size.record_accepted(batch.uncompressed_len);
        state.timeouts.record_accepted(batch.uncompressed_len);
        state.rejections = 0;
        state.remote.accepted();
    }

    /// A request of `bytes` had no answer in time. Several in a row halve the requests that follow, and their number at a time.
    pub(crate) fn timed_out(&self, bytes: usize) {
        let mut state = self.state();
        if let Some(smallest) = state.timeouts.record_timeout(bytes) {
            state.answered_size.record_too_large(smallest);
            self.concurrency.halve();
        }
    }

    /// A request of `bytes` failed, by an answer at a time: the error as it is to be acted on.
    pub(crate) fn failed(&self, error: Error, bytes: usize, answered_at: Instant) -> Error {
        let kind = error.kind();
        self.concurrency.failed(kind);
        let mut state = self.state();
        if kind == ErrorKind::TooLarge {
            state.size.record_too_large(bytes);
        }
        state.remote.judge(error, answered_at, self.timeouts)
    }

    /// No request before this: the sink refused the key, and gets it once more then.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        self.state().remote.rests_until(self.timeouts)
    }

    /// A refused key is tried at once.
    pub(crate) fn end_rest(&self) {
        self.state().remote.end_rest();
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

    /// The largest body that the next request may have, uncompressed.
    pub(crate) fn ceiling(&self) -> usize {
        let state = self.state();
        state.size.ceiling().min(state.answered_size.ceiling())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time-outs in a row. An acceptance ends the row if it shows that the sink answers such requests in time: one of a much smaller request
/// does not.
#[derive(Debug, Default)]
struct TimeoutStreak {
    count: u32,
    /// The smallest request of the row.
    smallest: usize,
}

impl TimeoutStreak {
    /// The smallest request of the row once it is long enough; then the next row begins.
    fn record_timeout(&mut self, bytes: usize) -> Option<usize> {
        self.smallest = match self.count {
            0 => bytes,
            _ => self.smallest.min(bytes),
        };
        self.count += 1;
        (self.count >= TIMEOUTS).then(|| std::mem::take(self).smallest)
    }

    fn record_accepted(&mut self, bytes: usize) {
        if bytes >= self.smallest / 2 {
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn accepted(learned: &LearnedLimits, bytes: usize) {
        learned.accepted(&Batch::new(&[], vec![0; bytes].into()));
    }

    fn too_large(learned: &LearnedLimits, bytes: usize) {
        let error = Error::new(ErrorKind::TooLarge, "413");
        let error = learned.failed(error, bytes, Instant::now());
        assert!(!error.is_temporary());
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

    #[test]
    fn two_timeouts_in_a_row_halve_requests_and_their_number() {
        let learned = LearnedLimits::new(8, FaultTimeouts::default(), Patience::default());
        let room = || {
            let mut permits = Vec::new();
            while let Some(permit) = learned.permit().now_or_never() {
                permits.push(permit);
            }
            permits.len()
        };
        learned.timed_out(1000);
        assert_eq!((learned.ceiling(), room()), (usize::MAX, 8));
        accepted(&learned, 500);
        learned.timed_out(1000);
        assert_eq!(learned.ceiling(), usize::MAX, "not in a row");
        accepted(&learned, 499);
        learned.timed_out(1200);
        assert_eq!((learned.ceiling(), room()), (500, 4), "small ones pass");
        learned.timed_out(500);
        learned.timed_out(600);
        assert_eq!((learned.ceiling(), room()), (250, 2));
        too_large(&learned, 400);
        assert_eq!(learned.ceiling(), 200, "the lower one of two limits");
    }

    #[test]
    fn limit_of_timeouts_is_forgotten_in_time() {
        let learned = LearnedLimits::new(1, FaultTimeouts::default(), Patience::default());
        let time_out = || {
            learned.timed_out(1000);
            learned.timed_out(1000);
        };
        for after in [256, 512, 1024, 2048, 4096, 4096] {
            time_out();
            for _ in 1..after {
                accepted(&learned, 400);
            }
            assert_eq!(learned.ceiling(), 500);
            accepted(&learned, 400);
            assert_eq!(learned.ceiling(), usize::MAX);
        }
        time_out();
        accepted(&learned, 1000);
        assert_eq!(learned.ceiling(), usize::MAX, "the sink is faster now");
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
