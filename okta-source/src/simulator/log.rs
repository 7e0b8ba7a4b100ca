//! The events, in the order in which they were persisted.

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};

#[derive(Debug, Default)]
pub(super) struct Log(Vec<(DateTime<Utc>, Bytes)>);

/// A piece of the log.
#[derive(Debug)]
pub(super) struct Slice {
    /// A JSON array, if its elements are JSON.
    pub(super) body: Bytes,
    /// The position behind it.
    pub(super) end: usize,
    /// True if nothing stands behind it.
    pub(super) last: bool,
}

impl Log {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn append(&mut self, persisted: DateTime<Utc>, event: Bytes) {
        self.0.push((persisted, event));
    }

    /// The position of the first event that was persisted at `since` or later.
    pub(super) fn since(&self, since: DateTime<Utc>) -> usize {
        self.0.partition_point(|(persisted, _)| *persisted < since)
    }

    /// The position that a cursor means; `None` if it is none of ours.
    pub(super) fn position(&self, cursor: &str) -> Option<usize> {
        let position = cursor.split_once('_')?.1.parse().ok()?;
        (position <= self.len() && self.cursor(position) == cursor).then_some(position)
    }

    /// The cursor for a position. It looks like Okta's, and like theirs it is nothing to be taken apart.
    pub(super) fn cursor(&self, position: usize) -> String {
        let before = position.checked_sub(1).and_then(|last| self.0.get(last));
        let millis = before.map_or(0, |(persisted, _)| persisted.timestamp_millis());
        format!("{millis}_{position}")
    }

    pub(super) fn slice(&self, start: usize, limit: usize) -> Slice {
        let end = self.len().min(start.saturating_add(limit));
        let mut body = BytesMut::from(&b"["[..]);
        for (place, (_, event)) in self
            .0
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            if place > 0 {
                body.extend_from_slice(b",");
            }
            body.extend_from_slice(event);
        }
        body.extend_from_slice(b"]");
        Slice {
            body: body.freeze(),
            end,
            last: end == self.len(),
        }
    }
}
