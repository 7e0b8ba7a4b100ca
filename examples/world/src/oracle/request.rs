//! Whether what a program sends may be sent.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::state::{MAX_BYTES, Oracle, RequestId, has_uuid};
use crate::event::Event;
use crate::fakes::network::EMPTY_BATCH;
use crate::oracle::request_log::{self, Entry, LoggedRequest, RequestState};
use crate::plan::{EventKind, Route};

impl Oracle {
    /// A program sends a request.
    pub(crate) fn attempt(
        &mut self,
        process: u32,
        body: &Bytes,
        events: &[Event],
        time: DateTime<Utc>,
        position: usize,
    ) -> Option<RequestId> {
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
        if entries.len() > settings.entries || bytes > MAX_BYTES {
            self.violation(format!(
                "a request has {} entries and {bytes} bytes",
                entries.len()
            ));
        }
        let mut indices = Vec::new();
        for entry in &entries {
            match self.indices.get(entry.text.as_bytes()).copied() {
                Some(index) => {
                    self.entry(entry, index, &events[index]);
                    indices.push(index);
                }
                None => self.violation(format!("altered bytes are sent: {}", entry.text)),
            }
        }
        let distinct: BTreeSet<_> = indices.iter().collect();
        if distinct.len() < indices.len() && indices.iter().all(|index| has_uuid(&events[*index])) {
            self.violation(format!("a request has an event twice: {indices:?}"));
        }
        for &index in &indices {
            self.check_may_be_sent(process, index, body, &events[index], time);
            let reach = settings.deliveries * self.largest_page;
            if self.route == Route::Pull && index >= position + reach {
                self.violation(format!(
                    "event {index} is sent while the position is {position}: more than {reach} are in flight"
                ));
            }
        }
        self.requests.push(LoggedRequest {
            process,
            indices,
            body: body.clone(),
            ingested: 0,
            state: RequestState::Pending,
        });
        Some(self.requests.len() - 1)
    }

    fn entry(&mut self, entry: &Entry, index: usize, event: &Event) {
        let (application, subsystem) = (&*entry.application_name, &*entry.subsystem_name);
        if (application, subsystem) != ("okta", "world") {
            self.violation(format!(
                "event {index} is sent as {application}/{subsystem}"
            ));
        }
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

    /// Whether an event may be sent now.
    fn check_may_be_sent(
        &mut self,
        process: u32,
        index: usize,
        body: &Bytes,
        event: &Event,
        time: DateTime<Utc>,
    ) {
        let earlier = self
            .requests
            .iter()
            .filter(|request| request.process == process);
        let mut with_it = earlier.filter(|request| request.indices.contains(&index));
        let open = with_it
            .clone()
            .any(|request| request.state == RequestState::Pending);
        let unsure: Vec<_> = with_it
            .clone()
            .filter(|request| request.may_be_ingested())
            .collect();
        let other = unsure.iter().any(|request| request.body != *body);
        let refused = with_it
            .clone()
            .any(|request| matches!(request.state, RequestState::Answered(400 | 413 | 422)));
        let accepted = with_it
            .clone()
            .filter(|request| request.is_accepted())
            .count() as u32;
        let first = unsure.is_empty();
        let has_more = with_it.next().is_some() && has_uuid(event);
        let given = self
            .processes
            .get(&process)
            .and_then(|record| record.received.get(&index))
            .copied();
        let given = given.unwrap_or(0);
        if open && has_uuid(event) {
            self.violation(format!("event {index} is sent while it is under way"));
        }
        if other && !refused && has_uuid(event) {
            self.violation(format!(
                "event {index} may have been taken and is sent again with other bytes"
            ));
        }
        if has_more && accepted > 0 {
            self.violation(format!(
                "event {index} is sent again in process {process}, where it was accepted"
            ));
        }
        if accepted >= given {
            self.violation(format!(
                "event {index} is sent more often than it was given"
            ));
        }
        let committed = self
            .processes
            .get(&process)
            .map_or(0, |record| record.committed);
        // What a filter or its age dropped is not remembered, and is sent after all if the filter or the clock changes.
        let dropped = match event.kind {
            EventKind::Noise => true,
            EventKind::Old | EventKind::Ageing(_) => self.host_was_behind,
            _ => false,
        };
        let known = has_uuid(event) && !dropped;
        let again = known && self.arrivals[index] > 0;
        if self.route == Route::Pull && again && index < committed {
            self.violation(format!(
                "event {index} is sent again, though process {process} began behind it"
            ));
        }
        let age = time - event.published;
        if first && age > TimeDelta::hours(24) + self.slack && !self.host_was_behind {
            self.violation(format!("event {index} is sent though it is too old"));
        }
        match event.kind {
            EventKind::Noise if !self.filter_was_off => {
                self.violation(format!("event {index} is sent though a filter drops it"));
            }
            EventKind::NoTime | EventKind::Broken | EventKind::Oversized => {
                self.violation(format!("event {index} ({:?}) is sent", event.kind));
            }
            _ => {}
        }
    }
}
