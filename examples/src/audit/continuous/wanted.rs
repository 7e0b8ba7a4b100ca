//! Missing events that a round has noted: each is looked for once more before it is sent.
//!
//! An event that Okta stored late may be missing in a round and be delivered just then. So it is *noted*, with the time. Once the pipeline has
//! delivered, the delay ago, what was published a `--reread-every` behind that time, it is *due*: what the pipeline would deliver of it was
//! delivered, and would be found. Its time is audited again, and only what is missing then may be sent.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::audit::{Cause, MissingEvent};
use coralogix_sink::query::{EventId, TimeSlice};
use serde::{Deserialize, Serialize};

use super::ranges::{AROUND, Asked};

/// Noted events, at most.
const MOST: usize = 10_000;

/// The noted events of an org, in the order of their time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Wanted(Vec<WantedEvent>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WantedEvent {
    uuid: String,
    published: DateTime<Utc>,
    noted: DateTime<Utc>,
}

impl WantedEvent {
    fn id(&self) -> EventId {
        EventId::new(&self.uuid)
    }
}

/// What is looked for once more.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) asked: Asked,
    pub(super) ids: HashSet<EventId>,
}

impl Wanted {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ids(&self) -> HashSet<EventId> {
        self.0.iter().map(WantedEvent::id).collect()
    }

    /// Notes what a round has found missing but for what is in the dead letters. Returns the number of events for which there is no room.
    pub(super) fn note(&mut self, missing: &[MissingEvent], now: DateTime<Utc>) -> usize {
        let known = self.ids();
        let new = missing.iter().filter(|event| {
            let in_letters = matches!(event.cause, Cause::DeadLettered(_) | Cause::TooOld);
            !in_letters && !known.contains(&event.id)
        });
        let new: Vec<_> = new.collect();
        let room = MOST.saturating_sub(self.0.len());
        self.0
            .extend(new.iter().take(room).map(|event| WantedEvent {
                uuid: event.id.to_string(),
                published: event.published,
                noted: now,
            }));
        self.0.sort_by_key(|event| event.published);
        new.len().saturating_sub(room)
    }

    /// The first of those that were noted before `settled`, and the range that decides them, of this length about; it ends at `end`.
    pub(super) fn due(
        &self,
        settled: DateTime<Utc>,
        end: DateTime<Utc>,
        longest: TimeDelta,
    ) -> Option<Due> {
        let due = || {
            let ripe = |event: &&WantedEvent| event.noted <= settled && event.published < end;
            self.0.iter().filter(ripe)
        };
        let first = due().next()?.published;
        let near = || due().take_while(|event| event.published - first < longest);
        let last = near().last()?.published;
        let range = TimeSlice::new(first - AROUND, (last + AROUND).min(end)).ok()?;
        let asked = Asked { range, part: range };
        let ids = near().map(WantedEvent::id).collect();
        Some(Due { asked, ids })
    }

    /// Forgets those that need not be sent, or may not.
    pub(super) fn forget(&mut self, is_forgotten: impl Fn(&EventId, DateTime<Utc>) -> bool) {
        self.0
            .retain(|event| !is_forgotten(&event.id(), event.published));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
