//! Waiting for a log, and taking it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::group::Watching;
use super::held::HeldCheckpoint;
use super::objects::PutIf;
use super::place::Place;
use super::placement::{Free, FreeBy, LogState};
use super::record::Record;
use super::writer::Writer;
use crate::checkpoint::Version;
use crate::{Clock, Error, ErrorKind, Result, SystemClock};

/// What was seen last, and since when it is unchanged by this process's own clock.
struct Seen {
    record: Record,
    version: Version,
    since: Instant,
    looked: Instant,
    /// It was another version at the look before.
    is_changed: bool,
}

impl Seen {
    /// `was_absent`: there was no record before.
    fn after(
        before: Option<Self>,
        was_absent: bool,
        place: &Place,
        record: Record,
        version: Version,
    ) -> Self {
        let now = Instant::now();
        let same = before.as_ref().filter(|before| before.version == version);
        // Versions do not come again: what is the same now has been so all the time, also if a look has failed meanwhile. But a store that was
        // away was so for its holder too, which is to go on.
        let since = same.filter(|before| now < before.looked + place.longest_gap(record.ttl()));
        let since = since.map_or(now, |before| before.since);
        let is_changed = before.map_or(was_absent, |before| before.version != version);
        Self {
            record,
            version,
            since,
            looked: now,
            is_changed,
        }
    }
}

/// A record by which this process would take the log, and when it was sent: it may be stored, whatever the answer was.
struct Attempt {
    nonce: String,
    sent: Instant,
    /// Over this version; it cannot be stored over another one.
    over: Option<Version>,
}

/// A record that is this process's own: the first of its term.
struct Taken {
    record: Record,
    version: Version,
    sent: Instant,
}

/// What a look at the log has shown.
enum Look {
    /// An attempt was stored, although nobody told.
    Taken(Box<Taken>),
    Free(Free),
    Held,
    /// The store cannot be asked.
    Away,
}

/// One that waits for a log.
struct Standby {
    place: Arc<Place>,
    /// Where replicas share it.
    watching: Option<Watching>,
    seen: Option<Seen>,
    /// Since when there is no record.
    absent: Option<Instant>,
    attempts: Vec<Attempt>,
}

/// Waits until nobody else holds the log and, among replicas that share it, until it is this one's turn; and takes it.
pub(super) async fn acquire(place: Arc<Place>) -> Result<HeldCheckpoint> {
    let watching = place.group.as_ref().map(|group| group.watch(&place.name));
    let mut standby = Standby {
        place,
        watching,
        seen: None,
        absent: None,
        attempts: Vec::new(),
    };
    let mut was_refused = false;
    let taken = loop {
        let mut pause = standby.pause();
        match standby.look().await? {
            Look::Taken(taken) => break *taken,
            // What a failed attempt has left is looked at soon, and the next one is made later.
            Look::Free(free) if !was_refused => {
                let wait = standby.turn(&free);
                if wait.is_zero() {
                    match standby.take().await {
                        Some(taken) => break taken,
                        None => {
                            was_refused = true;
                            sleep(RETRY).await;
                            continue;
                        }
                    }
                }
                pause = standby.pause().min(wait);
            }
            Look::Free(_) | Look::Held => pause = standby.pause(),
            Look::Away => {}
        }
        was_refused = false;
        sleep(pause).await;
    };
    held(standby.place, taken).await
}

impl Standby {
    /// # Errors
    /// What no wait ends.
    async fn look(&mut self) -> Result<Look> {
        match self.place.look().await {
            Ok(Some((record, version))) => {
                let mut own = self.attempts.iter();
                if let Some(own) = own.find(|attempt| attempt.nonce == record.nonce) {
                    let sent = own.sent;
                    let taken = Taken {
                        record,
                        version,
                        sent,
                    };
                    return Ok(Look::Taken(Box::new(taken)));
                }
                let (before, was_absent) = (self.seen.take(), self.absent.is_some());
                let seen = Seen::after(before, was_absent, &self.place, record, version);
                self.seen = Some(seen);
            }
            Ok(None) if self.seen.is_some() => return Err(removed(&self.place)),
            Ok(None) => match has_windows(&self.place).await {
                Ok(false) => {
                    self.absent.get_or_insert_with(Instant::now);
                }
                // It may have been begun since it was read.
                Ok(true) => match self.place.look().await {
                    Ok(None) => return Err(removed(&self.place)),
                    _ => return Ok(Look::Held),
                },
                Err(error) => {
                    tracing::warn!(%error, "the object store cannot be asked whether the log was begun before");
                    return Ok(Look::Away);
                }
            },
            Err(error) if error.kind() == ErrorKind::Corrupt => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the object store cannot be asked who holds the log");
                return Ok(Look::Away);
            }
        }
        let free = self.place.free(self.seen.as_ref(), self.absent);
        self.note(free.as_ref());
        Ok(free.map_or(Look::Held, Look::Free))
    }

    /// Tells the rules of placement what was seen.
    fn note(&self, free: Option<&Free>) {
        let Some(watching) = &self.watching else {
            return;
        };
        let record = self.seen.as_ref().map(|seen| &seen.record);
        let state = match (free, record.and_then(|record| record.holder.clone())) {
            (Some(free), _) => LogState::Free(free.clone()),
            (None, Some(holder)) => LogState::Held(holder),
            (None, None) => LogState::Unseen,
        };
        let term = record.map_or(0, |record| record.term);
        let is_changed = self.seen.as_ref().is_some_and(|seen| seen.is_changed);
        watching.saw(state, term, is_changed);
    }

    /// How long to wait until it is this replica's turn.
    fn turn(&self, free: &Free) -> Duration {
        let watching = self.watching.as_ref();
        watching.map_or(Duration::ZERO, |watching| watching.turn(free))
    }

    /// Until the next look.
    fn pause(&self) -> Duration {
        let held = self.seen.as_ref().map(|seen| &seen.record);
        match held.filter(|record| record.holder.is_some()) {
            Some(record) => self.place.pause_for(record.ttl()),
            None => self.place.pause(),
        }
    }

    /// Writes the first record of a term. `None`: it may be stored all the same.
    async fn take(&mut self) -> Option<Taken> {
        let over = self.seen.as_ref().map(|seen| seen.version.clone());
        self.attempts.retain(|attempt| attempt.over == over);
        let (record, condition) = self.place.first(self.seen.as_ref());
        let sent = Instant::now();
        let nonce = record.nonce.clone();
        match put(&self.place, record, condition).await {
            Ok((record, version)) => Some(Taken {
                record,
                version,
                sent,
            }),
            // No error is evidence: what is there is read, at once.
            Err(error) => {
                tracing::warn!(%error, "the log was free, and may not have been taken");
                self.attempts.push(Attempt { nonce, sent, over });
                if let Some(watching) = &self.watching {
                    watching.not_taken();
                }
                None
            }
        }
    }
}

/// Long enough that a store that fails at once is not asked without a pause.
const RETRY: Duration = Duration::from_millis(100);

async fn put(place: &Place, mut record: Record, condition: PutIf) -> Result<(Record, Version)> {
    let bytes = record.write(SystemClock.now());
    let bytes = Bytes::from(bytes.map_err(|error| place.failed("write", &error))?);
    let put = place.objects.put(&place.name, bytes, condition);
    let version = place.within(put).await?;
    Ok((record, version))
}

/// There were records of this log.
async fn has_windows(place: &Place) -> Result<bool> {
    let prefix = place.window_prefix();
    let names = place.within(place.objects.names(&prefix)).await?;
    Ok(!names.is_empty())
}

fn removed(place: &Place) -> Error {
    let detail = format!(
        "{} was removed, and the position with it: restore it from a version that the bucket has kept, or remove the objects \
         {}… too to begin anew from `--since`",
        place.location(),
        place.window_prefix()
    );
    Error::new(ErrorKind::Corrupt, detail)
}

async fn held(place: Arc<Place>, taken: Taken) -> Result<HeldCheckpoint> {
    let Taken {
        record,
        version,
        sent,
    } = taken;
    let current = record
        .position
        .as_ref()
        .map(|position| position.window.clone());
    let prefix = place.window_prefix();
    let windows = place.within(place.objects.names(&prefix)).await;
    // Windows that stay are found by the next holder.
    let mut windows = windows.unwrap_or_else(|error| {
        tracing::warn!(%error, "old windows of uuids cannot be listed, and stay for now");
        Vec::new()
    });
    windows.retain(|window| Some(window) != current.as_ref());
    windows.sort();
    let writer = Writer::new(
        Arc::clone(&place),
        record,
        version,
        sent,
        VecDeque::from(windows),
    );
    Ok(HeldCheckpoint::new(place, writer))
}

impl Place {
    /// Whether the log is free, since when and why. `absent`: since when there is no record.
    fn free(&self, seen: Option<&Seen>, absent: Option<Instant>) -> Option<Free> {
        let Some(Seen { record, since, .. }) = seen else {
            let (look, by) = (self.by_own_clock(self.poll), FreeBy::NoRecord);
            return absent.map(|since| Free { since, look, by });
        };
        let since = *since;
        let look = self.look_every(record.ttl());
        let Some(holder) = &record.holder else {
            let by = FreeBy::Release {
                by: record.writer().map(str::to_owned),
                to: record.released_to.clone(),
            };
            return Some(Free { since, look, by });
        };
        let since = since + self.by_own_clock(self.ttl.max(record.ttl()));
        let by = FreeBy::Lapse(holder.clone());
        (since <= Instant::now()).then_some(Free { since, look, by })
    }

    /// The first record of a new term, and when it is written.
    fn first(&self, seen: Option<&Seen>) -> (Record, PutIf) {
        let term = seen.map_or(1, |seen| seen.record.term + 1);
        let mut record = Record::first(&self.holder, term, self.ttl, self.nonce());
        let condition = match seen {
            Some(seen) => {
                record.position = seen.record.position.clone();
                PutIf::Unchanged(seen.version.clone())
            }
            None => PutIf::Absent,
        };
        (record, condition)
    }
}
