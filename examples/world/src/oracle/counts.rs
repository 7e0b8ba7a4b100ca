//! Whether a process counts its events as they ended: no more in one way than it received of a kind that ends so, and no fewer than it has
//! settled of a kind that ends no other way.

use std::collections::BTreeMap;

use okta_coralogix_core::Summary;

use super::state::{Oracle, ProcessRecord};
use crate::plan::{EventKind, Route};

/// A count of a summary, and its bounds.
struct Count {
    what: &'static str,
    counted: u64,
    least: u64,
    most: u64,
}

impl Oracle {
    /// The counts of a process are possible, given what it has received and settled.
    pub(super) fn check_counts(&mut self, process: u32, summary: &Summary) {
        let Some(record) = self.processes.get(&process) else {
            return;
        };
        for Count {
            what,
            counted,
            least,
            most,
        } in self.counts(process, record, summary)
        {
            if counted < least || counted > most {
                self.violation(format!(
                    "process {process} counts {counted} as {what}, from {least} to {most} are possible"
                ));
            }
        }
    }

    fn counts(&self, process: u32, record: &ProcessRecord, summary: &Summary) -> [Count; 6] {
        let received = |ends_so: &dyn Fn(usize) -> bool| -> u64 {
            let received = record.received.iter();
            let able = received.filter(|(index, _)| ends_so(**index));
            able.map(|(_, times)| u64::from(*times)).sum()
        };
        let settled = |ends_so: &dyn Fn(EventKind) -> bool| -> u64 {
            let settled = record.settled.iter();
            settled
                .filter(|index| ends_so(self.events[**index].kind))
                .count() as u64
        };
        let kind = |index: usize| self.events[index].kind;
        let filter = record.settings.filter;
        let is_filtered = |kind: EventKind| filter && kind == EventKind::Noise;
        // What is not JSON may hold its malformed neighbours too.
        let merges = self
            .events
            .iter()
            .any(|event| event.kind == EventKind::Broken);
        let needs_letter = |kind: EventKind| match kind {
            EventKind::Poison | EventKind::Oversized => true,
            EventKind::NoTime | EventKind::NotUtf8 => !merges,
            _ => false,
        };
        // A copy of one is a duplicate.
        let letters = record.settled.iter().filter(|index| {
            let event = &self.events[**index];
            let is_copy = event.original != **index
                || (self.route == Route::Pull && self.was_received_before(process, **index));
            !is_copy && needs_letter(event.kind)
        });
        let letters = letters.count() as u64;
        let sets_clock = self.sets_clock;
        let is_old = |kind: EventKind| kind == EventKind::Old && !sets_clock;
        let all = received(&|_| true);
        let all_settled = record.settled.len() as u64;
        [
            Count {
                what: "received",
                counted: summary.received,
                least: if merges { 0 } else { all_settled },
                most: all,
            },
            Count {
                what: "filtered",
                counted: summary.filtered,
                least: settled(&is_filtered),
                most: received(&|index| is_filtered(kind(index))),
            },
            Count {
                what: "too old",
                counted: summary.too_old,
                least: settled(&is_old),
                most: received(&|index| kind(index).expires()),
            },
            Count {
                what: "dead-lettered",
                counted: summary.dead_lettered,
                least: letters,
                most: received(&|index| {
                    kind(index).may_be_dead_lettered() || self.blocked.holds(index)
                }),
            },
            Count {
                what: "duplicates",
                counted: summary.duplicate,
                least: self.least_duplicates(process, record),
                most: self.most_duplicates(process, record),
            },
            Count {
                what: "handed back",
                counted: summary.handed_back,
                least: 0,
                most: match merges {
                    true => all,
                    false => all.saturating_sub(all_settled),
                },
            },
        ]
    }

    /// Each settled copy of an event that must arrive is a duplicate, but for the one that this process has delivered.
    fn least_duplicates(&self, process: u32, record: &ProcessRecord) -> u64 {
        let mut copies = BTreeMap::<usize, u64>::new();
        for index in &record.settled {
            let event = &self.events[*index];
            let must_arrive = matches!(event.kind, EventKind::Fresh | EventKind::Forbidden);
            if must_arrive && !self.blocked.holds(event.original) {
                *copies.entry(event.original).or_default() += 1;
            }
        }
        let duplicates = copies.iter().map(|(index, copies)| {
            let requests = self.requests_with(process, *index);
            let accepted = requests.filter(|request| request.is_accepted()).count();
            copies.saturating_sub(accepted as u64)
        });
        duplicates.sum()
    }

    /// The first copy of an event is none, unless an earlier process has stored that it is settled.
    fn most_duplicates(&self, process: u32, record: &ProcessRecord) -> u64 {
        let able = record.received.iter().filter(|(index, _)| {
            let kind = self.events[**index].kind;
            let is_dropped = kind == EventKind::Noise && record.settings.filter;
            let has_uuid = !matches!(
                kind,
                EventKind::NoUuid | EventKind::NoTime | EventKind::Broken | EventKind::NotUtf8
            );
            has_uuid && !is_dropped
        });
        able.map(|(index, times)| {
            let is_stored = self.route == Route::Pull && self.was_received_before(process, *index);
            u64::from(*times) - u64::from(!is_stored)
        })
        .sum()
    }

    fn was_received_before(&self, process: u32, index: usize) -> bool {
        let mut earlier = self.processes.range(..process);
        earlier.any(|(_, record)| record.received.contains_key(&index))
    }
}
