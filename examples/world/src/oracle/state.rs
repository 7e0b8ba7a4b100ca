//! What the oracle knows.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::testing::TestClock;
use tokio::time::Instant;

use super::blocked::BlockedLetters;
use super::checkpoints::Checkpoints;
use super::isolation::was_taken_apart;
use super::remote::RemoteLog;
use super::request_log::{LoggedRequest, RequestId, RequestState};
use crate::event::Event;
use crate::fault::{Fault, Incident, NetFault, Seam};
use crate::plan::{Plan, Route, Settings};

/// The configured limit of a request's uncompressed bytes.
pub(crate) const MAX_BYTES: usize = 8_000;

/// Violations after which no more are recorded.
const MAX_VIOLATIONS: usize = 20;

/// What is known of one process.
#[derive(Debug)]
pub(super) struct ProcessRecord {
    pub(super) settings: Settings,
    /// Events before this index were committed when it started.
    pub(super) committed: usize,
    pub(super) in_flight: BTreeMap<Seam, usize>,
    /// It ended before the world did.
    pub(super) ended: bool,
    /// How often it received each event.
    pub(super) received: BTreeMap<usize, u32>,
    /// The stored position when it started.
    pub(super) start: usize,
    /// The events that it has settled: nobody keeps them for it any more.
    pub(super) settled: BTreeSet<usize>,
    /// What the remotes have answered it.
    pub(super) remotes: BTreeMap<Seam, RemoteLog>,
}

/// Everything that is known of a world.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(super) route: Route,
    pub(super) events: Arc<[Event]>,
    /// The right time.
    pub(super) clock: Arc<TestClock>,
    /// The index of each document's first event.
    pub(super) indices: BTreeMap<Bytes, usize>,
    pub(super) processes: BTreeMap<u32, ProcessRecord>,
    pub(crate) requests: Vec<LoggedRequest>,
    /// Arrivals at the ingress, by event.
    pub(crate) arrivals: Vec<u32>,
    /// Events in the queue's own dead-letter queue.
    pub(super) queue_dead_letters: BTreeSet<usize>,
    pub(crate) checkpoints: Checkpoints,
    /// How much later than its day an event may still be sent.
    pub(super) slack: TimeDelta,
    /// The host's clock was behind once: then an old event may be young by that clock.
    pub(crate) host_was_behind: bool,
    /// How far the host's clock was ahead, at most.
    pub(crate) host_was_ahead: TimeDelta,
    /// The process that has settled each event first.
    pub(super) settled_by: BTreeMap<usize, u32>,
    pub(super) blocked: BlockedLetters,
    /// The host's clock was set in the plan.
    pub(super) sets_clock: bool,
    pub(crate) violations: Vec<String>,
}

impl Oracle {
    pub(crate) fn new(plan: &Plan, events: Arc<[Event]>, clock: Arc<TestClock>) -> Self {
        let mut indices = BTreeMap::new();
        for event in events.iter() {
            let document = event.document.clone();
            indices.entry(document).or_insert(event.original);
        }
        Self {
            route: plan.route,
            clock,
            indices,
            processes: BTreeMap::new(),
            requests: Vec::new(),
            arrivals: vec![0; events.len()],
            queue_dead_letters: BTreeSet::new(),
            checkpoints: Checkpoints::default(),
            slack: slack(plan),
            host_was_behind: false,
            host_was_ahead: TimeDelta::zero(),
            settled_by: BTreeMap::new(),
            blocked: BlockedLetters::new(plan),
            sets_clock: plan
                .incidents()
                .any(|(_, incident)| matches!(incident, Incident::Clock(_))),
            violations: Vec::new(),
            events,
        }
    }

    /// Records a violation.
    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.violations.len() < MAX_VIOLATIONS && !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    pub(crate) fn process_started(&mut self, process: u32, settings: Settings, committed: usize) {
        let record = ProcessRecord {
            settings,
            committed,
            in_flight: BTreeMap::new(),
            ended: false,
            received: BTreeMap::new(),
            start: self.checkpoints.position,
            settled: BTreeSet::new(),
            remotes: BTreeMap::new(),
        };
        self.processes.insert(process, record);
    }

    /// A process has received an event from Okta, EventBridge or the queue.
    pub(crate) fn received(&mut self, process: u32, index: usize) {
        if let Some(record) = self.processes.get_mut(&process) {
            *record.received.entry(index).or_default() += 1;
        }
    }

    /// An exchange has begun. More of them at a time than the settings allow are a violation.
    pub(crate) fn exchange_began(&mut self, process: u32, seam: Seam) {
        let Some(record) = self.processes.get_mut(&process) else {
            return;
        };
        let count = record.in_flight.entry(seam).or_default();
        *count += 1;
        let max = record.settings.max_in_flight_requests;
        // Events that are tried alone have places of their own.
        let (count, max) = (*count, max + max.div_ceil(2));
        match seam {
            Seam::Ingress if count > max => self.violation(format!(
                "{count} concurrent requests to the ingress; the limit is {max}"
            )),
            Seam::Okta if count > 1 => {
                self.violation(format!("{count} concurrent requests to the org"));
            }
            _ => {}
        }
    }

    pub(crate) fn exchange_ended(&mut self, process: u32, seam: Seam) {
        let record = self.processes.get_mut(&process);
        if let Some(count) = record.and_then(|record| record.in_flight.get_mut(&seam)) {
            *count = count.saturating_sub(1);
        }
    }

    /// The queue has moved the messages with these events to its own dead-letter queue.
    pub(crate) fn queue_dead_lettered(&mut self, indices: impl Iterator<Item = usize>) {
        self.queue_dead_letters.extend(indices);
    }

    /// The ingress has accepted a request, whether or not the program learns of it.
    pub(crate) fn request_ingested(&mut self, request: RequestId) {
        if let Some(request) = self.requests.get_mut(request) {
            request.ingested += 1;
            for &index in &request.indices {
                self.arrivals[index] += 1;
            }
        }
    }

    /// True if every event of a request has a uuid, so that no other request holds the same at the same time.
    pub(crate) fn is_unique(&self, request: RequestId) -> bool {
        let request = self.requests.get(request);
        request.is_some_and(|request| request.indices.iter().all(|index| self.has_uuid(*index)))
    }

    /// True if a request holds one event that has failed alone before.
    pub(crate) fn is_suspect(&self, request: RequestId) -> bool {
        let Some([index]) = self.requests.get(request).map(|request| &*request.indices) else {
            return false;
        };
        let process = self.requests[request].process;
        let earlier: Vec<_> = self.requests_with(process, *index).collect();
        let fails_alone = |request: &&LoggedRequest| {
            request.indices.len() == 1 && request.state.failure().is_some()
        };
        earlier.iter().any(fails_alone) && was_taken_apart(&earlier, self.passes(process))
    }

    pub(crate) fn request_ended(&mut self, request: RequestId, state: RequestState) {
        if let Some(request) = self.requests.get_mut(request) {
            request.state = state;
            request.ended_at = Some(Instant::now());
        }
    }

    /// A process that has received nothing with an event yet has received this body, and keeps it in the queue.
    pub(crate) fn is_kept_unread(&self, body: &Range<usize>) -> bool {
        let is_unreadable = |index: &usize| self.events[*index].kind.is_unreadable();
        let mut running = self.processes.values().filter(|record| !record.ended);
        self.route == Route::Sqs
            && running.any(|record| {
                let mut received = record.received.keys();
                let mut indices = body.clone();
                received.all(is_unreadable)
                    && indices.all(|index| {
                        let original = self.events[index].original;
                        record.received.contains_key(&original)
                    })
            })
    }

    /// Arrivals beyond the first of each event.
    pub(crate) fn repeats(&self) -> u32 {
        let arrivals = self.arrivals.iter();
        arrivals.map(|count| count.saturating_sub(1)).sum()
    }

    /// The largest page of any process. A link goes on with the page size that it was given for, whatever is set later.
    pub(super) fn largest_page(&self) -> usize {
        self.max(|settings| settings.page_size.into())
    }

    /// The largest value of a setting in any process.
    pub(super) fn max(&self, of: impl Fn(&Settings) -> usize) -> usize {
        let settings = self.processes.values().map(|record| of(&record.settings));
        settings.max().unwrap_or(0)
    }

    /// Whether a process with the filter has received an event.
    pub(super) fn was_filtered(&self, index: usize) -> bool {
        let mut processes = self.processes.values();
        processes.any(|record| record.settings.filter && record.received.contains_key(&index))
    }

    /// A process has said that it needs an event no more.
    pub(crate) fn settled_by(&mut self, index: usize, process: u32) {
        self.settled_by.entry(index).or_insert(process);
        if let Some(record) = self.processes.get_mut(&process) {
            record.settled.insert(index);
        }
    }

    /// A process has stored the position.
    pub(crate) fn position_stored_by(&mut self, process: u32) {
        let start = self
            .processes
            .get(&process)
            .map_or(0, |record| record.start);
        let position = self.checkpoints.position.min(self.events.len());
        for index in start..position {
            self.settled_by(index, process);
        }
    }
}

/// A second for what is on its way to the ingress, and one for the `Date` in full seconds. While the host's clock is wrong the
/// program judges by the remote's clock, which it sees as late as the response took.
fn slack(plan: &Plan) -> TimeDelta {
    let mut incidents = plan.incidents();
    let responses = if incidents.any(|(_, incident)| matches!(incident, Incident::Clock(_))) {
        let delays = plan.faults.iter().filter_map(|fault| match fault {
            Fault::Net(Seam::Push, ..) => None,
            Fault::Net(_, _, NetFault::Delay(time) | NetFault::Late(time)) => Some(*time),
            Fault::At(_, Incident::Obstacle(obstacle, _)) => obstacle.delay(),
            _ => None,
        });
        plan.max_latency + delays.max().unwrap_or_default()
    } else {
        Duration::ZERO
    };
    TimeDelta::seconds(2) + TimeDelta::from_std(responses).unwrap_or_default()
}
