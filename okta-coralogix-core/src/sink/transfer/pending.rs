//! The entries of a transfer that have not ended.

use crate::LogEntry;

/// The entries that have not ended.
#[derive(Debug)]
pub(crate) struct Open {
    entries: Vec<Option<LogEntry>>,
}

impl Open {
    pub(super) fn new(entries: Vec<LogEntry>) -> Self {
        Self {
            entries: entries.into_iter().map(Some).collect(),
        }
    }

    pub(crate) fn contains(&self, index: usize) -> bool {
        self.entries[index].is_some()
    }

    pub(super) fn get(&self, index: usize) -> Option<&LogEntry> {
        self.entries[index].as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut LogEntry> {
        self.entries[index].as_mut()
    }

    /// DeliveryHooks an entry. False if it had ended.
    pub(crate) fn end(&mut self, index: usize) -> bool {
        self.entries[index].take().is_some()
    }

    /// All but one.
    pub(super) fn others(&self, one: usize) -> Vec<usize> {
        let all = 0..self.entries.len();
        all.filter(|index| *index != one && self.contains(*index))
            .collect()
    }

    pub(super) fn of(&self, indices: &[usize]) -> Vec<LogEntry> {
        let entries = indices.iter().map(|&index| self.entries[index].clone());
        entries.flatten().collect()
    }
}
