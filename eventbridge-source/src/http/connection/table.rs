//! The connections that are open, and the bound of their number.
//!
//! At the bound a new connection is accepted and waits for its place. For it the connection is closed that was idle for the longest, of those
//! without an accepted credential if there is one. Closing takes three steps, so that no request is cut: the table *asks* the task of the
//! connection; the task *reads* what has arrived; then it either *ends*, or begins a request and is *kept*, and the table chooses again.
//!
//! If all of them have a request in progress, the new one waits until one of them ends or is idle. The response deadline bounds that wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::phase::{Connection, Timeouts};
use crate::http::log_limit::LogLimit;

#[derive(Debug)]
pub(in crate::http) struct Connections {
    bound: usize,
    timeouts: Timeouts,
    table: Mutex<Table>,
    /// Notified when there may be a place for a connection that waits.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<u64, Entry>,
    next_id: u64,
    /// The connection that was asked to end.
    asked: Option<u64>,
    log_limit: LogLimit,
}

#[derive(Debug)]
struct Entry {
    connection: Connection,
    close: Arc<Notify>,
}

/// The place of one connection. Dropping it frees the place.
#[derive(Debug)]
pub(in crate::http) struct Slot {
    connections: Arc<Connections>,
    id: u64,
    close: Arc<Notify>,
}

impl Connections {
    pub(in crate::http) fn new(bound: usize, timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self {
            bound,
            timeouts,
            table: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// A place for a connection that was accepted, once there is one.
    pub(in crate::http) async fn place(self: &Arc<Self>) -> Arc<Slot> {
        loop {
            if let Some(slot) = self.try_place() {
                return Arc::new(slot);
            }
            self.changed.notified().await;
        }
    }

    fn try_place(self: &Arc<Self>) -> Option<Slot> {
        let mut table = self.table();
        if table.open.len() >= self.bound {
            table.ask_one_to_end(self.bound);
            return None;
        }
        let id = table.next_id;
        table.next_id += 1;
        let close = Arc::new(Notify::new());
        let entry = Entry {
            connection: Connection::accepted_at(Instant::now()),
            close: Arc::clone(&close),
        };
        table.open.insert(id, entry);
        Some(Slot {
            connections: Arc::clone(self),
            id,
            close,
        })
    }

    /// Closes one connection below the bound, since descriptors have run out.
    pub(in crate::http) fn free_descriptor(&self) {
        let mut table = self.table();
        let open = table.open.len();
        table.ask_one_to_end(open);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Asks the connection that is first in the closing order, unless one was asked already.
    fn ask_one_to_end(&mut self, bound: usize) {
        if self.asked.is_some() {
            return;
        }
        let closable = self
            .open
            .iter()
            .filter_map(|(id, entry)| Some((entry.connection.closing_order()?, *id)));
        let first = closable.min();
        if let Some(repeats) = self.log_limit.admit(Instant::now()) {
            let what = match first {
                Some(((false, _), _)) => {
                    "the one without a credential that was idle for the longest is closed"
                }
                Some(((true, _), _)) => {
                    "all have a credential, and the one that was idle for the longest is closed"
                }
                None => "all have a request in progress, and new ones wait",
            };
            tracing::warn!(
                bound,
                repeats,
                "as many connections as can be are open: {what}"
            );
        }
        let entry = first.and_then(|(_, id)| Some((id, self.open.get(&id)?)));
        if let Some((id, entry)) = entry {
            entry.close.notify_one();
            self.asked = Some(id);
        }
    }
}

impl Slot {
    pub(super) fn bytes_arrived(&self) {
        self.update(|connection| connection.bytes_arrived(Instant::now()));
    }

    pub(super) fn head_completed(&self) {
        self.update(Connection::head_completed);
    }

    pub(in crate::http) fn credential_accepted(&self) {
        self.update(Connection::credential_accepted);
    }

    pub(in crate::http) fn credential_refused(&self) {
        self.update(Connection::credential_refused);
    }

    pub(super) fn response_completed(&self) {
        self.update(Connection::response_completed);
    }

    pub(super) fn write_blocked(&self) {
        self.update(|connection| connection.write_blocked(Instant::now()));
    }

    pub(super) fn flushed(&self) {
        self.update(|connection| connection.flushed(Instant::now()));
    }

    pub(super) fn is_reading_head(&self) -> bool {
        self.look(Connection::is_reading_head).unwrap_or(false)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let timeouts = self.connections.timeouts;
        self.look(|connection| connection.deadline(timeouts))?
    }

    /// Resolves when the connection is to be closed for another one.
    pub(super) async fn asked_to_end(&self) {
        self.close.notified().await;
    }

    /// The answer to that, after everything was read that has arrived: true if the connection ends, false if it has to be kept.
    pub(super) fn may_end(&self) -> bool {
        let order = self.look(Connection::closing_order).flatten();
        if order.is_none() {
            self.no_longer_asked();
        }
        order.is_some()
    }

    fn no_longer_asked(&self) {
        let mut table = self.connections.table();
        if table.asked == Some(self.id) {
            table.asked = None;
        }
        drop(table);
        self.connections.changed.notify_one();
    }

    fn look<T>(&self, read: impl FnOnce(&Connection) -> T) -> Option<T> {
        let table = self.connections.table();
        let entry = table.open.get(&self.id);
        entry.map(|entry| read(&entry.connection))
    }

    fn update(&self, change: impl FnOnce(&mut Connection)) {
        let mut table = self.connections.table();
        if let Some(entry) = table.open.get_mut(&self.id) {
            change(&mut entry.connection);
        }
        let is_full = table.open.len() >= self.connections.bound;
        drop(table);
        if is_full {
            self.connections.changed.notify_one();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.id);
        self.no_longer_asked();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connection_that_becomes_idle_at_the_bound_is_asked_for_its_place() {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts {
            io: second,
            idle: second,
        };
        let connections = Connections::new(1, timeouts);
        let busy = connections.place().await;
        busy.credential_accepted();
        busy.bytes_arrived();
        busy.head_completed();
        let next = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.place().await }
        });
        yield_now().await;
        assert!(timeout(second, busy.asked_to_end()).await.is_err());

        busy.response_completed();
        busy.flushed();
        timeout(second, busy.asked_to_end()).await.unwrap();
        assert!(busy.may_end() && !next.is_finished());
        drop(busy);
        timeout(second, next).await.unwrap().unwrap();
    }
}
