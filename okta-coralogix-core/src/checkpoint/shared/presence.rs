//! The object by which a replica tells the others that it is there, also while it holds no log.
//!
//! A hint: whether a replica lives decides who tries first to take a log that is free, and how many logs are a share. Nobody takes a log
//! because its holder's presence is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::group::Group;
use super::objects::PutIf;
use super::place::Place;
use crate::checkpoint::Version;
use crate::{Clock, Result, RetryHint, SystemClock};

/// No log has such a name: it begins with a dot.
const PREFIX: &str = ".replica-";

const FORMAT: &str = "okta-coralogix replica";

/// An object that has not changed for so many beats is that of a replica that has died: others remove it.
const REMOVED_AFTER: u32 = 10;

/// How often a replica writes its presence before it takes a log: it lists the others each time.
const STARTING: u64 = 2;

/// The longest that is read.
const MAX_BYTES: usize = 4096;

/// Members that a later version adds are ignored.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    format: String,
    holder: String,
    /// How often it was written: each version differs.
    beat: u64,
    /// Which logs it shares.
    logs: String,
    /// For people.
    #[serde(default)]
    written: DateTime<Utc>,
}

/// An object of another replica, or of none.
#[derive(Debug)]
struct Found {
    version: Version,
    since: Instant,
    holder: Option<String>,
}

#[derive(Debug)]
pub(super) struct Presence {
    /// Its name is that of the own object.
    place: Arc<Place>,
    version: Option<Version>,
    beat: u64,
    /// What is not in it yet, and is found later, was written meanwhile.
    is_listed: bool,
    others: BTreeMap<String, Found>,
}

/// The object of a replica: what it is called by people may have characters that no object's name has.
pub(super) fn object_name(holder: &str) -> String {
    format!("{PREFIX}{}", plain(holder))
}

/// A part of an object's name that tells replicas apart.
pub(super) fn plain(holder: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    let plain: String = holder
        .chars()
        .map(|char| if is_plain(char) { char } else { '_' })
        .collect();
    // The end is what tells replicas apart.
    plain[plain.len().saturating_sub(120)..].to_owned()
}

impl Presence {
    /// `place`: of the own object.
    pub(super) fn new(place: Arc<Place>) -> Self {
        Self {
            place,
            version: None,
            beat: 0,
            is_listed: false,
            others: BTreeMap::new(),
        }
    }

    /// Tells the others of this replica, and looks who else is there.
    ///
    /// # Errors
    /// The first of the store; what was seen until then is noted.
    pub(super) async fn update(&mut self, group: &Group) -> Result<()> {
        let written = self.write(group).await;
        // A list costs as much as a put.
        let is_listed = self.beat <= STARTING || self.beat.is_multiple_of(2);
        let names = match is_listed {
            true => self.list(group).await?,
            false => self.others.keys().cloned().collect(),
        };
        let mut ended = written;
        let own_name = self.place.name.clone();
        for name in names.iter().filter(|name| **name != own_name) {
            let read = self.read(name, group).await;
            // One object that cannot be read hides no other; a store that is away is not asked for all of them.
            let is_away = read
                .as_ref()
                .is_err_and(|error| error.retry() != RetryHint::Never);
            ended = ended.and(read);
            if is_away {
                break;
            }
        }
        self.is_listed |= ended.is_ok();
        ended
    }

    /// The objects that are there; forgets replicas whose object is not.
    async fn list(&mut self, group: &Group) -> Result<Vec<String>> {
        let names = self.place.within(self.place.objects.names(PREFIX)).await?;
        self.others.retain(|name, found| {
            let is_there = names.contains(name);
            if let Some(holder) = found.holder.as_ref().filter(|_| !is_there) {
                group.placement().members.left(holder);
            }
            is_there
        });
        Ok(names)
    }

    async fn write(&mut self, group: &Group) -> Result<()> {
        self.beat += 1;
        let content = Content {
            format: FORMAT.to_owned(),
            holder: self.place.holder.clone(),
            beat: self.beat,
            logs: group.placement().members.own_logs().to_owned(),
            written: SystemClock.now(),
        };
        let bytes =
            serde_json::to_vec(&content).map_err(|error| self.place.failed("write", &error))?;
        let bytes = Bytes::from(bytes);
        let Err(error) = self.put(bytes.clone()).await else {
            return Ok(());
        };
        // It may be stored, or was removed by one that took this replica for dead.
        let found = self
            .place
            .within(self.place.objects.get(&self.place.name))
            .await?;
        let is_stored = found.as_ref().is_some_and(|found| found.bytes == bytes);
        self.version = found.map(|found| found.version);
        match is_stored {
            true => Ok(()),
            false => self.put(bytes).await.map_err(|_| error),
        }
    }

    async fn put(&mut self, bytes: Bytes) -> Result<()> {
        let condition = self.version.clone().map_or(PutIf::Absent, PutIf::Unchanged);
        let put = self.place.objects.put(&self.place.name, bytes, condition);
        self.version = Some(self.place.within(put).await?);
        Ok(())
    }

    async fn read(&mut self, name: &str, group: &Group) -> Result<()> {
        let found = self.place.within(self.place.objects.get(name)).await?;
        let now = Instant::now();
        let before = self.others.get(name);
        let Some(found) = found else {
            if let Some(holder) = self.others.remove(name).and_then(|found| found.holder) {
                group.placement().members.left(&holder);
            }
            return Ok(());
        };
        if let Some(before) = before.filter(|before| before.version == found.version) {
            let most = self.place.beat() * REMOVED_AFTER;
            if now >= before.since + most {
                tracing::debug!(name, "a replica has died: its object is removed");
                let deleted = self.place.within(self.place.objects.delete(name)).await;
                if let Err(error) = deleted {
                    tracing::debug!(%error, name, "it stays for now");
                }
            }
            return Ok(());
        }
        let content = read(&found.bytes);
        if let Some(content) = &content
            && content.holder != self.place.holder
        {
            let members = &mut group.placement().members;
            let (holder, logs) = (&content.holder, &content.logs);
            // One that was there before this replica may be what a dead one has left; those that begin together are to know each other.
            match before {
                Some(_) => members.present(holder, logs, now),
                None if self.is_listed || content.beat == 1 => members.joined(holder, logs, now),
                None => members.found(holder, logs, now),
            }
        }
        let found = Found {
            version: found.version,
            since: now,
            holder: content.map(|content| content.holder),
        };
        // An object that changes its holder is not one more replica each time.
        let holder = found.holder.clone();
        let before = self.others.insert(name.to_owned(), found);
        let before = before.and_then(|before| before.holder);
        if let Some(before) = before.filter(|before| Some(before) != holder.as_ref()) {
            group.placement().members.left(&before);
        }
        Ok(())
    }

    /// Removes the own object.
    ///
    /// # Errors
    /// Those of the store: others remove it later.
    pub(super) async fn leave(&self) -> Result<()> {
        self.place
            .within(self.place.objects.delete(&self.place.name))
            .await
    }
}

fn read(bytes: &[u8]) -> Option<Content> {
    let content: Content = match bytes.len() <= MAX_BYTES {
        true => serde_json::from_slice(bytes).ok()?,
        false => return None,
    };
    (content.format == FORMAT).then_some(content)
}
