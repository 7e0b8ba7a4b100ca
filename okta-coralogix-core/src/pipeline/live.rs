//! What a run shows of itself while it goes on, and what it is told from outside.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Summary;

/// Shared by a run and its handles.
#[derive(Debug, Default)]
pub(super) struct Live {
    shown: Mutex<Shown>,
    /// Makes the loop turn.
    wake: Notify,
    /// Changes with each turn of the loop.
    turns: watch::Sender<()>,
    retry: AtomicBool,
}

/// As of the last turn of the loop.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    pub(super) phase: Phase,
    pub(super) summary: Summary,
    /// Items that have not ended.
    pub(super) pending: usize,
    /// Deliveries that are not settled.
    pub(super) deliveries: usize,
    pub(super) requests: usize,
    /// When a request was last accepted, or a delivery settled.
    pub(super) progress: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    #[default]
    NotStarted,
    Running,
    Draining,
    Ended,
}

impl Live {
    /// The loop turns.
    pub(super) fn show(&self, now: Shown) {
        *self.shown() = now;
        self.turns.send_replace(());
    }

    /// The run has ended, or its future was dropped.
    pub(super) fn end(&self, summary: Summary) {
        let mut shown = self.shown();
        shown.phase = Phase::Ended;
        shown.summary = summary;
        (shown.pending, shown.deliveries, shown.requests) = (0, 0, 0);
        drop(shown);
        self.turns.send_replace(());
    }

    pub(super) fn now(&self) -> Shown {
        *self.shown()
    }

    /// Resolves when the loop is to turn.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Wakes the loop, and resolves once it has turned. False if it does not run.
    pub(super) async fn turn(&self) -> bool {
        let mut turns = self.turns.subscribe();
        let runs = || matches!(self.now().phase, Phase::Running | Phase::Draining);
        if !runs() {
            return false;
        }
        self.wake.notify_one();
        turns.changed().await.is_ok() && runs()
    }

    pub(super) fn ask_to_retry(&self) {
        self.retry.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// True once after each [`ask_to_retry`](Self::ask_to_retry).
    pub(super) fn is_asked_to_retry(&self) -> bool {
        self.retry.swap(false, Ordering::Relaxed)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
