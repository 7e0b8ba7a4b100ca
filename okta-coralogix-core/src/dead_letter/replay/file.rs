//! A file of dead letters that is being replayed.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::account::Account;
use super::lines::{Line, Lines};
use crate::Result;

/// A file, its reader, and its account.
#[derive(Debug)]
pub(super) struct ReplayFile {
    path: PathBuf,
    pub(super) lines: Lines,
    pub(super) is_read: bool,
    /// Some of its lines were not selected: the file stays for another replay.
    pub(super) has_others: bool,
    pub(super) shared: Arc<Shared>,
}

/// The part of a file that the ackers of its deliveries share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) account: Account,
    state: Mutex<State>,
    /// Told when a delivery has ended.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// Deliveries that have not ended.
    in_flight: usize,
    /// Lines to be given again.
    handed_back: VecDeque<Line>,
}

impl ReplayFile {
    pub(super) fn new(path: PathBuf, lines: Lines, account: Account, changed: Arc<Notify>) -> Self {
        let shared = Shared {
            account,
            state: Mutex::default(),
            changed,
        };
        Self {
            path,
            lines,
            is_read: false,
            has_others: false,
            shared: Arc::new(shared),
        }
    }

    /// True if it has been read and every line is settled.
    pub(super) fn is_settled(&self) -> bool {
        let state = self.shared.state();
        self.is_read && state.in_flight == 0 && state.handed_back.is_empty()
    }

    /// Removes the file and its account, unless there is more in it.
    pub(super) async fn close(self) -> Result<()> {
        if self.has_others {
            return Ok(());
        }
        self.shared.account.remove_with(self.path).await
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn delivery_begins(&self) {
        self.state().in_flight += 1;
    }

    /// These of the delivery's lines are to be given again.
    pub(super) fn delivery_ends(&self, handed_back: impl IntoIterator<Item = Line>) {
        {
            let mut state = self.state();
            state.in_flight -= 1;
            state.handed_back.extend(handed_back);
        }
        self.changed.notify_one();
    }

    /// Up to `most` of the lines that are to be given again.
    pub(super) fn take_handed_back(&self, most: usize) -> Vec<Line> {
        let lines = &mut self.state().handed_back;
        let count = lines.len().min(most);
        lines.drain(..count).collect()
    }
}
