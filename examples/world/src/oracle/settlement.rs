//! Whether an event is settled: nobody needs to keep it for the program any more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use okta_coralogix_core::Clock;

use super::state::Oracle;
use crate::checks::Letter;
use crate::plan::{EventKind, Route};

/// The reason of a letter whose event was isolated.
const BLOCKED: &str = "blocked";

impl Oracle {
    /// The events of a dead letter, if it holds nothing else. What is not JSON reaches up to the next whole event, so that several
    /// malformed events may share a letter.
    pub(crate) fn dead_letter_events(&self, letter: &[u8]) -> Option<Vec<usize>> {
        if let Some(index) = self.indices.get(letter) {
            return Some(vec![*index]);
        }
        let mut indices = Vec::new();
        let mut rest = letter;
        loop {
            let first = self.events.iter().find(|event| {
                let malformed = matches!(
                    event.kind,
                    EventKind::Broken | EventKind::NoUuid | EventKind::NoTime | EventKind::NotUtf8
                );
                malformed && rest.starts_with(&event.document)
            })?;
            indices.push(first.original);
            rest = &rest[first.document.len()..];
            match rest.strip_prefix(b",") {
                Some(more) => rest = more,
                None => break,
            }
        }
        // The last one of a body reaches up to its end.
        let end: &[u8] = match self.route {
            Route::Pull => b"",
            Route::Http | Route::Sqs => b"]",
        };
        (rest.is_empty() || rest == end).then_some(indices)
    }

    /// Dead letters hold nothing but unaltered events that belong there.
    pub(crate) fn check_dead_letters(&mut self, letters: &[Letter]) {
        let mut indices = BTreeSet::new();
        let mut blocked = BTreeMap::<usize, Vec<&Letter>>::new();
        for letter in letters {
            match self.dead_letter_events(&letter.bytes) {
                Some(events) if letter.reason == BLOCKED => {
                    for index in events {
                        blocked.entry(index).or_default().push(letter);
                    }
                }
                Some(events) => indices.extend(events),
                None => {
                    let text = String::from_utf8_lossy(&letter.bytes);
                    self.violation(format!("altered bytes are in the dead letters: {text}"));
                }
            }
        }
        for index in indices {
            let kind = self.events[index].kind;
            if !kind.may_be_dead_lettered() {
                self.violation(format!("event {index} ({kind:?}) is in the dead letters"));
            }
        }
        for (index, letters) in blocked {
            self.check_blocked(index, &letters);
        }
    }

    /// Whether an event is settled, given the events in the dead letters.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn check_settled(
        &self,
        index: usize,
        dead_letters: &BTreeSet<usize>,
    ) -> Result<(), String> {
        let event = &self.events[index];
        let (kind, original) = (event.kind, event.original);
        let dropped = match kind {
            EventKind::Noise => match self.settled_by.get(&index) {
                Some(process) => self
                    .processes
                    .get(process)
                    .is_some_and(|record| record.settings.filter),
                None => self.was_filtered(original),
            },
            // The program tolerates clocks that differ by less than 5 minutes.
            _ if kind.expires() => {
                self.clock.now() - event.published > TimeDelta::minutes(24 * 60 - 5)
            }
            _ => false,
        };
        let may_be = kind.may_be_dead_lettered() || self.blocked.holds(original);
        let dead_lettered = may_be && dead_letters.contains(&original);
        if dropped || dead_lettered || self.queue_dead_letters.contains(&original) {
            Ok(())
        } else if kind.needs_dead_letter() {
            Err(format!(
                "event {index} ({kind:?}) is not in the dead letters"
            ))
        } else if self.arrivals[original] > 0 {
            Ok(())
        } else {
            Err(format!("event {index} ({kind:?}) has not arrived"))
        }
    }
}
