//! Whether an event may be dead-lettered as blocked: the faults of the plan can refuse it alone, and it has failed so often, for so long,
//! and between so many acceptances of others as the program promises.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::request_log::{FailureClass, LoggedRequest};
use super::state::Oracle;
use crate::checks::Letter;
use crate::fault::{Fault, Incident, NetFault, Seam};
use crate::obstacle::Trigger;
use crate::plan::{EventKind, Plan};

/// So many of the last failures lie between two acceptances each.
const BETWEEN: usize = 5;

/// The least time in which gateways and refusals can make an innocent event look like one that is blocked.
const LONG: Duration = Duration::from_secs(200);

/// Of so many entries one may be put aside, and so many in any case, within [`WINDOW`].
const ENTRIES_PER_LETTER: usize = 100;
const FEW: usize = 20;

/// Ten minutes, which the program counts in steps of half a minute.
const WINDOW: Duration = Duration::from_secs(540);

/// The events that were dead-lettered as blocked.
#[derive(Debug)]
pub(super) struct BlockedLetters {
    /// The letters of each event that were checked.
    checked: BTreeMap<usize, usize>,
    /// When each of them was written, and by which process.
    written: Vec<(Instant, u32)>,
    /// An obstacle refuses the forbidden word.
    forbids_word: bool,
    /// Faults of the plan may hit one event again and again while others pass.
    may_hit_any: bool,
}

impl BlockedLetters {
    pub(super) fn new(plan: &Plan) -> Self {
        let forbids = |incident| match incident {
            Incident::Obstacle(obstacle, _) => obstacle.trigger == Trigger::Word,
            _ => false,
        };
        let gateways = plan.incidents().filter_map(|(_, incident)| match incident {
            Incident::Gateway(Seam::Ingress, _, time)
            | Incident::Refusal(Seam::Ingress, _, time) => Some(time),
            _ => None,
        });
        let fails = |fault: &&Fault| {
            matches!(fault, Fault::Net(Seam::Ingress, _, fault)
                if !matches!(fault, NetFault::Duplicated | NetFault::Refused))
        };
        let planned = plan.faults.iter().filter(fails).count();
        Self {
            checked: BTreeMap::new(),
            written: Vec::new(),
            forbids_word: plan.incidents().any(|(_, incident)| forbids(incident)),
            may_hit_any: gateways.sum::<Duration>() >= LONG || planned >= BETWEEN,
        }
    }

    /// True if this event has been dead-lettered as blocked, for good reasons.
    pub(super) fn holds(&self, index: usize) -> bool {
        self.checked.contains_key(&index)
    }

    fn may_block(&self, kind: EventKind) -> bool {
        self.may_hit_any || (self.forbids_word && kind == EventKind::Forbidden)
    }
}

impl Oracle {
    /// Events that were dead-lettered as blocked.
    pub(crate) fn blocked_count(&self) -> usize {
        self.blocked.checked.len()
    }

    /// The dead letters that say that an event is blocked.
    pub(super) fn check_blocked(&mut self, index: usize, letters: &[&Letter]) {
        let checked = self.blocked.checked.get(&index).copied().unwrap_or(0);
        let Some(letter) = letters.get(checked..).and_then(<[_]>::last) else {
            return;
        };
        self.blocked.checked.insert(index, letters.len());
        let kind = self.events[index].kind;
        if !self.blocked.may_block(kind) {
            self.violation(format!(
                "event {index} ({kind:?}) is dead-lettered as blocked, and nothing refuses it alone"
            ));
        }
        let mut why = "no process has sent it".to_owned();
        for process in self.processes.keys().copied().collect::<Vec<_>>() {
            match self.justifies(process, index, letter) {
                Ok(()) => return self.check_guard(process, index),
                Err(reason) if self.requests_with(process, index).next().is_some() => why = reason,
                Err(_) => {}
            }
        }
        self.violation(format!("event {index} is dead-lettered as blocked: {why}"));
    }

    /// The guard: if too many entries would be put aside, none is.
    fn check_guard(&mut self, process: u32, index: usize) {
        let now = Instant::now();
        let written = &mut self.blocked.written;
        written.push((now, process));
        let recent = |at: Instant| now - at < WINDOW;
        let letters = written
            .iter()
            .filter(|(at, by)| *by == process && recent(*at));
        let letters = letters.count();
        let accepted = self.requests.iter().filter(|request| {
            request.process == process
                && request.is_accepted()
                && request.ended_at.is_some_and(|at| now - at < 2 * WINDOW)
        });
        let accepted: usize = accepted.map(|request| request.indices.len()).sum();
        if letters > FEW && letters * ENTRIES_PER_LETTER > accepted + letters {
            self.violation(format!(
                "event {index} is the {letters}th in ten minutes that is dead-lettered as blocked, with {accepted} accepted"
            ));
        }
    }

    /// Whether the requests of a process justify a letter.
    fn justifies(&self, process: u32, index: usize, letter: &Letter) -> Result<(), String> {
        let requests: Vec<_> = self.requests_with(process, index).collect();
        let alone = last_failures_alone(&requests);
        let Some(class) = alone.last().and_then(|last| last.state.failure()) else {
            return Err("it has not failed alone".into());
        };
        let (least, patience) = match class {
            FailureClass::Refusal => (5, Duration::from_secs(300)),
            FailureClass::Outage => (8, Duration::from_secs(1_800)),
        };
        if alone.len() < least {
            return Err(format!("it has failed {} times alone", alone.len()));
        }
        let ends: Vec<_> = alone.iter().filter_map(|failed| failed.ended_at).collect();
        let lasted = ends[0].elapsed();
        if lasted < patience {
            return Err(format!("it has failed for {lasted:?}"));
        }
        let passed = |from: Instant, to: Instant| {
            let mut passes = self.passes(process).iter();
            passes.any(|pass| from <= pass.at && pass.at <= to)
        };
        // Copies of an event without a uuid fail each for itself.
        let received = self.processes.get(&process);
        let received = received.and_then(|record| record.received.get(&index));
        let is_one = self.has_uuid(index) || received == Some(&1);
        let mut ends = ends[ends.len() - BETWEEN..].to_vec();
        ends.push(Instant::now());
        if let Some(pair) = ends
            .windows(2)
            .find(|pair| is_one && !passed(pair[0], pair[1]))
        {
            return Err(format!(
                "nothing was accepted in {:?} between two of its failures",
                pair[1] - pair[0]
            ));
        }
        let may_have_arrived = alone.iter().any(|failed| failed.may_be_ingested());
        match may_have_arrived && !letter.may_have_arrived {
            true => Err("it may have arrived, and its letter does not say so".into()),
            false => Ok(()),
        }
    }
}

/// The last attempts at an event alone, which failed in one way, without those that tell nothing of it.
fn last_failures_alone<'a>(requests: &[&'a LoggedRequest]) -> Vec<&'a LoggedRequest> {
    let mut failures: Vec<&LoggedRequest> = Vec::new();
    for &request in requests.iter().rev() {
        let class = request.state.failure();
        let is_other = failures
            .last()
            .is_some_and(|last| last.state.failure() != class);
        if request.indices.len() > 1 || request.is_accepted() || (class.is_some() && is_other) {
            break;
        }
        if class.is_some() {
            failures.push(request);
        }
    }
    failures.reverse();
    failures
}
