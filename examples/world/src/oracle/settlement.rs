//! Whether an event has come to its end.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::state::{Oracle, needs_dead_letter};
use crate::event::Event;
use crate::plan::EventKind;

impl Oracle {
    /// The indices of a dead letter, if it is one of the world's. What is no JSON ends where the next whole event begins, so that what
    /// is not one either stands in the same letter.
    pub(crate) fn indices(&self, letter: &[u8], events: &[Event]) -> Option<Vec<usize>> {
        if let Some(index) = self.indices.get(letter) {
            return Some(vec![*index]);
        }
        let mut indices = Vec::new();
        let mut rest = letter;
        loop {
            let first = events.iter().find(|event| {
                let odd = matches!(
                    event.kind,
                    EventKind::Broken | EventKind::NoUuid | EventKind::NoTime
                );
                odd && rest.starts_with(&event.document)
            })?;
            indices.push(first.original);
            rest = &rest[first.document.len()..];
            match rest.strip_prefix(b",") {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest.is_empty().then_some(indices)
    }

    /// What stands in the dead letters now.
    pub(crate) fn check_dead_letters(&mut self, letters: &[Vec<u8>], events: &[Event]) {
        self.letters.fill(0);
        for letter in letters {
            match self.indices(letter, events) {
                Some(indices) => indices
                    .into_iter()
                    .for_each(|index| self.letters[index] += 1),
                None => {
                    let text = String::from_utf8_lossy(letter).into_owned();
                    self.violation(format!("altered bytes are in the dead letters: {text}"));
                }
            }
        }
        for (index, event) in events.iter().enumerate() {
            let may = needs_dead_letter(event.kind) || event.kind == EventKind::NoUuid;
            if self.letters[index] > 0 && !may {
                self.violation(format!(
                    "event {index} ({:?}) is in the dead letters",
                    event.kind
                ));
            }
        }
    }

    /// Whether an event has come to its end.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn is_settled(
        &self,
        index: usize,
        events: &[Event],
        letters: &BTreeSet<usize>,
        time: DateTime<Utc>,
    ) -> Result<(), String> {
        let event = &events[index];
        let original = event.original;
        let dropped = match event.kind {
            EventKind::Noise => self.filter_was_on,
            // Clocks that are less than 5 minutes apart are not told apart.
            EventKind::Old | EventKind::Ageing(_) => {
                time - event.published > TimeDelta::minutes(24 * 60 - 5)
            }
            _ => false,
        };
        match needs_dead_letter(event.kind) {
            _ if dropped || self.queue_dead_letters.contains(&original) => Ok(()),
            false if event.kind == EventKind::NoUuid && letters.contains(&original) => Ok(()),
            true if letters.contains(&original) => Ok(()),
            true => Err(format!(
                "event {index} ({:?}) is not in the dead letters",
                event.kind
            )),
            false if self.arrivals[original] > 0 => Ok(()),
            false => Err(format!("event {index} ({:?}) has not arrived", event.kind)),
        }
    }
}
