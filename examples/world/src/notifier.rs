//! Wakes waiting tasks in the order in which they came. (tokio's `watch` draws an order that no seed decides.)

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

/// A [`Notify`] that counts, so that a task that comes late misses no notification.
#[derive(Debug, Default)]
pub(crate) struct Notifier {
    count: AtomicU32,
    notify: Notify,
}

impl Notifier {
    pub(crate) fn notify(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.notify.notify_waiters();
    }

    /// Notifications so far.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Resolves once there were more than `count` notifications.
    pub(crate) async fn more_than(&self, count: u32) {
        loop {
            let notified = self.notify.notified();
            if self.count() > count {
                return;
            }
            notified.await;
        }
    }
}
