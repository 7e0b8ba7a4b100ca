//! All that is outside the programs: the far sides, the disk, the clocks, the faults and the books.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use coralogix_sink::simulator::CoralogixSimulator;
use eventbridge_source::sqs::simulator::SqsSimulator;
use http::header::AUTHORIZATION;
use http::request::Parts;
use okta_coralogix_core::Clock;
use okta_coralogix_core::testing::TestClock;
use okta_source::simulator::OktaSimulator;
use tokio::time::Instant;

use crate::event::{self, Event};
use crate::fakes::disk_image::DiskImage;
use crate::fakes::push_client::Endpoint;
use crate::fault_injector::FaultInjector;
use crate::oracle::{Oracle, RequestId};
use crate::plan::{DiskFault, NetFault, Plan, QueueKind, Seam, Settings};
use crate::process::Process;
use crate::signal::Signal;
use crate::trace::Trace;

/// Where the programs keep their position and their dead letters.
pub(crate) const CHECKPOINT: &str = "/var/checkpoint";
pub(crate) const DEAD_LETTERS: &str = "/var/dead-letters.ndjson";

/// What stands in every secret, and must stand nowhere else.
pub(crate) const SECRET: &str = "s3cr3t";

const START: &str = "2026-11-22T10:00:00Z";

/// What changes while the world goes on.
#[derive(Debug)]
pub(crate) struct EnvState {
    pub(crate) settings: Settings,
    /// What the far sides take, and what the operator has given the programs.
    pub(crate) key: (u32, u32),
    pub(crate) token: (u32, u32),
    /// What EventBridge sends, and up to which the programs know.
    pub(crate) push_key: (u32, u32),
    pub(crate) outages: BTreeMap<Seam, Instant>,
    pub(crate) disk_full_until: Instant,
    /// Since when nothing has gone wrong.
    pub(crate) fault_free_since: Instant,
    pub(crate) position: usize,
    /// Events that the stored record remembers.
    pub(crate) committed: usize,
    /// Events that EventBridge is done with.
    pub(crate) pushed: usize,
}

/// The world of one plan.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) plan: Plan,
    pub(crate) events: Vec<Event>,
    pub(crate) org: OktaSimulator,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) queue: SqsSimulator,
    pub(crate) endpoint: Endpoint,
    /// The clock of the far sides.
    pub(crate) remote_clock: Arc<TestClock>,
    pub(crate) host_clock: Arc<TestClock>,
    began: Instant,
    trace: Trace,
    faults: Mutex<FaultInjector>,
    disk: Mutex<DiskImage>,
    oracle: Mutex<Oracle>,
    state: Mutex<EnvState>,
    rng: Mutex<fastrand::Rng>,
    processes: AtomicU32,
    over: AtomicBool,
    /// SIGTERM.
    pub(crate) stop: Signal,
}

pub(crate) fn start() -> DateTime<Utc> {
    START.parse().unwrap_or_default()
}

pub(crate) fn key(number: u32) -> String {
    format!("{SECRET}-key-{number}")
}

pub(crate) fn token(number: u32) -> String {
    format!("00{SECRET}-token-{number}")
}

pub(crate) fn push_key(number: u32) -> String {
    format!("{SECRET}-door-{number}")
}

fn queue(kind: QueueKind) -> SqsSimulator {
    let queue = SqsSimulator::builder();
    let queue = match kind.max_receives {
        Some(most) => queue.redrive_after(most),
        None => queue,
    };
    match kind.fifo {
        true => queue.fifo().build(),
        false => queue.build(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Env {
    pub(crate) fn new(plan: &Plan, told: bool) -> Arc<Self> {
        let remote_clock = Arc::new(TestClock::starting_at(start()));
        let events = event::events(plan, start());
        let org = OktaSimulator::builder()
            .token(token(0))
            .clock(Arc::clone(&remote_clock))
            .rate_limit(10_000);
        let org = (1..8).fold(org, |org, number| org.another_token(token(number)));
        let ingress = CoralogixSimulator::builder()
            .key(key(0))
            .clock(Arc::clone(&remote_clock))
            // The oracle knows entries by their whole text.
            .identity(|_| None)
            .build();
        ingress.poison(|text| text.contains(r#""more":"poison""#));
        let began = Instant::now();
        Arc::new(Self {
            oracle: Mutex::new(Oracle::new(plan, &events)),
            events,
            org: org.build(),
            ingress,
            queue: queue(plan.queue),
            endpoint: Endpoint::default(),
            host_clock: Arc::new(TestClock::starting_at(start())),
            remote_clock,
            began,
            trace: Trace::new(told),
            faults: Mutex::new(FaultInjector::new(plan)),
            disk: Mutex::default(),
            state: Mutex::new(EnvState {
                settings: plan.settings,
                key: (0, 0),
                token: (0, 0),
                push_key: (0, 0),
                outages: BTreeMap::new(),
                disk_full_until: began,
                fault_free_since: began,
                position: 0,
                committed: 0,
                pushed: 0,
            }),
            rng: Mutex::new(fastrand::Rng::with_seed(plan.seed)),
            processes: AtomicU32::new(0),
            over: AtomicBool::new(false),
            stop: Signal::default(),
            plan: plan.clone(),
        })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        self.trace.say(self.elapsed(), what);
    }

    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
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

    pub(crate) fn rng(&self) -> MutexGuard<'_, fastrand::Rng> {
        lock(&self.rng)
    }

    pub(crate) fn next_process(&self) -> u32 {
        self.processes.fetch_add(1, Ordering::Relaxed)
    }

    /// No program is started any more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.stop.send();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(crate) fn next_step(&self, action: bool) -> u64 {
        self.faults().step(action)
    }

    pub(crate) fn crash_at(&self, step: u64) -> Option<bool> {
        let crash = self.faults().crash(step);
        if crash.is_some() {
            self.mark_fault();
            self.say(|| "the program is killed".to_owned());
        }
        crash
    }

    /// Something went wrong: the calm begins anew.
    pub(crate) fn mark_fault(&self) {
        let mut now = self.state();
        now.fault_free_since = now.fault_free_since.max(Instant::now());
    }

    /// The calm begins so much later at the earliest.
    pub(crate) fn mark_fault_for(&self, time: Duration) {
        let mut now = self.state();
        now.fault_free_since = now.fault_free_since.max(Instant::now() + time);
    }

    pub(crate) fn latency(&self) -> Duration {
        let most = self.plan.latency.as_millis() as u64;
        Duration::from_millis(self.rng().u64(1..=most.max(1)))
    }

    /// What one more exchange meets.
    pub(crate) fn net_fault(&self, seam: Seam) -> Option<NetFault> {
        let planned = self.faults().exchange(seam);
        if let Some(fault) = planned {
            let long = match fault {
                NetFault::Delay(time) | NetFault::Late(time) => time,
                _ => Duration::from_secs(60),
            };
            self.mark_fault_for(long);
        }
        let out = self.state().outages.get(&seam).copied();
        planned.or_else(|| {
            out.filter(|until| Instant::now() < *until)
                .map(|_| NetFault::Refused)
        })
    }

    /// What one more operation meets.
    pub(crate) fn disk_fault(&self, writes: bool) -> Option<DiskFault> {
        let planned = self.faults().operation();
        if planned.is_some() {
            self.mark_fault_for(Duration::from_secs(60));
        }
        let full = writes && Instant::now() < self.state().disk_full_until;
        planned.or(full.then_some(DiskFault::Full))
    }

    /// The status by which a far side refuses a credential that it no longer takes.
    pub(crate) fn refuses(&self, seam: Seam, head: &Parts) -> Option<u16> {
        let given = head
            .headers
            .get(AUTHORIZATION)
            .map(|value| value.as_bytes());
        let now = self.state();
        let wanted = match seam {
            Seam::Okta => format!("SSWS {}", token(now.token.0)),
            Seam::Ingress => format!("Bearer {}", key(now.key.0)),
            Seam::Push | Seam::Queue => return None,
        };
        (given != Some(wanted.as_bytes())).then_some(401)
    }

    /// An attempt at the ingress, for the books.
    pub(crate) fn attempt(&self, process: &Process, body: &Bytes) -> Option<RequestId> {
        let position = self.position();
        self.oracle()
            .attempt(process.number(), body, &self.events, self.time(), position)
    }

    /// The org has answered with a page: what it holds is given.
    pub(crate) fn serves(&self, process: &Process, page: &Bytes) {
        let mut oracle = self.oracle();
        let page = String::from_utf8_lossy(page);
        for event in &self.events {
            if page.contains(&*String::from_utf8_lossy(&event.text)) {
                oracle.received(process.number(), event.original);
            }
        }
    }

    /// Counts an exchange while it lasts.
    pub(crate) fn busy(self: &Arc<Self>, process: u32, seam: Seam) -> Busy {
        self.oracle().busy(process, seam, true);
        Busy {
            env: Arc::clone(self),
            process,
            seam,
        }
    }

    /// The time by the far sides' clock.
    pub(crate) fn time(&self) -> DateTime<Utc> {
        self.remote_clock.now()
    }
}

/// An exchange that lasts.
#[derive(Debug)]
pub(crate) struct Busy {
    env: Arc<Env>,
    process: u32,
    seam: Seam,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.env.oracle().busy(self.process, self.seam, false);
    }
}
