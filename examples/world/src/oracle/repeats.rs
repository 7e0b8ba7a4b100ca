//! Whether each repeat has a reason.

use std::sync::Arc;

use super::state::Oracle;
use crate::plan::{EventKind, Route};

impl Oracle {
    /// Each arrival beyond the first has a lost response, or the end of the process that had sent the one before.
    pub(crate) fn check_repeats(&mut self) {
        let events = Arc::clone(&self.events);
        for (index, event) in events.iter().enumerate() {
            // Each of two messages with one event may reach another program.
            let copies = events.iter().filter(|other| other.original == index);
            if copies.count() > 1 && self.route == Route::Sqs {
                continue;
            }
            let requests = self.requests.iter();
            let reasons: u32 = requests
                .filter(|request| request.indices.contains(&index))
                .map(|request| {
                    let process = self.processes.get(&request.process);
                    let ended = process.is_some_and(|process| process.ended);
                    let known = u32::from(request.is_accepted() && !ended);
                    request.ingested.saturating_sub(known)
                })
                .sum();
            // One arrival needs no reason. If no process knows of one, one of the unknown ones is it.
            let arrivals = self.arrivals[index];
            if event.kind != EventKind::NoUuid && arrivals > reasons + 1 {
                self.violation(format!(
                    "event {index} has arrived {arrivals} times, {reasons} of them for a reason"
                ));
            }
        }
    }
}
