//! What a world is made of, as data: the same plan gives the same trace.

use std::time::Duration;

/// How events reach the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// It polls an Okta org.
    Pull,
    /// EventBridge calls it.
    Http,
    /// It receives from a queue.
    Sqs,
}

/// What the queue is like, on the route with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueKind {
    /// It keeps the order within a group; the events belong to two groups by turns.
    pub fifo: bool,
    /// What was received this often goes to the queue's own dead letters instead of being received again. Without it nothing ever
    /// does.
    pub max_receives: Option<u32>,
}

impl QueueKind {
    /// The group of an event's message.
    pub(crate) fn group(self, index: usize) -> Option<&'static str> {
        self.fifo.then(|| ["odd", "even"][index % 2])
    }
}

/// What the operator has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Events of a page.
    pub page: u16,
    /// Deliveries in flight.
    pub deliveries: usize,
    /// Requests to the ingress at a time.
    pub requests: usize,
    /// Entries of a request.
    pub entries: usize,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// Whether the events of one type are dropped.
    pub filter: bool,
    /// How long what is in flight may take after a SIGTERM.
    pub drain: Duration,
}

/// What an event is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It has to arrive.
    Fresh,
    /// It has to arrive, and nothing tells it from a copy.
    NoUuid,
    /// It is more than a day old when it is stored.
    Old,
    /// It becomes a day old so many seconds after it was stored.
    Ageing(u8),
    /// Of the type that a filter may drop.
    Noise,
    /// A JSON object without the time that its age is judged by.
    NoTime,
    /// No JSON.
    Broken,
    /// The ingress refuses it.
    Poison,
    /// It fits into no request.
    Oversized,
    /// The event before it, once more.
    Duplicate,
}

/// An event that is stored by Okta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Duration,
    /// What.
    pub kind: EventKind,
}

/// A index where the program meets the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seam {
    /// Its requests to the org.
    Okta,
    /// Its requests to the ingress.
    Ingress,
    /// Requests of EventBridge to it.
    Push,
    /// Its calls of the queue.
    Queue,
}

/// What one exchange meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetFault {
    /// It takes so much longer, half on the way there and half on the way back.
    Delay(Duration),
    /// No connection.
    Refused,
    /// The connection breaks before the far side has heard anything.
    ResetBefore,
    /// The far side acts, and the connection breaks before its answer.
    ResetAfter,
    /// The far side acts, and its answer breaks off half way.
    HalfBody,
    /// The far side acts, and its answer stops half way without an end.
    Stalled,
    /// The far side hears it twice.
    Duplicated,
    /// The connection breaks, and the far side acts so much later.
    Late(Duration),
    /// Something on the way answers with this status.
    Status(u16),
    /// Something on the way answers with a web page and 200.
    Html,
}

/// What one operation on the disk meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// It is full: half of what is written goes in.
    Full,
    /// It may not be written.
    ReadOnly,
    /// It fails and does nothing.
    Fails,
    /// It does everything and says that it has failed.
    FailsAfter,
    /// It takes so long.
    Slow(Duration),
}

/// What somebody does, or what happens, at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// SIGTERM, and a start with these settings.
    Restart(Settings),
    /// The ingress takes another key from now on; the operator sets it once the program has ended.
    RotateKey,
    /// The org takes another token from now on.
    RotateToken,
    /// EventBridge comes with another key; for a minute the program knows the old one only.
    RotatePushKey,
    /// The host's clock is wrong by so many seconds from now on.
    Clock(i64),
    /// Nobody there for so long.
    Outage(Seam, Duration),
    /// The disk is full for so long.
    DiskFull(Duration),
    /// The org takes no link any more that it has given so far.
    ForgetCursors,
    /// What the queue has given out is visible again.
    ShowAll,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The program ends at this step of the world, and what it had in memory is gone.
    Crash {
        /// Which step.
        step: u64,
        /// The machine goes down with it: what was not synced may be lost.
        power: bool,
    },
    /// The n-th exchange at a seam meets a fault.
    Net(Seam, u64, NetFault),
    /// The n-th operation on the disk meets a fault.
    Disk(u64, DiskFault),
    /// Something happens at a time.
    At(Duration, Incident),
}

/// A whole world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed of everything that is drawn while it runs: latency, jitter, what a power cut leaves.
    pub seed: u64,
    /// How events come.
    pub route: Route,
    /// The queue.
    pub queue: QueueKind,
    /// Programs that share the queue. One, on the other routes.
    pub programs: usize,
    /// What is set at first.
    pub settings: Settings,
    /// The longest latency of an exchange.
    pub latency: Duration,
    /// What Okta stores.
    pub arrivals: Vec<Arrival>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            page: 4,
            deliveries: 2,
            requests: 2,
            entries: 2,
            gzip: false,
            filter: false,
            drain: Duration::from_secs(20),
        }
    }
}
