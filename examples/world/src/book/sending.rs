//! Whether what a program sends may be sent.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Book, MOST_BYTES, PostId, has_uuid};
use crate::event::Event;
use crate::plan::{Kind, Route};
use crate::post::{self, Entry, Fate, Post};
use crate::wire::NOTHING;

impl Book {
    /// A program sends a request.
    pub(crate) fn attempt(
        &mut self,
        life: u32,
        body: &Bytes,
        events: &[Event],
        time: DateTime<Utc>,
        position: usize,
    ) -> Option<PostId> {
        if &**body == NOTHING {
            return None;
        }
        let (bytes, entries) = match post::read(body) {
            Ok(read) => read,
            Err(error) => {
                self.wrong(format!("a request cannot be read: {error}"));
                return None;
            }
        };
        let settings = self.lives.get(&life)?.settings;
        if entries.len() > settings.entries || bytes > MOST_BYTES {
            self.wrong(format!(
                "a request has {} entries and {bytes} bytes",
                entries.len()
            ));
        }
        let mut places = Vec::new();
        for entry in &entries {
            match self.places.get(entry.text.as_bytes()).copied() {
                Some(place) => {
                    self.entry(entry, place, &events[place]);
                    places.push(place);
                }
                None => self.wrong(format!("altered bytes are sent: {}", entry.text)),
            }
        }
        let distinct: BTreeSet<_> = places.iter().collect();
        if distinct.len() < places.len() && places.iter().all(|place| has_uuid(&events[*place])) {
            self.wrong(format!("a request has an event twice: {places:?}"));
        }
        for &place in &places {
            self.may_be_sent(life, place, body, &events[place], time);
            let reach = settings.deliveries * self.largest_page;
            if self.route == Route::Pull && place >= position + reach {
                self.wrong(format!(
                    "event {place} is sent while the position is {position}: more than {reach} are in flight"
                ));
            }
        }
        self.posts.push(Post {
            life,
            places,
            body: body.clone(),
            taken: 0,
            fate: Fate::Open,
        });
        Some(self.posts.len() - 1)
    }

    fn entry(&mut self, entry: &Entry, place: usize, event: &Event) {
        let (application, subsystem) = (&*entry.application_name, &*entry.subsystem_name);
        if (application, subsystem) != ("okta", "world") {
            self.wrong(format!(
                "event {place} is sent as {application}/{subsystem}"
            ));
        }
        let published = event.published.timestamp_millis() as f64;
        if entry.timestamp != published || entry.severity != event.severity {
            let (timestamp, severity) = (entry.timestamp, entry.severity);
            self.wrong(format!(
                "event {place} is sent with time {timestamp} and severity {severity}"
            ));
        }
        if entry.category.is_none() || entry.computer_name.is_none() {
            self.wrong(format!("event {place} is sent without its type or its org"));
        }
    }

    /// Whether an event may be sent now.
    fn may_be_sent(
        &mut self,
        life: u32,
        place: usize,
        body: &Bytes,
        event: &Event,
        time: DateTime<Utc>,
    ) {
        let earlier = self.posts.iter().filter(|post| post.life == life);
        let mut with_it = earlier.filter(|post| post.places.contains(&place));
        let open = with_it.clone().any(|post| post.fate == Fate::Open);
        let unsure: Vec<_> = with_it.clone().filter(|post| post.may_be_taken()).collect();
        let other = unsure.iter().any(|post| post.body != *body);
        let refused = with_it
            .clone()
            .any(|post| matches!(post.fate, Fate::Answered(400 | 413 | 422)));
        let accepted = with_it.clone().filter(|post| post.is_accepted()).count() as u32;
        let first = unsure.is_empty();
        let has_more = with_it.next().is_some() && has_uuid(event);
        let given = self
            .lives
            .get(&life)
            .and_then(|book| book.given.get(&place))
            .copied();
        let given = given.unwrap_or(0);
        if open && has_uuid(event) {
            self.wrong(format!("event {place} is sent while it is under way"));
        }
        if other && !refused && has_uuid(event) {
            self.wrong(format!(
                "event {place} may have been taken and is sent again with other bytes"
            ));
        }
        if has_more && accepted > 0 {
            self.wrong(format!(
                "event {place} is sent again in life {life}, where it was accepted"
            ));
        }
        if accepted >= given {
            self.wrong(format!(
                "event {place} is sent more often than it was given"
            ));
        }
        let committed = self.lives.get(&life).map_or(0, |book| book.committed);
        // What a filter or its age dropped is not remembered, and is sent after all if the filter or the clock changes.
        let dropped = match event.kind {
            Kind::Noise => true,
            Kind::Old | Kind::Ageing(_) => self.host_was_behind,
            _ => false,
        };
        let known = has_uuid(event) && !dropped;
        let again = known && self.delivered[place] > 0;
        if self.route == Route::Pull && again && place < committed {
            self.wrong(format!(
                "event {place} is sent again, though life {life} began behind it"
            ));
        }
        let age = time - event.published;
        if first && age > TimeDelta::hours(24) + self.slack && !self.host_was_behind {
            self.wrong(format!("event {place} is sent though it is too old"));
        }
        match event.kind {
            Kind::Noise if !self.filter_was_off => {
                self.wrong(format!("event {place} is sent though a filter drops it"));
            }
            Kind::Timeless | Kind::Broken | Kind::Huge => {
                self.wrong(format!("event {place} ({:?}) is sent", event.kind));
            }
            _ => {}
        }
    }
}
