//! A gate on the way of other threads, which opens only while the world has nothing else to do.
//!
//! The programs read a refused credential anew on a blocking thread. How fast that is must not decide anything: a read ends only once
//! every task of the world waits, and the next one only once every task waits again.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The gate of one world.
#[derive(Debug)]
pub(crate) struct IdleGate {
    /// The thread of the world's tasks, which never waits here.
    tasks: ThreadId,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: bool,
    /// The world is over.
    over: bool,
}

impl IdleGate {
    pub(crate) fn new() -> Self {
        Self {
            tasks: thread::current().id(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Every task waits, or one goes on.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.state().idle = idle;
        self.changed.notify_all();
    }

    /// Nobody waits any more.
    pub(crate) fn open(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    /// Waits until every task waits. Lets one thread through.
    pub(crate) fn pass(&self) {
        if thread::current().id() == self.tasks {
            return;
        }
        let closed = |state: &mut State| !state.idle && !state.over;
        let passed = self.changed.wait_while(self.state(), closed);
        passed.unwrap_or_else(PoisonError::into_inner).idle = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
