//! Identities that are no canonical UUIDs. Okta sends none; a pipeline over other events may.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::uuids::Known;

/// The texts of a window, kept as they are.
#[derive(Default)]
pub(super) struct Texts {
    known: HashMap<Arc<str>, Known>,
    /// The remembered ones, oldest first, each with the number of the UUID that was remembered next.
    order: VecDeque<(u64, Arc<str>)>,
}

impl Texts {
    /// Claims a text, unless it is known.
    pub(super) fn claim(&mut self, text: &str) -> Result<Arc<str>, Known> {
        let text: Arc<str> = text.into();
        match self.known.entry(Arc::clone(&text)) {
            Entry::Occupied(known) => Err(*known.get()),
            Entry::Vacant(vacant) => {
                vacant.insert(Known::Claimed);
                Ok(text)
            }
        }
    }

    pub(super) fn find(&self, text: &str) -> Option<Known> {
        self.known.get(text).copied()
    }

    /// Ends a claim: the text is unknown again.
    pub(super) fn hand_back(&mut self, text: &str) {
        self.known.remove(text);
    }

    /// Ends a claim: the text is remembered, before the UUID of this number.
    pub(super) fn remember(&mut self, text: &Arc<str>, before: u64) {
        self.known.insert(Arc::clone(text), Known::Remembered);
        self.order.push_back((before, Arc::clone(text)));
    }

    /// The number of the UUID behind the oldest text.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.order.front().map(|(before, _)| *before)
    }

    pub(super) fn forget_oldest(&mut self) {
        if let Some((_, text)) = self.order.pop_front() {
            self.known.remove(&text);
        }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn claimed(&self) -> usize {
        self.known.len() - self.order.len()
    }

    /// The remembered ones, oldest first, each with its place among all identities, of which the oldest UUID has this number.
    pub(super) fn placed(&self, oldest: u64) -> Vec<(usize, String)> {
        let place = |(index, (before, text)): (usize, &(u64, Arc<str>))| {
            let uuids = usize::try_from(before.saturating_sub(oldest)).unwrap_or(usize::MAX);
            (index + uuids, text.to_string())
        };
        self.order.iter().enumerate().map(place).collect()
    }
}
