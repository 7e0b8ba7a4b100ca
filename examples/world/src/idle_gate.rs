//! A gate on the way of other threads, which opens only while the world has nothing else to do.
//!
//! The programs read a refused credential anew on a blocking thread. How fast that is must not decide anything: a read ends only once
//! every task of the world waits, and the next one only once every task waits again. Its states:
//! - *Closed*.
//! - *Asked*: a read has come, and what the read before it has woken was polled, or stands before what was spawned for the question.
//! - *Open*: the queue of tasks was empty after that. The read passes, which closes the gate. Time stands still until the read has
//!   ended, so nothing goes on before.
//! - *Over*: the world has ended; every read passes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use tokio::runtime::Handle;

/// The gate of one world.
#[derive(Debug)]
pub(crate) struct IdleGate {
    /// The thread of the world's tasks, which never waits here.
    tasks: ThreadId,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Asked,
    Open,
    Over,
}

impl IdleGate {
    pub(crate) fn new() -> Self {
        Self {
            tasks: thread::current().id(),
            state: Mutex::new(State::Closed),
            changed: Condvar::new(),
        }
    }

    /// Every task waits.
    pub(crate) fn idle(&self) {
        self.change(State::Asked, State::Open);
    }

    /// Nobody waits any more.
    pub(crate) fn open(&self) {
        *self.state() = State::Over;
        self.changed.notify_all();
    }

    /// Waits until every task waits. Lets one thread through; the runtime has no more for what blocks.
    pub(crate) fn pass(self: &Arc<Self>) {
        if thread::current().id() == self.tasks {
            return;
        }
        // That the thread parks says nothing of itself: it does so too between the end of a read and what that wakes. A task that is
        // spawned now stands behind what was woken.
        let gate = Arc::clone(self);
        Handle::current().spawn(async move { gate.change(State::Closed, State::Asked) });
        let closed = |state: &mut State| !matches!(state, State::Open | State::Over);
        let passed = self.changed.wait_while(self.state(), closed);
        drop(passed.unwrap_or_else(PoisonError::into_inner));
        self.change(State::Open, State::Closed);
    }

    fn change(&self, from: State, to: State) {
        let mut state = self.state();
        if *state == from {
            *state = to;
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
