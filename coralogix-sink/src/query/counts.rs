//! How often each event is stored.

use std::fmt;

use super::event_id::{self, EventId, Form};

/// How often each uuid is stored, of all that a question was about. There is no way to make one but by an answer that is proof, so
/// a uuid that it does not hold is not stored, as far as the key, the tier and the filter reach.
///
/// 20 bytes for each UUID.
#[derive(Clone, PartialEq, Eq)]
pub struct UuidCounts {
    /// In order, each once.
    uuids: Vec<([u8; 16], u32)>,
    /// The ids that are no canonical UUIDs, in order, each once.
    texts: Vec<(Box<str>, u32)>,
    /// Stored logs, repeats included.
    logs: u64,
}

impl UuidCounts {
    /// None yet. No `Default`: that would be counts without a proof.
    pub(super) fn none() -> Self {
        Self {
            uuids: Vec::new(),
            texts: Vec::new(),
            logs: 0,
        }
    }

    /// How often this id is stored; 0 if it is not.
    #[must_use]
    pub fn get(&self, id: &EventId) -> u32 {
        match id.form() {
            Form::Uuid(uuid) => {
                let found = self.uuids.binary_search_by(|(known, _)| known.cmp(uuid));
                found.map_or(0, |place| self.uuids[place].1)
            }
            Form::Text(text) => {
                let found = self.texts.binary_search_by(|(known, _)| known.cmp(text));
                found.map_or(0, |place| self.texts[place].1)
            }
        }
    }

    /// Each id once, with how often it is stored, in the order of [`EventId`].
    pub fn iter(&self) -> impl Iterator<Item = (EventId, u32)> + '_ {
        let uuids = self.uuids.iter();
        let texts = self.texts.iter();
        uuids
            .map(|(uuid, count)| (EventId::from(*uuid), *count))
            .chain(texts.map(|(text, count)| (EventId::new(text), *count)))
    }

    /// How many ids there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.uuids.len() + self.texts.len()
    }

    /// True if nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many logs are stored, repeats included.
    #[must_use]
    pub fn logs(&self) -> u64 {
        self.logs
    }

    /// Adds one row, in any order. Call [`finish`](Self::finish) behind the last.
    pub(super) fn push(&mut self, id: &str, count: u32) {
        self.logs += u64::from(count);
        match event_id::pack(id) {
            Some(uuid) => self.uuids.push((uuid, count)),
            None => self.texts.push((id.into(), count)),
        }
    }

    /// Sorts the rows. False if an id came twice, which no answer by groups does.
    pub(super) fn finish(&mut self) -> bool {
        self.uuids.sort_unstable();
        self.texts.sort_unstable();
        self.uuids.windows(2).all(|two| two[0].0 != two[1].0)
            && self.texts.windows(2).all(|two| two[0].0 != two[1].0)
    }

    /// Takes out an id that was not asked for.
    pub(super) fn remove(&mut self, id: &EventId) {
        self.logs -= u64::from(self.get(id));
        match id.form() {
            Form::Uuid(uuid) => self.uuids.retain(|(known, _)| known != uuid),
            Form::Text(text) => self.texts.retain(|(known, _)| known != text),
        }
    }

    /// Adds the rows of another answer, about other ids.
    pub(super) fn merge(&mut self, other: Self) {
        self.logs += other.logs;
        self.uuids.extend(other.uuids);
        self.texts.extend(other.texts);
    }
}

/// Without the ids: there may be fifty thousand.
impl fmt::Debug for UuidCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UuidCounts")
            .field("ids", &self.len())
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn counts(rows: &[(String, u32)]) -> (UuidCounts, bool) {
        let mut counts = UuidCounts::none();
        for (id, count) in rows {
            counts.push(id, *count);
        }
        let is_unique = counts.finish();
        (counts, is_unique)
    }

    #[test]
    fn uuid_takes_20_bytes_with_its_count() {
        assert_eq!(size_of::<([u8; 16], u32)>(), 20);
    }

    proptest! {
        #[test]
        fn counts_hold_each_id_as_a_map_does(
            rows in proptest::collection::vec(("3bcf1b0a-0f44-11f1-8de9-0242ac1200[0-9a-f]{2}|[A-Fa-f]{1,2}", 1..9_u32), 0..60),
        ) {
            let map: BTreeMap<_, _> = rows.iter().map(|(id, count)| (EventId::new(id), *count)).collect();
            let (_, is_unique) = counts(&rows);
            prop_assert_eq!(is_unique, map.len() == rows.len());
            let unique: Vec<_> = map.iter().map(|(id, count)| (id.to_string(), *count)).collect();
            let middle = unique.len() / 2;
            let (mut found, other) = (counts(&unique[middle..]).0, counts(&unique[..middle]).0);
            found.merge(other);
            prop_assert!(found.finish());
            prop_assert_eq!(found.iter().collect::<BTreeMap<_, _>>(), map.clone());
            prop_assert_eq!(found.logs(), map.values().map(|count| u64::from(*count)).sum::<u64>());
            for (id, count) in &map {
                prop_assert_eq!(found.get(id), *count);
                found.remove(id);
                prop_assert_eq!(found.get(id), 0);
            }
            prop_assert_eq!((found.len(), found.logs()), (0, 0));
        }
    }
}
