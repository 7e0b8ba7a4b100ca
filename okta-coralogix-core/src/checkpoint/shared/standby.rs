//! Waiting for a log, and taking it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::Place;
use super::held::HeldCheckpoint;
use super::objects::PutIf;
use super::record::Record;
use super::writer::Writer;
use crate::checkpoint::Version;
use crate::{Clock, Error, ErrorKind, Result, SystemClock};

/// What was seen last, and since when it is unchanged by this process's own clock.
struct Seen {
    record: Record,
    version: Version,
    since: Instant,
}

/// A record by which this process would take the log, and when it was sent: it may be stored, whatever the answer was.
struct Attempt {
    nonce: String,
    sent: Instant,
    /// Over this version; it cannot be stored over another one.
    over: Option<Version>,
}

/// Waits until nobody else holds the log, and takes it.
pub(super) async fn acquire(place: Arc<Place>) -> Result<HeldCheckpoint> {
    let mut seen: Option<Seen> = None;
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut was_refused = false;
    loop {
        match place.look().await {
            Ok(Some((record, version))) => {
                let mut own = attempts.iter();
                if let Some(own) = own.find(|attempt| attempt.nonce == record.nonce) {
                    return held(place, record, version, own.sent).await;
                }
                // Versions do not come again: what is the same now has been so all the time, also while it could not be read.
                let since = match &seen {
                    Some(before) if before.version == version => before.since,
                    _ => Instant::now(),
                };
                seen = Some(Seen {
                    record,
                    version,
                    since,
                });
            }
            Ok(None) if seen.is_some() || has_windows(&place).await => return Err(removed(&place)),
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::Corrupt => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the object store cannot be asked who holds the log");
                sleep(place.pause()).await;
                continue;
            }
        }
        let is_free = seen.as_ref().is_none_or(|seen| {
            let ttl = place.by_own_clock(place.ttl.max(seen.record.ttl()));
            seen.record.holder.is_none() || seen.since.elapsed() >= ttl
        });
        // What a failed attempt has left is looked at soon, and the next one is made later.
        if !is_free || was_refused {
            was_refused = false;
            sleep(place.pause()).await;
            continue;
        }
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
        sleep(RETRY).await;
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
