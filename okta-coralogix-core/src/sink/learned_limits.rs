//! What has been learnt of a sink, shared by all requests to it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::concurrency::{AdaptiveConcurrency, Permit};
use crate::ErrorKind;

/// Entries refused in a row, with nothing accepted in between, after which the endpoint is at fault and not the entries: as
/// long as it has not accepted anything yet, and when it has.
const REFUSED_BY_A_STRANGER: usize = 4;
const REFUSED_BY_A_FRIEND: usize = 16;

/// Requests that follow a refusal of content: this many at once, then one more every so often. The limit is our own, so
/// that many bad entries do not become a storm.
const BURST: u32 = 200;
const PACE: Duration = Duration::from_millis(10);

/// Requests taken, after which it is forgotten what was too large: whatever called it so may be gone, or may not have known. Each
/// time it takes twice as many, so that a limit that stays is met ever more seldom.
const FIRST_TRY: u32 = 32;
const LAST_TRY: u32 = 1_024;

/// How many requests the sink gets at a time, how large they may be, and whether it can be trusted to know a bad entry.
#[derive(Debug)]
pub(crate) struct LearnedLimits {
    concurrency: AdaptiveConcurrency,
    learnt: Mutex<Learnt>,
}

#[derive(Debug)]
struct Learnt {
    /// The smallest request that the sink has called too large, in plain bytes.
    too_large: usize,
    /// The largest request below that which it has taken.
    taken: usize,
    /// Requests that it has taken since something was too large, or that was forgotten.
    since: u32,
    /// After how many of them that is forgotten.
    try_after: u32,
    refused: usize,
    has_accepted: bool,
    /// When the requests after refusals would be through at their pace.
    paced: Option<Instant>,
}

impl LearnedLimits {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            concurrency: AdaptiveConcurrency::new(most),
            learnt: Mutex::new(Learnt {
                too_large: usize::MAX,
                taken: 0,
                since: 0,
                try_after: FIRST_TRY,
                refused: 0,
                has_accepted: false,
                paced: None,
            }),
        }
    }

    /// Waits until one more request may be in flight.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        self.concurrency.permit().await
    }

    /// A request of `bytes` was accepted.
    pub(crate) fn accepted(&self, bytes: usize) {
        self.concurrency.accepted();
        let mut learnt = self.learnt();
        learnt.has_taken(bytes);
        learnt.refused = 0;
        learnt.has_accepted = true;
    }

    /// A request of `bytes` failed.
    pub(crate) fn failed(&self, kind: ErrorKind, bytes: usize) {
        self.concurrency.failed(kind);
        if kind == ErrorKind::TooLarge {
            self.learnt().is_too_large(bytes);
        }
    }

    /// A single entry was refused. True if so many were in a row that the endpoint must be at fault.
    pub(crate) fn refused(&self) -> bool {
        let mut learnt = self.learnt();
        learnt.refused += 1;
        learnt.refused >= learnt.enough_refusals()
    }

    /// How many single entries tell a bad entry from a bad endpoint.
    pub(crate) fn probes(&self) -> usize {
        self.learnt().enough_refusals()
    }

    /// Waits for the turn of a request that follows a refusal.
    pub(crate) async fn pace(&self) {
        let turn = {
            let mut learnt = self.learnt();
            let now = Instant::now();
            let paced = learnt.paced.map_or(now, |paced| paced.max(now)) + PACE;
            learnt.paced = Some(paced);
            paced.checked_sub(PACE * BURST).filter(|turn| *turn > now)
        };
        if let Some(turn) = turn {
            sleep_until(turn).await;
        }
    }

    /// Plain bytes that the next request may have: what has been taken, or half of what was too large.
    pub(crate) fn ceiling(&self) -> usize {
        let learnt = self.learnt();
        match learnt.too_large {
            usize::MAX => usize::MAX,
            bytes => learnt.taken.max(bytes / 2),
        }
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learnt {
    fn has_taken(&mut self, bytes: usize) {
        self.since = self.since.saturating_add(1);
        if self.too_large < usize::MAX {
            self.taken = self.taken.max(bytes);
            if bytes >= self.too_large || self.since >= self.try_after {
                self.too_large = usize::MAX;
                self.taken = 0;
                self.since = 0;
                self.try_after = (self.try_after * 2).min(LAST_TRY);
            }
        } else if self.since >= LAST_TRY {
            self.try_after = FIRST_TRY;
        }
    }

    fn is_too_large(&mut self, bytes: usize) {
        self.too_large = self.too_large.min(bytes);
        self.since = 0;
        if self.taken >= self.too_large {
            self.taken = 0;
        }
    }

    fn enough_refusals(&self) -> usize {
        match self.has_accepted {
            false => REFUSED_BY_A_STRANGER,
            true => REFUSED_BY_A_FRIEND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_is_what_has_been_taken_since_something_was_too_large() {
        let learned = LearnedLimits::new(1);
        learned.failed(ErrorKind::TooLarge, 1000);
        assert_eq!(learned.ceiling(), 500);
        learned.accepted(900);
        assert_eq!(learned.ceiling(), 900);
        learned.failed(ErrorKind::TooLarge, 800);
        assert_eq!(learned.ceiling(), 400);
        learned.accepted(500);
        assert_eq!(learned.ceiling(), 500);
        learned.accepted(800);
        assert_eq!(learned.ceiling(), usize::MAX, "what was too large is not");
    }

    #[test]
    fn a_limit_is_tried_again_ever_more_seldom_and_forgotten_once_it_is_gone() {
        let limit = 70_000;
        let learned = LearnedLimits::new(1);
        let mut refused = Vec::new();
        for request in 0..20_000 {
            let bytes = learned.ceiling().min(2_000_000);
            if bytes > limit {
                learned.failed(ErrorKind::TooLarge, bytes);
                refused.push(request);
            } else {
                learned.accepted(bytes);
            }
        }
        assert!(refused.len() < 200, "{refused:?}");
        let last = refused[refused.len() - 1];
        assert!(last > 19_000 - LAST_TRY as usize, "it is tried for ever");

        // The limit is gone: soon there is none.
        for _ in 0..2 * LAST_TRY {
            learned.accepted(learned.ceiling().min(2_000_000));
        }
        assert_eq!(learned.ceiling().min(2_000_000), 2_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_after_refusals_are_slowed_and_never_stopped() {
        let learned = LearnedLimits::new(1);
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
