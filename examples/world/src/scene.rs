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

use crate::book::{Book, PostId};
use crate::door::Door;
use crate::event::{self, Event};
use crate::life::Life;
use crate::plan::{DiskFault, NetFault, Plan, QueueKind, Seam, Settings};
use crate::platter::Platter;
use crate::signal::Signal;
use crate::story::Story;
use crate::troubles::Troubles;

/// Where the programs keep their position and their dead letters.
pub(crate) const CHECKPOINT: &str = "/var/checkpoint";
pub(crate) const DEAD_LETTERS: &str = "/var/dead-letters.ndjson";

/// What stands in every secret, and must stand nowhere else.
pub(crate) const SECRET: &str = "s3cr3t";

const START: &str = "2026-11-22T10:00:00Z";

/// What changes while the world goes on.
#[derive(Debug)]
pub(crate) struct Now {
    pub(crate) settings: Settings,
    /// What the far sides take, and what the operator has given the programs.
    pub(crate) key: (u32, u32),
    pub(crate) token: (u32, u32),
    /// What EventBridge sends, and up to which the programs know.
    pub(crate) door_key: (u32, u32),
    pub(crate) outages: BTreeMap<Seam, Instant>,
    pub(crate) disk_full_until: Instant,
    /// Since when nothing has gone wrong.
    pub(crate) calm_since: Instant,
    pub(crate) position: usize,
    /// Events that the stored record remembers.
    pub(crate) committed: usize,
    /// Events that EventBridge is done with.
    pub(crate) brought: usize,
}

/// The world of one plan.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) plan: Plan,
    pub(crate) events: Vec<Event>,
    pub(crate) org: OktaSimulator,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) queue: SqsSimulator,
    pub(crate) door: Door,
    /// The clock of the far sides.
    pub(crate) truth: Arc<TestClock>,
    pub(crate) host: Arc<TestClock>,
    began: Instant,
    story: Story,
    troubles: Mutex<Troubles>,
    platter: Mutex<Platter>,
    book: Mutex<Book>,
    now: Mutex<Now>,
    rng: Mutex<fastrand::Rng>,
    lives: AtomicU32,
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

pub(crate) fn door_key(number: u32) -> String {
    format!("{SECRET}-door-{number}")
}

fn queue(kind: QueueKind) -> SqsSimulator {
    let queue = SqsSimulator::builder();
    let queue = match kind.most_receives {
        Some(most) => queue.max_receive_count(most),
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

impl Scene {
    pub(crate) fn new(plan: &Plan, told: bool) -> Arc<Self> {
        let truth = Arc::new(TestClock::starting_at(start()));
        let events = event::events(plan, start());
        let org = OktaSimulator::builder()
            .token(token(0))
            .clock(Arc::clone(&truth))
            .rate_limit(10_000);
        let org = (1..8).fold(org, |org, number| org.another_token(token(number)));
        let ingress = CoralogixSimulator::builder()
            .key(key(0))
            .clock(Arc::clone(&truth))
            // The oracle knows entries by their whole text.
            .identity(|_| None)
            .build();
        ingress.poison(|text| text.contains(r#""more":"poison""#));
        let began = Instant::now();
        Arc::new(Self {
            book: Mutex::new(Book::new(plan, &events)),
            events,
            org: org.build(),
            ingress,
            queue: queue(plan.queue),
            door: Door::default(),
            host: Arc::new(TestClock::starting_at(start())),
            truth,
            began,
            story: Story::new(told),
            troubles: Mutex::new(Troubles::new(plan)),
            platter: Mutex::default(),
            now: Mutex::new(Now {
                settings: plan.settings,
                key: (0, 0),
                token: (0, 0),
                door_key: (0, 0),
                outages: BTreeMap::new(),
                disk_full_until: began,
                calm_since: began,
                position: 0,
                committed: 0,
                brought: 0,
            }),
            rng: Mutex::new(fastrand::Rng::with_seed(plan.seed)),
            lives: AtomicU32::new(0),
            over: AtomicBool::new(false),
            stop: Signal::default(),
            plan: plan.clone(),
        })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        self.story.say(self.elapsed(), what);
    }

    pub(crate) fn story(&self) -> &Story {
        &self.story
    }

    pub(crate) fn platter(&self) -> MutexGuard<'_, Platter> {
        lock(&self.platter)
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    pub(crate) fn now(&self) -> MutexGuard<'_, Now> {
        lock(&self.now)
    }

    pub(crate) fn troubles(&self) -> MutexGuard<'_, Troubles> {
        lock(&self.troubles)
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, fastrand::Rng> {
        lock(&self.rng)
    }

    pub(crate) fn next_life(&self) -> u32 {
        self.lives.fetch_add(1, Ordering::Relaxed)
    }

    /// No program is started any more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.stop.send();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(crate) fn next_step(&self, deed: bool) -> u64 {
        self.troubles().step(deed)
    }

    pub(crate) fn crash_at(&self, step: u64) -> Option<bool> {
        let crash = self.troubles().crash(step);
        if crash.is_some() {
            self.trouble();
            self.say(|| "the program is killed".to_owned());
        }
        crash
    }

    /// Something went wrong: the calm begins anew.
    pub(crate) fn trouble(&self) {
        let mut now = self.now();
        now.calm_since = now.calm_since.max(Instant::now());
    }

    /// The calm begins so much later at the earliest.
    pub(crate) fn trouble_for(&self, time: Duration) {
        let mut now = self.now();
        now.calm_since = now.calm_since.max(Instant::now() + time);
    }

    pub(crate) fn latency(&self) -> Duration {
        let most = self.plan.latency.as_millis() as u64;
        Duration::from_millis(self.rng().u64(1..=most.max(1)))
    }

    /// What one more exchange meets.
    pub(crate) fn net_fault(&self, seam: Seam) -> Option<NetFault> {
        let planned = self.troubles().exchange(seam);
        if let Some(fault) = planned {
            let long = match fault {
                NetFault::Delay(time) | NetFault::Late(time) => time,
                _ => Duration::from_secs(60),
            };
            self.trouble_for(long);
        }
        let out = self.now().outages.get(&seam).copied();
        planned.or_else(|| {
            out.filter(|until| Instant::now() < *until)
                .map(|_| NetFault::Refused)
        })
    }

    /// What one more operation meets.
    pub(crate) fn disk_fault(&self, writes: bool) -> Option<DiskFault> {
        let planned = self.troubles().operation();
        if planned.is_some() {
            self.trouble_for(Duration::from_secs(60));
        }
        let full = writes && Instant::now() < self.now().disk_full_until;
        planned.or(full.then_some(DiskFault::Full))
    }

    /// The status by which a far side refuses a credential that it no longer takes.
    pub(crate) fn refuses(&self, seam: Seam, head: &Parts) -> Option<u16> {
        let given = head
            .headers
            .get(AUTHORIZATION)
            .map(|value| value.as_bytes());
        let now = self.now();
        let wanted = match seam {
            Seam::Okta => format!("SSWS {}", token(now.token.0)),
            Seam::Ingress => format!("Bearer {}", key(now.key.0)),
            Seam::Door | Seam::Queue => return None,
        };
        (given != Some(wanted.as_bytes())).then_some(401)
    }

    /// An attempt at the ingress, for the books.
    pub(crate) fn attempt(&self, life: &Life, body: &Bytes) -> Option<PostId> {
        let position = self.position();
        self.book()
            .attempt(life.number(), body, &self.events, self.time(), position)
    }

    /// The org has answered with a page: what it holds is given.
    pub(crate) fn serves(&self, life: &Life, page: &Bytes) {
        let mut book = self.book();
        let page = String::from_utf8_lossy(page);
        for event in &self.events {
            if page.contains(&*String::from_utf8_lossy(&event.text)) {
                book.given(life.number(), event.original);
            }
        }
    }

    /// Counts an exchange while it lasts.
    pub(crate) fn busy(self: &Arc<Self>, life: u32, seam: Seam) -> Busy {
        self.book().busy(life, seam, true);
        Busy {
            scene: Arc::clone(self),
            life,
            seam,
        }
    }

    /// The time by the far sides' clock.
    pub(crate) fn time(&self) -> DateTime<Utc> {
        self.truth.now()
    }
}

/// An exchange that lasts.
#[derive(Debug)]
pub(crate) struct Busy {
    scene: Arc<Scene>,
    life: u32,
    seam: Seam,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.scene.book().busy(self.life, self.seam, false);
    }
}
