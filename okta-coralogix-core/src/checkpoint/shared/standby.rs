//! Waiting for a log, and taking it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::Place;
use super::held::HeldCheckpoint;
use super::objects::{ObjectVersion, PutIf};
use super::record::Record;
use super::writer::Writer;
use crate::{Clock, ErrorKind, Result, SystemClock};

/// What was seen last, and since when it is unchanged by this process's own clock.
struct Seen {
    record: Record,
    version: ObjectVersion,
    since: Instant,
}

/// A record by which this process would take the log, and when it was sent: it may be stored, whatever the answer was.
struct Attempt {
    nonce: String,
    sent: Instant,
}

/// Waits until nobody else holds the log, and takes it.
pub(super) async fn acquire(place: Arc<Place>) -> Result<HeldCheckpoint> {
    let mut seen: Option<Seen> = None;
    let mut attempts: Vec<Attempt> = Vec::new();
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
            Ok(None) => seen = None,
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
        if !is_free {
            sleep(place.pause()).await;
            continue;
        }
        let (record, condition) = place.first(seen.as_ref());
        let sent = Instant::now();
        let nonce = record.nonce.clone();
        match put(&place, record, condition).await {
            Some((record, version)) => return held(place, record, version, sent).await,
            // No error is evidence: what is there is read, at once.
            None => attempts.push(Attempt { nonce, sent }),
        }
        sleep(RETRY).await;
    }
}

/// Long enough that a store that fails at once is not asked without a pause.
const RETRY: Duration = Duration::from_millis(100);

async fn put(
    place: &Place,
    mut record: Record,
    condition: PutIf,
) -> Option<(Record, ObjectVersion)> {
    let bytes = Bytes::from(record.write(SystemClock.now()).ok()?);
    let put = place.objects.put(&place.name, bytes, condition);
    let version = place.within(put).await.ok()?;
    Some((record, version))
}

async fn held(
    place: Arc<Place>,
    record: Record,
    version: ObjectVersion,
    sent: Instant,
) -> Result<HeldCheckpoint> {
    let current = record
        .position
        .as_ref()
        .map(|position| position.window.clone());
    let prefix = place.window_prefix();
    let windows = place.within(place.objects.names(&prefix)).await;
    // Windows that stay are found by the next holder.
    let mut windows = windows.unwrap_or_default();
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
