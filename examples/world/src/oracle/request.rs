//! Whether a program may send a request to the ingress.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::Clock;
use tokio::time::Instant;

use super::isolation;
use super::remote::Pass;
use super::request_log::{self, EMPTY_BATCH, Entry, LoggedRequest, RequestId, RequestState};
use super::state::{MAX_BYTES, Oracle};
use crate::fault::Seam;
use crate::obstacle::Content;
use crate::plan::{EventKind, Route};

impl Oracle {
    /// A program sends a request. `None` if it holds no entries.
    pub(crate) fn request_sent(&mut self, process: u32, body: &Bytes) -> Option<RequestId> {
        if &**body == EMPTY_BATCH {
            return None;
        }
        let (bytes, entries) = match request_log::read(body) {
            Ok(read) => read,
            Err(error) => {
                self.violation(format!("a request cannot be read: {error}"));
                return None;
            }
        };
        let settings = self.processes.get(&process)?.settings;
        let count = entries.len();
        if count > settings.max_entries || bytes > MAX_BYTES {
            self.violation(format!("a request has {count} entries and {bytes} bytes"));
        }
        let mut indices = Vec::new();
        for entry in &entries {
            match self.indices.get(entry.text.as_bytes()).copied() {
                Some(index) => {
                    self.check_entry(entry, index);
                    indices.push(index);
                }
                None => self.violation(format!("altered bytes are sent: {}", entry.text)),
            }
        }
        let distinct: BTreeSet<_> = indices.iter().collect();
        if distinct.len() < indices.len() && indices.iter().all(|index| self.has_uuid(*index)) {
            self.violation(format!("a request has an event twice: {indices:?}"));
        }
        let position = self.checkpoints.position;
        let window = settings.max_in_flight_deliveries * self.largest_page();
        for &index in &indices {
            self.check_repeat(process, index, body);
            self.check_rules(process, index);
            if self.route == Route::Pull && index >= position + window {
                self.violation(format!(
                    "event {index} is sent while the position is {position}: more than {window} are in flight"
                ));
            }
        }
        self.requests.push(LoggedRequest {
            process,
            indices,
            body: body.clone(),
            ingested: 0,
            state: RequestState::Pending,
            sent_at: Instant::now(),
            ended_at: None,
        });
        Some(self.requests.len() - 1)
    }

    /// An entry has the names, the time and the severity of its event.
    fn check_entry(&mut self, entry: &Entry, index: usize) {
        let (application, subsystem) = (&*entry.application_name, &*entry.subsystem_name);
        if (application, subsystem) != ("okta", "world") {
            self.violation(format!(
                "event {index} is sent as {application}/{subsystem}"
            ));
        }
        let event = &self.events[index];
        let published = event.published.timestamp_millis() as f64;
        if entry.timestamp != published || entry.severity != event.severity {
            let (timestamp, severity) = (entry.timestamp, entry.severity);
            self.violation(format!(
                "event {index} is sent with time {timestamp} and severity {severity}"
            ));
        }
        if entry.category.is_none() || entry.computer_name.is_none() {
            self.violation(format!("event {index} is sent without its type or its org"));
        }
    }

    /// An event is repeated within a process only as the same request, and only if that may have been lost; across processes only if
    /// it was not committed.
    fn check_repeat(&mut self, process: u32, index: usize, body: &Bytes) {
        let Some(record) = self.processes.get(&process) else {
            return;
        };
        let earlier: Vec<_> = self.requests_with(process, index).collect();
        let pending = earlier
            .iter()
            .any(|request| request.state == RequestState::Pending);
        let other_bytes = earlier
            .iter()
            .any(|request| request.may_be_ingested() && request.body != *body);
        let refused = earlier
            .iter()
            .any(|request| matches!(request.state, RequestState::Answered(400 | 413 | 422)));
        let torn_apart = earlier.last().is_some_and(|last| {
            matches!(last.state, RequestState::Intercepted(_)) && last.body != *body
        });
        let may_change = |request: &&LoggedRequest| {
            let indices = request.indices.iter();
            indices
                .copied()
                .any(|index| self.events[index].kind.expires() || self.seems_expired(index))
        };
        // An event that has become too old is left out, also after an answer that was lost, and one that seems so.
        let may_change = earlier.iter().any(may_change);
        // The program takes a request apart that fails while others pass, and only such a one.
        let is_isolated = isolation::was_taken_apart(&earlier, self.passes(process));
        let is_sent_whole =
            isolation::fails_while_others_pass(&earlier, body, self.passes(process));
        let accepted = earlier.iter().filter(|request| request.is_accepted());
        let accepted = accepted.count() as u32;
        let received = record.received.get(&index).copied().unwrap_or(0);
        // An event that a filter or its age has dropped is not remembered: it is sent after all if the filter or the clock changes.
        let remembered = match self.events[index].kind {
            EventKind::Noise => false,
            kind if kind.expires() => !self.host_was_behind,
            _ => true,
        };
        let committed = self.route == Route::Pull
            && remembered
            && self.arrivals[index] > 0
            && index < record.committed;
        if self.has_uuid(index) {
            if pending {
                self.violation(format!("event {index} is sent while it is in flight"));
            }
            if other_bytes && !refused && !is_isolated && !may_change {
                self.violation(format!(
                    "event {index} may have been ingested and is sent again with other bytes"
                ));
            }
            if self.route == Route::Pull
                && torn_apart
                && !may_change
                && !refused
                && !is_isolated
                && received == 1
            {
                self.violation(format!(
                    "event {index} is sent with other bytes after something between has answered"
                ));
            }
            if is_sent_whole {
                self.violation(format!(
                    "event {index} is sent again in the same request, which fails while others pass"
                ));
            }
            if accepted > 0 {
                self.violation(format!(
                    "event {index} is sent again in process {process}, where it was accepted"
                ));
            }
            if committed {
                self.violation(format!(
                    "event {index} is sent again, though it was committed before process {process} started"
                ));
            }
        }
        if accepted >= received {
            self.violation(format!(
                "event {index} is sent more often than it was received"
            ));
        }
    }

    /// An event that a rule drops, or that is none, is not sent.
    fn check_rules(&mut self, process: u32, index: usize) {
        let event = &self.events[index];
        let (kind, age) = (event.kind, self.clock.now() - event.published);
        let too_old = age > TimeDelta::hours(24) + self.slack;
        if too_old && !self.host_was_behind {
            self.violation(format!("event {index} is sent though it is too old"));
        }
        match kind {
            EventKind::Noise if self.filters(process) => {
                self.violation(format!("event {index} is sent though the filter drops it"));
            }
            EventKind::NoTime | EventKind::Broken | EventKind::Oversized | EventKind::NotUtf8 => {
                self.violation(format!("event {index} ({kind:?}) is sent"));
            }
            _ => {}
        }
    }

    /// The requests of a process so far that have held an event.
    pub(super) fn requests_with(
        &self,
        process: u32,
        index: usize,
    ) -> impl Iterator<Item = &LoggedRequest> {
        self.requests
            .iter()
            .filter(move |request| request.process == process && request.indices.contains(&index))
    }

    /// When the ingress has accepted a request of a process or passed a check of it.
    pub(super) fn passes(&self, process: u32) -> &[Pass] {
        let record = self.processes.get(&process);
        let log = record.and_then(|record| record.remotes.get(&Seam::Ingress));
        log.map_or(&[], |log| &log.passes)
    }

    fn filters(&self, process: u32) -> bool {
        let record = self.processes.get(&process);
        record.is_some_and(|record| record.settings.filter)
    }

    /// While a program does not know the clock of the ingress, an event that was pushed may seem too old by that of the host.
    fn seems_expired(&self, index: usize) -> bool {
        let now = self.clock.now() + self.host_was_ahead;
        let age = now - self.events[index].published;
        self.route == Route::Http && age > TimeDelta::hours(24)
    }

    /// What an obstacle sees of a request.
    pub(crate) fn content(&self, body: &Bytes) -> Content {
        let (bytes, entries) = request_log::read(body).unwrap_or_default();
        let indices = entries
            .iter()
            .filter_map(|entry| self.indices.get(entry.text.as_bytes()));
        Content {
            bytes,
            kinds: indices.map(|index| self.events[*index].kind).collect(),
        }
    }

    pub(super) fn has_uuid(&self, index: usize) -> bool {
        self.events[index].kind != EventKind::NoUuid
    }
}
