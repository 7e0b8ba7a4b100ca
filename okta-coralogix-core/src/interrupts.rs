//! What ends a wait early.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Ends the waits of a task: when nothing more may be sent, and when an operator asks for an attempt at once.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts {
    stop: watch::Receiver<bool>,
    retries: watch::Receiver<()>,
}

impl Interrupts {
    /// `stop` becomes true once nothing more may be sent; `retries` changes with each request for an attempt at once.
    pub(crate) fn new(stop: watch::Receiver<bool>, retries: watch::Receiver<()>) -> Self {
        Self { stop, retries }
    }

    /// The same, without requests for an attempt at once.
    pub(crate) fn of_stop(stop: watch::Receiver<bool>) -> Self {
        Self::new(stop, watch::channel(()).1)
    }

    /// True once nothing more may be sent.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits, unless nothing more may be sent.
    pub(crate) async fn wait(&mut self, wait: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = wait => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Waits before the next attempt, unless nothing more may be sent or an attempt is asked for.
    pub(crate) async fn back_off(&mut self, wait: Duration) {
        let mut retries = self.retries.clone();
        retries.mark_unchanged();
        self.wait(async {
            tokio::select! {
                biased;
                () = sleep(wait) => {}
                Ok(()) = retries.changed() => {}
            }
        })
        .await;
    }

    /// The same, until a time.
    pub(crate) async fn back_off_until(&mut self, until: Instant) {
        self.back_off(until.saturating_duration_since(Instant::now()))
            .await;
    }
}
