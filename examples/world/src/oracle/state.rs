//! The oracle: it knows every event, sees whatever passes a seam, and says what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;

use crate::event::Event;
use crate::oracle::request_log::{LoggedRequest, RequestState};
use crate::plan::{EventKind, Fault, Incident, NetFault, Plan, Route, Seam, Settings};

/// The most bytes of a request that are set.
pub(crate) const MAX_BYTES: usize = 8_000;

/// Names one attempt.
pub(crate) type RequestId = usize;

/// What is known of one process.
#[derive(Debug)]
pub(super) struct ProcessRecord {
    pub(super) settings: Settings,
    /// Events before this were committed when it began.
    pub(super) committed: usize,
    pub(super) busy: BTreeMap<Seam, usize>,
    /// It ended before the world did.
    pub(super) ended: bool,
    /// How often each event was given to it.
    pub(super) received: BTreeMap<usize, u32>,
}

/// Everything that is known.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(super) route: Route,
    pub(super) indices: BTreeMap<Bytes, usize>,
    pub(super) processes: BTreeMap<u32, ProcessRecord>,
    pub(super) requests: Vec<LoggedRequest>,
    /// Arrivals at the ingress, by index.
    pub(crate) arrivals: Vec<u32>,
    pub(super) letters: Vec<u32>,
    /// Events that are in the queue's own dead letters.
    pub(super) queue_dead_letters: BTreeSet<usize>,
    pub(super) positions: BTreeMap<String, usize>,
    /// A link goes on with the page size that it was given for, whatever is set later.
    pub(super) largest_page: usize,
    pub(super) most_deliveries: usize,
    pub(super) filter_was_on: bool,
    pub(super) filter_was_off: bool,
    /// The stored positions by the generation of their records: the highest up to then, since the window goes with them.
    pub(super) committed: BTreeMap<u64, usize>,
    /// How much later than its day an event may still be sent.
    pub(super) slack: TimeDelta,
    /// The host's clock was behind once: then an old event may be young by the earlier clock.
    pub(crate) host_was_behind: bool,
    pub(super) violations: Vec<String>,
}

impl Oracle {
    pub(crate) fn new(plan: &Plan, events: &[Event]) -> Self {
        let mut indices = BTreeMap::new();
        for event in events {
            indices
                .entry(event.document.clone())
                .or_insert(event.original);
        }
        Self {
            route: plan.route,
            indices,
            processes: BTreeMap::new(),
            requests: Vec::new(),
            arrivals: vec![0; events.len()],
            letters: vec![0; events.len()],
            queue_dead_letters: BTreeSet::new(),
            positions: BTreeMap::new(),
            largest_page: 0,
            most_deliveries: 0,
            filter_was_on: false,
            filter_was_off: false,
            committed: BTreeMap::new(),
            slack: slack(plan),
            host_was_behind: false,
            violations: Vec::new(),
        }
    }

    /// Something that must not be.
    pub(crate) fn violation(&mut self, what: String) {
        if self.violations.len() < 20 && !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    pub(crate) fn violations(&self) -> &[String] {
        &self.violations
    }

    pub(crate) fn process_started(&mut self, process: u32, settings: Settings, committed: usize) {
        self.largest_page = self.largest_page.max(settings.page.into());
        self.most_deliveries = self.most_deliveries.max(settings.deliveries);
        self.filter_was_on |= settings.filter;
        self.filter_was_off |= !settings.filter;
        let record = ProcessRecord {
            settings,
            committed,
            busy: BTreeMap::new(),
            ended: false,
            received: BTreeMap::new(),
        };
        self.processes.insert(process, record);
    }

    /// Counts an exchange that begins or ends. More than are set at a time are wrong.
    pub(crate) fn busy(&mut self, process: u32, seam: Seam, begins: bool) {
        let Some(record) = self.processes.get_mut(&process) else {
            return;
        };
        let count = record.busy.entry(seam).or_default();
        *count = if begins {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        let (count, most) = (*count, record.settings.requests);
        if seam == Seam::Ingress && count > most {
            self.violation(format!(
                "{count} requests to the ingress at a time; {most} are set"
            ));
        }
        if seam == Seam::Okta && count > 1 {
            self.violation(format!("{count} requests to the org at a time"));
        }
    }

    /// The index that a link of the org's stands for, also once the org has forgotten it.
    pub(crate) fn remember_position(
        &mut self,
        cursor: &str,
        position: Option<usize>,
    ) -> Option<usize> {
        if let Some(position) = position {
            self.positions.insert(cursor.to_owned(), position);
        }
        self.positions.get(cursor).copied()
    }

    /// A record of this generation stands on the disk, with a position of `position`; `before`: what was committed up to now, if it is
    /// new. Returns what is committed with it.
    pub(crate) fn commits(
        &mut self,
        generation: u64,
        position: usize,
        before: Option<usize>,
    ) -> usize {
        let known = self.committed.get(&generation).copied();
        let committed = match before {
            Some(before) => before.max(position),
            None => known.unwrap_or(position),
        };
        self.committed.insert(generation, committed);
        committed
    }

    /// A program was given an event.
    pub(crate) fn received(&mut self, process: u32, index: usize) {
        if let Some(record) = self.processes.get_mut(&process) {
            *record.received.entry(index).or_default() += 1;
        }
    }

    /// The queue has put these messages into its own dead letters.
    pub(crate) fn record_queue_dead_letters(&mut self, bodies: &[Bytes]) {
        let indices = bodies.iter().filter_map(|body| self.indices.get(body));
        self.queue_dead_letters.extend(indices);
    }

    /// The ingress has taken a request.
    pub(crate) fn request_ingested(&mut self, request: RequestId) {
        let Some(request) = self.requests.get_mut(request) else {
            return;
        };
        request.ingested += 1;
        for &index in &request.indices {
            self.arrivals[index] += 1;
        }
    }

    pub(crate) fn state(&mut self, request: RequestId, state: RequestState) {
        if let Some(request) = self.requests.get_mut(request) {
            request.state = state;
        }
    }

    /// Arrivals by index, as the requests add up.
    pub(crate) fn requests(&self) -> &[LoggedRequest] {
        &self.requests
    }

    /// Arrivals beyond the first of each event.
    pub(crate) fn repeats(&self) -> u32 {
        self.arrivals
            .iter()
            .map(|count| count.saturating_sub(1))
            .sum()
    }
}

/// A second for what is under way to the ingress, and one for the `Date` in full seconds. Where the host's clock is wrong a far
/// side's judges, which is behind by as long as its answer took.
fn slack(plan: &Plan) -> TimeDelta {
    let is_clock = |fault: &Fault| matches!(fault, Fault::At(_, Incident::Clock(_)));
    let answers = if plan.faults.iter().any(is_clock) {
        let delays = plan.faults.iter().filter_map(|fault| match fault {
            Fault::Net(Seam::Push, ..) => None,
            Fault::Net(_, _, NetFault::Delay(time) | NetFault::Late(time)) => Some(*time),
            _ => None,
        });
        plan.latency + delays.max().unwrap_or_default()
    } else {
        Duration::ZERO
    };
    TimeDelta::seconds(2) + TimeDelta::from_std(answers).unwrap_or_default()
}

pub(super) fn has_uuid(event: &Event) -> bool {
    event.kind != EventKind::NoUuid
}

/// True for what belongs into the dead letters.
pub(crate) fn needs_dead_letter(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::NoTime | EventKind::Broken | EventKind::Poison | EventKind::Oversized
    )
}
