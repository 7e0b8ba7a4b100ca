//! Whether an event has come to its end.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Book, goes_aside};
use crate::event::Event;
use crate::plan::Kind;

impl Book {
    /// The places of a dead letter, if it is one of the world's. What is no JSON ends where the next whole event begins, so that what
    /// is not one either stands in the same letter.
    pub(crate) fn places(&self, letter: &[u8], events: &[Event]) -> Option<Vec<usize>> {
        if let Some(place) = self.places.get(letter) {
            return Some(vec![*place]);
        }
        let mut places = Vec::new();
        let mut rest = letter;
        loop {
            let first = events.iter().find(|event| {
                let odd = matches!(event.kind, Kind::Broken | Kind::NoUuid | Kind::Timeless);
                odd && rest.starts_with(&event.document)
            })?;
            places.push(first.original);
            rest = &rest[first.document.len()..];
            match rest.strip_prefix(b",") {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest.is_empty().then_some(places)
    }

    /// What stands in the dead letters now.
    pub(crate) fn put_aside(&mut self, letters: &[Vec<u8>], events: &[Event]) {
        self.letters.fill(0);
        for letter in letters {
            match self.places(letter, events) {
                Some(places) => places
                    .into_iter()
                    .for_each(|place| self.letters[place] += 1),
                None => {
                    let text = String::from_utf8_lossy(letter).into_owned();
                    self.wrong(format!("altered bytes are in the dead letters: {text}"));
                }
            }
        }
        for (place, event) in events.iter().enumerate() {
            let may = goes_aside(event.kind) || event.kind == Kind::NoUuid;
            if self.letters[place] > 0 && !may {
                self.wrong(format!(
                    "event {place} ({:?}) is in the dead letters",
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
        place: usize,
        events: &[Event],
        letters: &BTreeSet<usize>,
        time: DateTime<Utc>,
    ) -> Result<(), String> {
        let event = &events[place];
        let original = event.original;
        let dropped = match event.kind {
            Kind::Noise => self.filter_was_on,
            // Clocks that are less than 5 minutes apart are not told apart.
            Kind::Old | Kind::Ageing(_) => time - event.published > TimeDelta::minutes(24 * 60 - 5),
            _ => false,
        };
        match goes_aside(event.kind) {
            _ if dropped || self.buried.contains(&original) => Ok(()),
            false if event.kind == Kind::NoUuid && letters.contains(&original) => Ok(()),
            true if letters.contains(&original) => Ok(()),
            true => Err(format!(
                "event {place} ({:?}) is not in the dead letters",
                event.kind
            )),
            false if self.delivered[original] > 0 => Ok(()),
            false => Err(format!("event {place} ({:?}) has not arrived", event.kind)),
        }
    }
}
