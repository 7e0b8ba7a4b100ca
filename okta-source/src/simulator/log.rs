//! The events, in the order in which they were persisted.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Debug, Default)]
pub(super) struct Log {
    /// By time and then by number.
    entries: Vec<Entry>,
    /// The places of the entries by `published` and then by number; made when a range is asked for, and of what is stored then.
    by_published: OnceLock<Vec<(DateTime<Utc>, u32)>>,
    /// How often all cursors were forgotten.
    era: u32,
}

#[derive(Debug)]
struct Entry {
    /// When it was persisted, ms since 1970.
    persisted: i64,
    /// The number of the event in the order of appending, unique within one millisecond.
    number: usize,
    event: Bytes,
}

/// A piece of the log.
#[derive(Debug)]
pub(super) struct Slice {
    /// A JSON array, if its elements are JSON.
    pub(super) body: Bytes,
    /// The cursor behind it; `None`: there is nothing behind a bounded range.
    pub(super) next: Option<String>,
    /// True if it reaches the end.
    pub(super) last: bool,
}

impl Slice {
    pub(super) fn is_empty(&self) -> bool {
        &*self.body == b"[]"
    }
}

/// The part of the log that a request asks for.
pub(super) type Wanted<'a> = &'a dyn Fn(&Bytes) -> bool;

impl Log {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Persists an event behind the others, not before the last of them.
    pub(super) fn append(&mut self, persisted: DateTime<Utc>, event: Bytes) {
        let persisted = persisted.timestamp_millis();
        let last = self.entries.last().map_or(persisted, |last| last.persisted);
        self.put(persisted.max(last), event);
    }

    /// Persists an event as of an earlier time: a client that has read past its place does not see it any more.
    pub(super) fn insert(&mut self, persisted: DateTime<Utc>, event: Bytes) {
        self.put(persisted.timestamp_millis(), event);
    }

    fn put(&mut self, persisted: i64, event: Bytes) {
        let place = self.behind(persisted, usize::MAX);
        let entry = Entry {
            persisted,
            number: self.len() + 1,
            event,
        };
        self.entries.insert(place, entry);
        self.by_published.take();
    }

    /// The position of the first event that was persisted at `since` or later.
    pub(super) fn since(&self, since: DateTime<Utc>) -> usize {
        self.behind(since.timestamp_millis(), 0)
    }

    fn behind(&self, persisted: i64, number: usize) -> usize {
        self.entries
            .partition_point(|entry| (entry.persisted, entry.number) <= (persisted, number))
    }

    /// Forgets all cursors.
    pub(super) fn forget_cursors(&mut self) {
        self.era += 1;
    }

    /// The position of a cursor; `None` if it is invalid or forgotten.
    pub(super) fn position(&self, cursor: &str) -> Option<usize> {
        let (persisted, number) = self.read(cursor)?;
        let position = self.behind(persisted, number);
        (self.cursor(position) == cursor).then_some(position)
    }

    /// Time and number, if the cursor is of this era.
    fn read(&self, cursor: &str) -> Option<(i64, usize)> {
        let mut parts = cursor.split('_');
        let (time, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let era: u32 = match parts.next() {
            Some(era) => era.parse().ok()?,
            None => 0,
        };
        (era == self.era && parts.next().is_none()).then_some((time, number))
    }

    /// The cursor for a position. It looks like Okta's, and is as opaque.
    pub(super) fn cursor(&self, position: usize) -> String {
        let before = position
            .checked_sub(1)
            .and_then(|last| self.entries.get(last));
        self.write(before.map_or((0, 0), |entry| (entry.persisted, entry.number)))
    }

    fn write(&self, (time, number): (i64, usize)) -> String {
        match self.era {
            0 => format!("{time}_{number}"),
            era => format!("{time}_{number}_{era}"),
        }
    }

    /// Up to `limit` events from a position on, in the order of persistence.
    pub(super) fn slice(&self, start: usize, limit: usize, wanted: Wanted<'_>) -> Slice {
        let behind = self.entries.get(start..).unwrap_or_default();
        let mut found = behind
            .iter()
            .enumerate()
            .filter(|(_, entry)| wanted(&entry.event));
        let taken: Vec<_> = found.by_ref().take(limit).collect();
        let end = match taken.last() {
            Some((place, _)) if taken.len() == limit => start + place + 1,
            _ => self.len(),
        };
        Slice {
            body: array(taken.into_iter().map(|(_, entry)| &entry.event)),
            next: Some(self.cursor(end)),
            last: end == self.len(),
        }
    }

    /// Up to `limit` events that were published within a range, in that order, behind a cursor.
    pub(super) fn range(
        &self,
        times: std::ops::Range<DateTime<Utc>>,
        after: Option<&str>,
        limit: usize,
        wanted: Wanted<'_>,
    ) -> Option<Slice> {
        let after = match after {
            Some(after) => Some(self.read(after)?),
            None => None,
        };
        let index = self.by_published();
        let place = |(published, entry): &(DateTime<Utc>, u32)| {
            let number = self.entries[*entry as usize].number;
            (published.timestamp_millis(), number)
        };
        let first = times.start.timestamp_millis();
        let from = index.partition_point(|one| match after {
            Some(after) => place(one) <= after,
            None => place(one).0 < first,
        });
        let last = times.end.timestamp_millis();
        let behind = index[from..].iter();
        let mut found: Vec<_> = behind
            .take_while(|(published, _)| published.timestamp_millis() <= last)
            .filter(|(published, _)| times.contains(published))
            .map(|one| (place(one), &self.entries[one.1 as usize]))
            .filter(|(_, entry)| wanted(&entry.event))
            .take(limit + 1)
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        Some(Slice {
            body: array(found.iter().map(|(_, entry)| &entry.event)),
            next: found
                .last()
                .filter(|_| more)
                .map(|(place, _)| self.write(*place)),
            last: !more,
        })
    }
}

impl Log {
    fn by_published(&self) -> &[(DateTime<Utc>, u32)] {
        self.by_published.get_or_init(|| {
            let entries = (0..).zip(&self.entries);
            let mut index: Vec<_> = entries
                .filter_map(|(place, entry)| Some((published(&entry.event)?, place)))
                .collect();
            let number = |place: u32| self.entries[place as usize].number;
            index.sort_unstable_by_key(|(published, place)| {
                (published.timestamp_millis(), number(*place))
            });
            index
        })
    }
}

fn published(event: &[u8]) -> Option<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct Published {
        published: DateTime<Utc>,
    }
    serde_json::from_slice(event)
        .ok()
        .map(|Published { published }| published)
}

fn array<'a>(events: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut body = BytesMut::from(&b"["[..]);
    for event in events {
        if body.len() > 1 {
            body.extend_from_slice(b",");
        }
        body.extend_from_slice(event);
    }
    body.extend_from_slice(b"]");
    body.freeze()
}
