//! A signal that wakes who waits for it in the order in which they came. (tokio's `watch` draws an order.)

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

/// Counts how often it was sent.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    sent: AtomicU32,
    notify: Notify,
}

impl Signal {
    pub(crate) fn send(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.notify.notify_waiters();
    }

    pub(crate) fn times(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Resolves once it was sent more often than this.
    pub(crate) async fn beyond(&self, times: u32) {
        loop {
            let notified = self.notify.notified();
            if self.times() > times {
                return;
            }
            notified.await;
        }
    }
}
