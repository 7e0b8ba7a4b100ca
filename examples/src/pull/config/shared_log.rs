//! The log of an org that replicas share, as this replica has it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use okta_coralogix_core::checkpoint::shared::{HeldCheckpoint, LogRecord, Replica, SharedStore};
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore};
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, ErrorKind, Lease, Result};
use okta_source::OktaSourceBuilder;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

/// What the replicas of a program share: the position of each log, and who reads it.
#[derive(Debug, Clone)]
pub struct SharedLogs {
    /// This process.
    pub replica: Replica,
    /// Where the positions are.
    pub store: SharedStore,
    /// Set once the store has shown that it keeps conditions: without that no log is taken.
    pub checked: Arc<OnceCell<()>>,
    /// How long a replica that is silent is waited for.
    pub ttl: Duration,
    /// How often a replica looks at a log that another one holds.
    pub poll: Duration,
}

/// The longest time in which a log is taken that no living replica holds: the lease and a look, by a clock that is a fifth slower, and a put.
/// An idle log may be held for longer than `ttl`, which its record says.
pub(in super::super) fn takeover(
    ttl: Duration,
    poll: Duration,
    record: Option<&LogRecord>,
) -> Duration {
    let ttl = record.map_or(ttl, |record| record.ttl.max(ttl));
    (ttl + poll).mul_f64(1.25) + ttl / 6
}

impl SharedLogs {
    /// Tests the store, unless that was done.
    async fn check(&self) -> Result<()> {
        let checked = self.checked.get_or_try_init(|| self.store.check()).await;
        checked.copied()
    }

    /// As [`check`](Self::check); a store that is away is waited for.
    async fn wait_for_store(&self) -> Result<()> {
        loop {
            match self.check().await {
                Err(error) if is_away(&error) => sleep(self.poll).await,
                checked => return checked,
            }
        }
    }
}

/// True if the store may answer later, without anybody's help.
pub(in super::super) fn is_away(error: &Error) -> bool {
    error.is_temporary()
}

/// Makes sure that a run of `source` would go on from a position. Makes no request, and writes nothing.
///
/// # Errors
/// Those of opening it.
pub(in super::super) async fn resumes(
    source: &OktaSourceBuilder,
    position: &Checkpoint,
) -> Result<()> {
    let copy = MemoryCheckpoint::default();
    copy.create(position).await.saved()?;
    source.clone().checkpoint(copy).open().await.map(drop)
}

/// An error of a position, with where it is, and what lists of orgs need that share a store.
pub(in super::super) fn in_shared_log(error: Error, store: &SharedStore, name: &str) -> Error {
    if error.kind() != ErrorKind::Corrupt {
        return error;
    }
    let detail = format!(
        "{}/{name}: {}; if another list of orgs uses this name too, take another name, or another folder in --state",
        store.location(),
        error.detail()
    );
    Error::new(ErrorKind::Corrupt, detail)
}

/// The log of one org. Its states:
/// * *standby*: another replica holds it, or none yet;
/// * *held*: this replica reads it.
#[derive(Debug)]
pub(super) struct SharedLog {
    logs: SharedLogs,
    name: String,
    held: Option<HeldCheckpoint>,
}

/// Which logs this replica takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// Its part of them, beside other replicas.
    OfReplicas,
    /// Each that is free: it ends, and others may come too late.
    All,
}

/// What came of waiting for a log.
#[derive(Debug)]
pub(super) enum Waited {
    Held(HeldCheckpoint),
    /// The replica of this name lives, and holds it.
    Elsewhere(String),
}

impl SharedLog {
    /// That of the integration of this name, on standby.
    pub(super) fn new(logs: SharedLogs, name: &str) -> Self {
        Self {
            logs,
            name: name.to_owned(),
            held: None,
        }
    }

    /// How often the others look at it.
    pub(super) fn poll(&self) -> Duration {
        self.logs.poll
    }

    /// True if this replica reads it. What it has lost is forgotten.
    pub(super) fn is_held(&mut self) -> bool {
        self.held
            .take_if(|held| held.lost().now_or_never().is_some());
        self.held.is_some()
    }

    /// The log, if this replica reads it.
    pub(super) fn held(&mut self) -> Option<HeldCheckpoint> {
        self.is_held();
        self.held.clone()
    }

    /// Waits until no other replica holds the log, and takes it. `source` would go on from its position.
    ///
    /// # Errors
    /// Those of [`Replica::acquire`], and of opening `source`: a position of another org is found while its replica holds the log.
    pub(super) async fn hold(
        &mut self,
        source: &OktaSourceBuilder,
        share: Share,
    ) -> Result<HeldCheckpoint> {
        self.logs.wait_for_store().await?;
        let SharedLogs { replica, store, .. } = &self.logs;
        let acquired = async {
            match share {
                Share::OfReplicas => replica.acquire(&self.name).await,
                Share::All => store.acquire(&self.name).await,
            }
        };
        let held = tokio::select! {
            biased;
            held = acquired => held?,
            error = self.unusable(source) => return Err(error),
        };
        tracing::info!("this replica holds the log, and reads it");
        self.held = Some(held.clone());
        Ok(held)
    }

    /// An error of the source at this position.
    pub(super) fn named(&self, error: Error) -> Error {
        in_shared_log(error, &self.logs.store, &self.name)
    }

    /// Resolves once there is a position from which `source` would not go on.
    async fn unusable(&self, source: &OktaSourceBuilder) -> Error {
        loop {
            if let Ok(Some(record)) = self.logs.store.look(&self.name).await
                && let Some(position) = &record.checkpoint
            {
                match resumes(source, position).await {
                    Err(error) => return self.named(error),
                    // It stays so.
                    Ok(()) => return std::future::pending().await,
                }
            }
            sleep(self.logs.poll).await;
        }
    }

    /// As [`hold`](Self::hold), for no longer than it takes if no living replica holds it.
    ///
    /// # Errors
    /// As there, and those of the store if it cannot be asked who holds the log.
    pub(super) async fn hold_if_free(&mut self, source: &OktaSourceBuilder) -> Result<Waited> {
        let store = self.logs.store.clone();
        let before = store.look(&self.name).await?;
        let limit = takeover(self.logs.ttl, self.logs.poll, before.as_ref());
        if let Ok(held) = timeout(limit, self.hold(source, Share::All)).await {
            return held.map(Waited::Held);
        }
        if let Some(holder) = store
            .look(&self.name)
            .await?
            .and_then(|record| record.holder)
        {
            return Ok(Waited::Elsewhere(holder));
        }
        let detail = format!(
            "{}/{} is held by no replica, and could not be taken",
            store.location(),
            self.name
        );
        Err(Error::temporary(ErrorKind::RemoteStorage, detail))
    }

    /// Leaves it to the replica that takes it next. Nothing of it may be underway any more.
    pub(super) async fn release(&mut self) {
        if !self.is_held() {
            return;
        }
        let Some(held) = self.held.take() else {
            return;
        };
        if let Err(error) = held.release().await {
            tracing::warn!(
                "the log cannot be left to another replica at once: {error}; one takes it when the lease has run out"
            );
        }
    }

    /// Resolves once another replica asks for the log; never, if it is not held.
    pub(super) fn asked_for(&self) -> impl Future<Output = ()> + Send + 'static {
        let is_held = self.held.is_some();
        let (replica, name) = (self.logs.replica.clone(), self.name.clone());
        async move {
            match is_held {
                true => replica.hand_over(&name).await,
                false => std::future::pending().await,
            }
        }
    }

    /// Resolves once another replica asks for the log or has taken it; never, if it is not held.
    pub(super) fn leaves(&self) -> impl Future<Output = ()> + Send + 'static {
        let (asked_for, held) = (self.asked_for(), self.held.clone());
        async move {
            let Some(held) = held else {
                return std::future::pending().await;
            };
            tokio::select! {
                biased;
                () = held.lost() => {}
                () = asked_for => {}
            }
        }
    }
}
