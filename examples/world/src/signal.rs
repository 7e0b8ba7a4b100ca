//! A signal that wakes its waiters in the order in which they came. (tokio's `watch` draws an order that no seed decides.)

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

    pub(crate) fn count(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Resolves once it was sent more than `count` times.
    pub(crate) async fn sent_more_than(&self, count: u32) {
        loop {
            let notified = self.notify.notified();
            if self.count() > count {
                return;
            }
            notified.await;
        }
    }
}
