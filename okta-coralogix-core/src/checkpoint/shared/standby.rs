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
    /// It was another version at the look before.
    is_changed: bool,
}

impl Seen {
    fn after(before: Option<Self>, record: Record, version: Version) -> Self {
        // Versions do not come again: what is the same now has been so all the time, also while it could not be read.
        let same = before.as_ref().filter(|before| before.version == version);
        let since = same.map_or_else(Instant::now, |before| before.since);
        let is_changed = before.is_some_and(|before| before.version != version);
        Self {
            record,
            version,
            since,
            is_changed,
        }
    }

    /// Until the next look.
    fn pause(&self, place: &Place) -> Duration {
        match self.record.holder {
            Some(_) => place.pause_for(self.record.ttl()),
            None => place.pause(),
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

/// Waits until nobody else holds the log and, among replicas that share it, until it is this one's turn; and takes it.
pub(super) async fn acquire(place: Arc<Place>) -> Result<HeldCheckpoint> {
    let watching = place.group.as_ref().map(|group| group.watch(&place.name));
    let mut seen: Option<Seen> = None;
    let mut absent: Option<Instant> = None;
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut was_refused = false;
    loop {
        match place.look().await {
            Ok(Some((record, version))) => {
                let mut own = attempts.iter();
                if let Some(own) = own.find(|attempt| attempt.nonce == record.nonce) {
                    return held(place, record, version, own.sent).await;
                }
                seen = Some(Seen::after(seen, record, version));
            }
            Ok(None) if seen.is_some() || has_windows(&place).await => return Err(removed(&place)),
            Ok(None) => {
                absent.get_or_insert_with(Instant::now);
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the object store cannot be asked who holds the log");
                sleep(place.pause()).await;
                continue;
            }
        }
        let free = place.free(seen.as_ref(), absent);
        let mut pause = seen
            .as_ref()
            .map_or(place.pause(), |seen| seen.pause(&place));
        if let Some(watching) = &watching {
            note(watching, seen.as_ref(), free.as_ref());
        }
        // What a failed attempt has left is looked at soon, and the next one is made later.
        if let Some(free) = free.filter(|_| !was_refused) {
            let wait = watching
                .as_ref()
                .map_or(Duration::ZERO, |watching| watching.turn(&free));
            if wait.is_zero() {
                let over = seen.as_ref().map(|seen| seen.version.clone());
                attempts.retain(|attempt| attempt.over == over);
                let (record, condition) = place.first(seen.as_ref());
                let sent = Instant::now();
                let nonce = record.nonce.clone();
                match put(&place, record, condition).await {
                    Ok((record, version)) => return held(place, record, version, sent).await,
                    // No error is evidence: what is there is read, at once.
                    Err(error) => {
                        tracing::warn!(%error, "the log was free, and may not have been taken");
                        attempts.push(Attempt { nonce, sent, over });
                        was_refused = true;
                    }
                }
                if let Some(watching) = &watching {
                    watching.not_taken();
                }
                pause = RETRY;
            } else {
                pause = pause.min(wait);
            }
        } else {
            was_refused = false;
        }
        sleep(pause).await;
    }
}

/// Tells the rules of placement what was seen.
fn note(watching: &Watching, seen: Option<&Seen>, free: Option<&Free>) {
    let state = match (free, seen.and_then(|seen| seen.record.holder.clone())) {
        (Some(free), _) => LogState::Free(free.clone()),
        (None, Some(holder)) => LogState::Held(holder),
        (None, None) => LogState::Unseen,
    };
    let term = seen.map_or(0, |seen| seen.record.term);
    watching.saw(state, term, seen.is_some_and(|seen| seen.is_changed));
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
async fn has_windows(place: &Place) -> bool {
    let prefix = place.window_prefix();
    let names = place.within(place.objects.names(&prefix)).await;
    names.is_ok_and(|names| !names.is_empty())
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

async fn held(
    place: Arc<Place>,
    record: Record,
    version: Version,
    sent: Instant,
) -> Result<HeldCheckpoint> {
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
