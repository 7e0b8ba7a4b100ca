//! A world as data: the same plan gives the same trace.

use std::time::Duration;

use crate::fault::{Fault, Incident, Seam};

/// How events reach the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The program polls an Okta org.
    Pull,
    /// EventBridge calls the program.
    Http,
    /// The program receives from an SQS queue.
    Sqs,
}

impl Route {
    /// The seams that this route uses.
    #[must_use]
    pub fn seams(self) -> &'static [Seam] {
        match self {
            Self::Pull => &[Seam::Okta, Seam::Ingress],
            Self::Http => &[Seam::Push, Seam::Ingress],
            Self::Sqs => &[Seam::Queue, Seam::Ingress],
        }
    }
}

/// The attributes of the queue, on the route with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueKind {
    /// A FIFO queue, in which the messages alternate between two message groups.
    pub fifo: bool,
    /// After this many receives a message moves to the queue's own dead-letter queue. `None`: never.
    pub max_receives: Option<u32>,
}

impl QueueKind {
    /// The message group of a message.
    pub(crate) fn group(self, message: usize) -> Option<&'static str> {
        self.fifo.then(|| ["odd", "even"][message % 2])
    }
}

/// The settings of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Events per page, or messages per delivery.
    pub page_size: u16,
    /// Deliveries in flight.
    pub max_in_flight_deliveries: usize,
    /// Concurrent requests to the ingress.
    pub max_in_flight_requests: usize,
    /// Entries per request.
    pub max_entries: usize,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// Whether events of one type are filtered out.
    pub filter: bool,
    /// How long deliveries in flight may take after a SIGTERM.
    pub drain_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_size: 4,
            max_in_flight_deliveries: 2,
            max_in_flight_requests: 2,
            max_entries: 2,
            gzip: false,
            filter: false,
            drain_timeout: Duration::from_secs(20),
        }
    }
}

/// The kind of an event, which decides how it must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Must be delivered.
    Fresh,
    /// Must be delivered, and cannot be deduplicated.
    NoUuid,
    /// More than a day old when Okta stores it.
    Old,
    /// Becomes a day old this many seconds after Okta has stored it.
    Ageing(u8),
    /// Of the type that the filter drops.
    Noise,
    /// A JSON object without `published`, so that it has no age.
    NoTime,
    /// Not JSON.
    Broken,
    /// Refused by the ingress.
    Poison,
    /// Too large for any request.
    Oversized,
    /// A copy of the event before it.
    Duplicate,
    /// Another event with the uuid of the one before it: one of the two must be delivered.
    Twin,
    /// Holds the word that a [`Trigger::Word`](crate::Trigger::Word) looks for. Must be delivered, unless it is refused for so long that it is
    /// blocked.
    Forbidden,
    /// Holds a byte that is not UTF-8.
    NotUtf8,
}

impl EventKind {
    /// True if an event of this kind must end in the dead letters.
    pub(crate) fn needs_dead_letter(self) -> bool {
        matches!(
            self,
            Self::NoTime | Self::Broken | Self::Poison | Self::Oversized | Self::NotUtf8
        )
    }

    /// True if it does not show that it comes from Okta.
    pub(crate) fn is_unreadable(self) -> bool {
        matches!(self, Self::Broken | Self::NotUtf8)
    }

    /// True if an event of this kind may end in the dead letters.
    pub(crate) fn may_be_dead_lettered(self) -> bool {
        self.needs_dead_letter() || self == Self::NoUuid
    }

    /// True if the age limit drops an event of this kind at some time.
    pub(crate) fn expires(self) -> bool {
        matches!(self, Self::Old | Self::Ageing(_))
    }
}

/// An event that Okta stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The time after the start.
    pub at: Duration,
    /// The kind of the event.
    pub kind: EventKind,
}

/// A whole world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed of everything that is drawn during the run: latency, jitter, what a power cut leaves.
    pub seed: u64,
    /// How events reach the program.
    pub route: Route,
    /// The attributes of the queue.
    pub queue: QueueKind,
    /// Programs that share the queue; one on the other routes.
    pub programs: usize,
    /// On the routes of EventBridge: so many events that are stored at the same time, at most, are in one body.
    pub events_per_body: usize,
    /// The settings of the first process.
    pub settings: Settings,
    /// The maximum latency of an exchange, in each direction.
    pub max_latency: Duration,
    /// The events that Okta stores.
    pub arrivals: Vec<Arrival>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// The incidents, with their times.
    pub(crate) fn incidents(&self) -> impl Iterator<Item = (Duration, Incident)> {
        self.faults.iter().filter_map(|fault| match fault {
            Fault::At(at, incident) => Some((*at, *incident)),
            _ => None,
        })
    }
}
