//! A position as it is shown.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use okta_coralogix_core::checkpoint::shared::LogRecord;
use okta_coralogix_core::text::sanitize;
use okta_source::{StartPoint, StoredPosition};
use serde::Serialize;

use super::settings::Place;
use super::time::{between, text};

/// A position as it is shown: these members are the JSON object.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    integration: Option<String>,
    checkpoint: String,
    /// `None`: no position is saved.
    #[serde(flatten)]
    position: Option<ShownPosition>,
    state: State,
    /// The replica that holds the log, where replicas share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    /// Why the program would refuse the checkpoint, or begins elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// No position is saved.
    None,
    /// At a link of Okta.
    Link,
    /// Nothing was settled yet: at the time of the first request.
    Start,
    /// At a time to which it was moved.
    Moved,
    /// Within a bounded range.
    Range,
    /// Behind a bounded range.
    Finished,
}

#[derive(Debug, Serialize)]
struct ShownPosition {
    owner: String,
    /// The latest `published` before it, or the time that it begins at.
    at: Option<String>,
    age_seconds: Option<i64>,
    /// How many uuids it remembers.
    window: usize,
    /// When the file was written.
    saved: Option<String>,
    #[serde(skip)]
    age: String,
}

impl Shown {
    /// Of a checkpoint that is not there.
    pub(super) fn missing(place: &Place) -> Self {
        let note = "no position is saved: the next run begins at --since (since), by default 24 hours before it";
        Self {
            integration: place.integration.clone(),
            checkpoint: place.location(),
            position: None,
            state: State::None,
            holder: None,
            note: Some(note.into()),
        }
    }

    pub(super) fn of(
        place: &Place,
        position: &StoredPosition,
        now: DateTime<Utc>,
        note: Option<String>,
    ) -> Self {
        let (at, state) = match position.start_point() {
            _ if position.is_finished() => (published(position), State::Finished),
            _ if position.is_range() => (time_of(position), State::Range),
            StartPoint::Since(time) => (Some(time), State::Start),
            StartPoint::Moved(time) => (Some(time), State::Moved),
            _ => (published(position), State::Link),
        };
        let saved = std::fs::metadata(&place.checkpoint).and_then(|file| file.modified());
        let saved = saved
            .ok()
            .map(|time: SystemTime| DateTime::<Utc>::from(time));
        Self {
            integration: place.integration.clone(),
            checkpoint: place.location(),
            holder: None,
            position: Some(ShownPosition {
                owner: position.identity().to_owned(),
                at: at.map(text),
                age_seconds: at.map(|at| now.signed_duration_since(at).num_seconds()),
                window: position.remembered(),
                saved: saved.map(|saved| saved.to_rfc3339_opts(SecondsFormat::Secs, true)),
                age: at.map(|at| between(at, now)).unwrap_or_default(),
            }),
            state,
            note,
        }
    }

    /// With what the record of a shared log says beside the position.
    pub(super) fn with_record(mut self, record: &LogRecord) -> Self {
        self.holder.clone_from(&record.holder);
        if let Some(position) = &mut self.position {
            position.saved = Some(record.saved.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        self
    }

    /// As lines for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut rows = Vec::new();
        if let Some(integration) = &self.integration {
            rows.push(("integration", integration.clone()));
        }
        rows.push(("checkpoint", self.checkpoint.clone()));
        if let Some(position) = &self.position {
            rows.push(("owner", sanitize(&position.owner).to_string()));
            rows.push(("position", self.place(position)));
            rows.push(("window", format!("{} uuids", position.window)));
            let saved = position.saved.clone();
            rows.extend(saved.map(|saved| ("saved", saved)));
        }
        let holder = self.holder.as_deref().map(sanitize);
        rows.extend(holder.map(|holder| ("held by", holder.to_string())));
        rows.extend(self.note.clone().map(|note| ("note", note)));
        let line = |(name, value): (&str, String)| format!("{name:<12}{value}");
        rows.into_iter().map(line).collect()
    }

    fn place(&self, position: &ShownPosition) -> String {
        let Some(at) = &position.at else {
            return match self.state {
                State::Finished => "behind its range, in which there was no event".into(),
                _ => "at a link of Okta, behind no event".into(),
            };
        };
        let age = &position.age;
        match self.state {
            State::Start => format!("at its start, {at} ({age} ago): no event was settled yet"),
            State::Moved => format!("at {at} ({age} ago), where it was moved to"),
            State::Range => format!("within its range, behind {at} ({age} ago)"),
            State::Finished => {
                format!("behind its range, which was read to the end; the last event is of {at}")
            }
            State::Link | State::None => format!("behind {at} ({age} ago)"),
        }
    }
}

/// Where a position is in time, as far as that is known.
pub(super) fn time_of(position: &StoredPosition) -> Option<DateTime<Utc>> {
    match position.start_point() {
        StartPoint::Since(time) | StartPoint::Moved(time) => Some(time),
        _ => published(position),
    }
}

fn published(position: &StoredPosition) -> Option<DateTime<Utc>> {
    match position.start_point() {
        StartPoint::Checkpoint { published } => published,
        _ => None,
    }
}
