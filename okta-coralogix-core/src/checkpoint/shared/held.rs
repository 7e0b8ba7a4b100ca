//! A log that this process holds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::change::Change;
use super::place::Place;
use super::record::Position;
use super::state::State;
use super::writer::{Writer, Written};
use crate::checkpoint::{Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned};
use crate::{Error, ErrorKind, Lease, LeaseLost, Result, RetryHint};

/// A checkpoint in an object store, held by this process: store of the position and lease in one. Clones are the same.
///
/// Each save renews the lease; between saves a task renews it every third of its TTL. Without [`release`](Self::release), when the last
/// clone is dropped, the lease runs out, and another one takes the log after its TTL.
///
/// Its window of uuids is an object of its own, written at most once a minute and at the release: after the death of a holder, the next
/// one may send again what was settled in the last minute and is read again.
#[derive(Debug, Clone)]
pub struct HeldCheckpoint(Arc<Held>);

#[derive(Debug)]
struct Held {
    place: Arc<Place>,
    writer: Arc<Mutex<Writer>>,
    state: watch::Receiver<State>,
    term: u64,
    renewal: JoinHandle<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewal.abort();
        if let Some(group) = &self.place.group {
            group.dropped(&self.place.name, self.term);
        }
    }
}

impl HeldCheckpoint {
    pub(super) fn new(place: Arc<Place>, writer: Writer) -> Self {
        let state = writer.state.subscribe();
        let term = writer.record.term;
        if let Some(group) = &place.group {
            group.taken(&place.name, term, state.clone());
        }
        let writer = Arc::new(Mutex::new(writer));
        let renewal = tokio::spawn(renew(Arc::clone(&place), Arc::clone(&writer)));
        Self(Arc::new(Held {
            place,
            writer,
            state,
            term,
            renewal,
        }))
    }

    /// The replica that holds it: this one.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.0.place.holder
    }

    /// How often the log has changed hands.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.0.term
    }

    /// How long this replica may still send, unless it renews the lease before: zero while the store is away. `None`: it holds the log no
    /// more.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.0.state.borrow().time_left()
    }

    /// Gives the log to the replica that asks for it next. To be called when nothing is underway any more: nothing may be sent from then on.
    ///
    /// # Errors
    /// If that is not stored: the lease then runs out, unless it is called again.
    pub async fn release(&self) -> Result<()> {
        let mut writer = self.0.writer.lock().await;
        if writer.is_over {
            return Ok(());
        }
        match writer.release().await {
            Written::Stored => {
                writer.is_over = true;
                if let Some(group) = &self.0.place.group {
                    group.released(&self.0.place.name, self.0.term);
                }
                Ok(())
            }
            Written::Lost => {
                writer.is_over = true;
                if let Some(group) = &self.0.place.group {
                    group.lost(&self.0.place.name, self.0.term);
                }
                Ok(())
            }
            Written::Unknown(error) => Err(error),
        }
    }

    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        let mut writer = self.0.writer.lock().await;
        let is_expected = |version: Option<Version>| version.as_ref() == expected;
        // A save of this term that came late is one of the caller, who took it for lost and has gone on from before it.
        let is_known =
            is_expected(writer.checkpoint_version()) || is_expected(writer.acknowledged.clone());
        let written = match !writer.has_ended() && is_known {
            true => writer.save(checkpoint).await,
            false => Written::Lost,
        };
        match written {
            Written::Stored => match writer.checkpoint_version() {
                Some(version) => {
                    writer.acknowledged = Some(version.clone());
                    SaveOutcome::Saved(version)
                }
                None => SaveOutcome::Lost(None),
            },
            Written::Lost => match load(&mut writer).await {
                Ok(found) => SaveOutcome::Lost(found),
                Err(error) => SaveOutcome::Unknown(waited_for(error)),
            },
            Written::Unknown(error) => SaveOutcome::Unknown(waited_for(error)),
        }
    }
}

/// A store that has worked is waited for, whatever it says: nothing ends while it is away.
fn waited_for(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::LeaseLost => error,
        _ => error.with_retry(RetryHint::Backoff),
    }
}

async fn load(writer: &mut Writer) -> Result<Option<Versioned<Checkpoint>>> {
    let mut position = position(writer).await?;
    loop {
        let Some(known) = position else {
            return Ok(None);
        };
        let error = match writer.checkpoint(&known).await {
            Ok(checkpoint) => {
                let version = Version::new(&known.token);
                if !writer.has_ended() {
                    writer.acknowledged = Some(version.clone());
                }
                return Ok(Some(Versioned::new(checkpoint, version)));
            }
            Err(error) => error,
        };
        // The window may have been removed since, by a record after this one.
        position = self::position(writer).await?;
        if position.as_ref() == Some(&known) {
            return Err(waited_for(error));
        }
    }
}

async fn position(writer: &mut Writer) -> Result<Option<Position>> {
    let record = writer.read().await.map_err(waited_for)?;
    Ok(record.and_then(|record| record.position))
}

#[async_trait]
impl CheckpointStore for HeldCheckpoint {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        load(&mut *self.0.writer.lock().await).await
    }

    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
        self.save(checkpoint, None).await
    }

    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.save(checkpoint, Some(expected)).await
    }

    fn location(&self) -> Option<String> {
        Some(self.0.place.location())
    }
}

#[async_trait]
impl Lease for HeldCheckpoint {
    async fn deadline(&self) -> Result<std::time::Instant, LeaseLost> {
        let mut state = self.0.state.clone();
        let is_known = |state: &State| match state {
            State::Until(deadline) => *deadline > Instant::now(),
            State::Ended => true,
        };
        match state.wait_for(is_known).await.as_deref() {
            // An idle log is held for longer; with its next save the others go by the shorter TTL, also while a request is underway.
            Ok(State::Until(deadline)) => {
                let place = &self.0.place;
                let most = place.deadline(Instant::now(), place.ttl);
                Ok((*deadline).min(most).into_std())
            }
            Ok(State::Ended) | Err(_) => Err(LeaseLost),
        }
    }

    async fn lost(&self) {
        let mut state = self.0.state.clone();
        // The writer is alive as long as this is.
        state.wait_for(|state| *state == State::Ended).await.ok();
    }
}

/// Writes the record again where nothing else is saved, until the lease has ended.
async fn renew(place: Arc<Place>, writer: Arc<Mutex<Writer>>) {
    let mut state = writer.lock().await.state.subscribe();
    loop {
        let due = writer.lock().await.renewal;
        // A write that may be stored may bring it forward.
        timeout_at(due, state.changed()).await.ok();
        let mut writer = writer.lock().await;
        if writer.has_ended() {
            return;
        }
        if writer.renewal > Instant::now() {
            continue;
        }
        let failed: Option<Error> = match writer.put(&Change::Renew).await {
            Written::Stored => None,
            Written::Lost => return,
            Written::Unknown(error) => Some(error),
        };
        drop(writer);
        if let Some(error) = failed {
            tracing::warn!(%error, "the lease cannot be renewed: nothing is sent once it has run out");
            tokio::time::sleep(place.poll).await;
        }
    }
}
