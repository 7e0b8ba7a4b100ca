//! The environment of the programs: all that is outside them.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::event::{self, Event};
use crate::fakes::clock::{Clocks, start};
use crate::fakes::credentials::Rotation;
use crate::fakes::disk_image::DiskImage;
use crate::fakes::push_client::Endpoint;
use crate::fakes::simulators::Simulators;
use crate::fault_injector::FaultInjector;
use crate::idle_gate::IdleGate;
use crate::notifier::Notifier;
use crate::oracle::Oracle;
use crate::plan::{Plan, Settings};
use crate::trace::Trace;

/// The files of the programs.
pub(crate) const CHECKPOINT: &str = "/var/checkpoint";
pub(crate) const DEAD_LETTERS: &str = "/var/dead-letters.ndjson";

/// What changes while the world runs.
#[derive(Debug)]
pub(crate) struct EnvState {
    /// The settings of the next process.
    pub(crate) settings: Settings,
    pub(crate) ingress_key: Rotation,
    pub(crate) api_token: Rotation,
    pub(crate) push_key: Rotation,
    /// Bodies that EventBridge is done with.
    pub(crate) pushed: usize,
    /// Processes so far.
    pub(crate) processes: u32,
    /// No process is started any more.
    pub(crate) over: bool,
}

impl EnvState {
    /// The operator writes the key and the token that are in use to their files.
    pub(crate) fn write_credentials(&mut self) {
        self.ingress_key.write();
        self.api_token.write();
    }
}

/// The environment that one plan describes.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) plan: Plan,
    pub(crate) events: Arc<[Event]>,
    /// The events of each body, on the routes of EventBridge.
    pub(crate) bodies: Vec<Range<usize>>,
    pub(crate) simulators: Simulators,
    pub(crate) endpoint: Endpoint,
    pub(crate) clocks: Clocks,
    pub(crate) trace: Trace,
    /// Ends the processes, as SIGTERM would.
    pub(crate) sigterm: Notifier,
    idle_gate: Arc<IdleGate>,
    faults: Mutex<FaultInjector>,
    disk: Mutex<DiskImage>,
    oracle: Mutex<Oracle>,
    state: Mutex<EnvState>,
}

impl Env {
    pub(crate) fn new(plan: &Plan, idle_gate: Arc<IdleGate>, traced: bool) -> Arc<Self> {
        let clocks = Clocks::new();
        let events: Arc<[Event]> = event::events(plan, start()).into();
        let oracle = Oracle::new(plan, Arc::clone(&events), Arc::clone(&clocks.remote));
        Arc::new(Self {
            plan: plan.clone(),
            events,
            bodies: event::bodies(plan),
            simulators: Simulators::new(&clocks, plan.queue),
            endpoint: Endpoint::default(),
            clocks,
            trace: Trace::new(traced),
            sigterm: Notifier::default(),
            idle_gate,
            faults: Mutex::new(FaultInjector::new(plan)),
            disk: Mutex::default(),
            oracle: Mutex::new(oracle),
            state: Mutex::new(EnvState {
                settings: plan.settings,
                ingress_key: Rotation::default(),
                api_token: Rotation::default(),
                push_key: Rotation::default(),
                pushed: 0,
                processes: 0,
                over: false,
            }),
        })
    }

    /// The body of this number.
    pub(crate) fn body(&self, number: usize) -> Bytes {
        event::body(&self.events[self.bodies[number].clone()])
    }

    pub(crate) fn trace(&self, what: impl FnOnce() -> String) {
        self.trace.record(what);
    }

    pub(crate) fn violation(&self, what: impl Into<String>) {
        self.oracle().violation(what);
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, DiskImage> {
        lock(&self.disk)
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        lock(&self.oracle)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, EnvState> {
        lock(&self.state)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultInjector> {
        lock(&self.faults)
    }

    /// The versions that the operator has configured of the ingress's key and of the token. A program reads them at its start, and again
    /// on another thread.
    pub(crate) fn read_credentials(&self) -> (u32, u32) {
        self.idle_gate.pass();
        let state = self.state();
        (state.ingress_key.configured, state.api_token.configured)
    }

    /// Ends the processes; no other one is started.
    pub(crate) fn end(&self) {
        self.state().over = true;
        self.sigterm.notify();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().over
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
