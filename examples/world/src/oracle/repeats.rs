//! What has to be so when a process ends, and when the world does.

use okta_coralogix_core::Summary;

use super::state::{Oracle, has_uuid, needs_dead_letter};
use crate::event::Event;
use crate::oracle::request_log::RequestState;
use crate::plan::{EventKind, Route};

impl Oracle {
    /// A program has ended and says what it did.
    pub(crate) fn check_summary(&mut self, process: u32, summary: &Summary, events: &[Event]) {
        if !summary.is_balanced() {
            self.violation(format!("process {process} has lost count: {summary:?}"));
        }
        let requests = self
            .requests
            .iter()
            .filter(|request| request.process == process && request.is_accepted());
        let accepted: usize = requests.map(|request| request.indices.len()).sum();
        if summary.delivered != accepted as u64 {
            let counted = summary.delivered;
            self.violation(format!(
                "process {process} counts {counted} as delivered, {accepted} were accepted"
            ));
        }
        self.check_counts(process, summary, events);
    }

    /// No more events ended in some way than there were given to end like that.
    fn check_counts(&mut self, process: u32, summary: &Summary, events: &[Event]) {
        let Some(record) = self.processes.get(&process) else {
            return;
        };
        let of = |can_be: &dyn Fn(EventKind) -> bool| -> u64 {
            let given = record.received.iter();
            let able = given.filter(|(index, _)| can_be(events[**index].kind));
            able.map(|(_, times)| u64::from(*times)).sum()
        };
        let filters = record.settings.filter;
        let counts = [
            (
                "filtered",
                summary.filtered,
                of(&|kind| filters && kind == EventKind::Noise),
            ),
            (
                "too old",
                summary.too_old,
                of(&|kind| matches!(kind, EventKind::Old | EventKind::Ageing(_))),
            ),
            (
                "dead-lettered",
                summary.dead_lettered,
                of(&|kind| needs_dead_letter(kind) || kind == EventKind::NoUuid),
            ),
        ];
        for (what, counted, most) in counts {
            if counted > most {
                self.violation(format!(
                    "process {process} counts {counted} as {what}, {most} were given that can be"
                ));
            }
        }
    }

    /// A process is over: what of its work is not committed may come again, and that is no more than may be in flight.
    pub(crate) fn process_ended(&mut self, process: u32, committed: usize, events: &[Event]) {
        for request in self
            .requests
            .iter_mut()
            .filter(|request| request.process == process)
        {
            if request.state == RequestState::Pending {
                request.state = RequestState::Lost;
            }
        }
        // What an earlier process with other settings had in flight may not have been given again yet.
        let reach = self.most_deliveries * self.largest_page;
        if self.route == Route::Pull {
            let behind = (committed..events.len()).filter(|index| self.arrivals[*index] > 0);
            let again = behind.count();
            if again > reach {
                self.violation(format!(
                    "{again} events would come again after process {process}, more than {} pages of {}",
                    self.most_deliveries, self.largest_page
                ));
            }
        }
    }

    /// The world went on after a process.
    pub(crate) fn process_was_restarted(&mut self, process: u32) {
        if let Some(record) = self.processes.get_mut(&process) {
            record.ended = true;
        }
    }

    /// Each arrival beyond the first has a lost answer, or the end of the process that had pushed the one before.
    pub(crate) fn check_repeats(&mut self, events: &[Event]) {
        for (index, event) in events.iter().enumerate() {
            // Of two messages with one event each may reach another program.
            let copies = events
                .iter()
                .filter(|event| event.original == index)
                .count();
            if copies > 1 && self.route == Route::Sqs {
                continue;
            }
            let mut reasons = 0;
            for request in self
                .requests
                .iter()
                .filter(|request| request.indices.contains(&index))
            {
                let ended = self
                    .processes
                    .get(&request.process)
                    .is_some_and(|process| process.ended);
                let known = u32::from(request.is_accepted() && !ended);
                reasons += request.ingested.saturating_sub(known);
            }
            // One arrival needs no reason; where none is known to its sender, one of the unknown ones is it.
            let arrivals = self.arrivals[index];
            if has_uuid(event) && arrivals > reasons + 1 {
                self.violation(format!(
                    "event {index} has arrived {arrivals} times, {reasons} of them for a reason"
                ));
            }
        }
    }
}
