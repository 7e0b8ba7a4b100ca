//! What must hold when a process ends.

use okta_coralogix_core::Summary;

use super::request_log::RequestState;
use super::state::Oracle;
use crate::plan::Route;

impl Oracle {
    /// A process is over. What it has delivered and not committed comes again: no more than may be in flight.
    pub(crate) fn process_ended(&mut self, process: u32) {
        for request in &mut self.requests {
            if request.process == process && request.state == RequestState::Pending {
                request.state = RequestState::Lost;
            }
        }
        if self.route != Route::Pull {
            return;
        }
        // Of any process: what an earlier one had in flight may not have been read again yet.
        let deliveries = self.max(|settings| settings.max_in_flight_deliveries);
        let page = self.largest_page();
        let committed = self.checkpoints.committed;
        let behind = self.arrivals.iter().skip(committed);
        let again = behind.filter(|count| **count > 0).count();
        if again > deliveries * page {
            self.violation(format!(
                "{again} events would come again after process {process}, more than {deliveries} pages of {page}"
            ));
        }
    }

    /// The world went on after a process.
    pub(crate) fn process_was_restarted(&mut self, process: u32) {
        if let Some(record) = self.processes.get_mut(&process) {
            record.ended = true;
        }
    }

    /// The summary of a process adds up, and counts what the oracle has seen.
    pub(crate) fn check_summary(&mut self, process: u32, summary: &Summary) {
        if !summary.is_balanced() {
            self.violation(format!("process {process} has lost count: {summary:?}"));
        }
        let own = self.requests.iter().filter(|sent| sent.process == process);
        let accepted = own.filter(|request| request.is_accepted());
        let accepted: usize = accepted.map(|request| request.indices.len()).sum();
        if summary.delivered != accepted as u64 {
            let counted = summary.delivered;
            self.violation(format!(
                "process {process} counts {counted} as delivered, {accepted} were accepted"
            ));
        }
        self.check_counts(process, summary);
    }
}
