//! What is stored, in the order of its time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::account::Priority;
use crate::query::{EventId, TimeSlice};
use crate::simulator::Arrival;

/// A stored log.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) timestamp: DateTime<Utc>,
    pub(super) arrived: DateTime<Utc>,
    pub(super) priority: Priority,
    pub(super) content: Content,
}

/// What a log consists of.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// An entry that was accepted.
    Entry(Arc<Arrival>),
    /// A log of which only the names and the uuid matter, in little memory.
    Event(Arc<Names>, EventId),
}

/// The names of an application and a subsystem.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) application: String,
    pub(super) subsystem: String,
}

impl Stored {
    pub(super) fn application(&self) -> &str {
        match &self.content {
            Content::Entry(entry) => &entry.application,
            Content::Event(names, _) => &names.application,
        }
    }

    pub(super) fn subsystem(&self) -> &str {
        match &self.content {
            Content::Entry(entry) => &entry.subsystem,
            Content::Event(names, _) => &names.subsystem,
        }
    }

    /// A member of the text, if that is a JSON object; `null` if there is none.
    pub(super) fn data(&self, path: &[String]) -> Value {
        match &self.content {
            Content::Event(_, id) if path == ["uuid"] => id.to_string().into(),
            Content::Event(..) => Value::Null,
            Content::Entry(entry) => {
                let text: Value = serde_json::from_str(&entry.text).unwrap_or_default();
                let found = path.iter().try_fold(&text, |object, name| object.get(name));
                found.cloned().unwrap_or_default()
            }
        }
    }
}

/// All stored logs.
#[derive(Debug, Default)]
pub(super) struct Store {
    logs: BTreeMap<(DateTime<Utc>, u64), Stored>,
    /// Those since the last query. Most tests ask nothing, so that only a query sorts.
    unsorted: Vec<Stored>,
    number: u64,
}

impl Store {
    pub(super) fn push(&mut self, log: Stored) {
        self.unsorted.push(log);
    }

    /// The logs of a range of time.
    pub(super) fn within(&mut self, slice: TimeSlice) -> impl Iterator<Item = &Stored> {
        self.sort();
        let range = self.logs.range((slice.start(), 0)..(slice.end(), 0));
        range.map(|(_, log)| log)
    }

    /// Removes the other logs.
    pub(super) fn retain(&mut self, keep: impl Fn(&Stored) -> bool) {
        self.sort();
        self.logs.retain(|_, log| keep(log));
    }

    fn sort(&mut self) {
        for log in self.unsorted.drain(..) {
            self.number += 1;
            self.logs.insert((log.timestamp, self.number), log);
        }
    }
}
