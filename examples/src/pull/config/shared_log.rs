//! The log of an org that replicas share, as this replica has it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use okta_coralogix_core::checkpoint::shared::{HeldCheckpoint, LogRecord, Replica, SharedStore};
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore};
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, ErrorKind, Lease, Result};
use okta_source::OktaSourceBuilder;
use tokio::time::{sleep, timeout};

use super::store_test::StoreTest;

/// What the replicas of a program share: the position of each log, and who reads it.
#[derive(Debug, Clone)]
pub struct SharedLogs {
    /// This process.
    pub replica: Replica,
    /// Where the positions are.
    pub store: SharedStore,
    /// Whether the store has shown that it keeps conditions: without that no log is taken.
    pub test: Arc<StoreTest>,
    /// How often a replica looks at a log that another one holds.
    pub poll: Duration,
}

/// How long the store may take for a release, and for the word that this replica leaves: a stop has an end.
const LEAVING_TIME: Duration = Duration::from_secs(5);

impl SharedLogs {
    /// Tests the store; one that is away is waited for.
    async fn wait_for_store(&self) -> Result<()> {
        loop {
            match self.test.pass(&self.store).await {
                Err(error) if error.is_temporary() => sleep(self.poll).await,
                passed => return passed,
            }
        }
    }

    /// Tells the others that this replica takes no log any more, in 5 s at most.
    pub(in super::super) async fn leave(&self) {
        if timeout(LEAVING_TIME, self.replica.leave()).await.is_err() {
            tracing::debug!(
                "the store has not answered: the others find out that this replica has left"
            );
        }
    }
}

/// The longest time in which the log of this record is taken, if no living replica holds it.
pub(in super::super) fn takeover(store: &SharedStore, record: Option<&LogRecord>) -> Duration {
    // No shorter than by the TTL of the store.
    store.takeover(record.map_or(Duration::ZERO, |record| record.ttl))
}

/// The replica that has written the record again since `before`, and lives. A record that only names its holder may be that of a dead one.
pub(in super::super) fn living_holder(
    store: &SharedStore,
    before: Option<&LogRecord>,
    now: LogRecord,
) -> Option<String> {
    let is_written = before.is_none_or(|before| before.version != now.version);
    now.holder
        .filter(|holder| is_written && holder != store.holder())
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
        let limit = takeover(&store, before.as_ref());
        if let Ok(held) = timeout(limit, self.hold(source, Share::All)).await {
            return held.map(Waited::Held);
        }
        let now = store.look(&self.name).await?;
        if let Some(holder) = now.and_then(|now| living_holder(&store, before.as_ref(), now)) {
            return Ok(Waited::Elsewhere(holder));
        }
        let detail = format!(
            "{}/{} is held by no replica that lives, and could not be taken: see whether this replica may write there",
            store.location(),
            self.name
        );
        Err(Error::temporary(ErrorKind::RemoteStorage, detail))
    }

    /// Leaves it to the replica that takes it next, in 5 s at most. Nothing of it may be underway any more.
    pub(super) async fn release(&mut self) {
        if !self.is_held() {
            return;
        }
        let Some(held) = self.held.take() else {
            return;
        };
        let released = timeout(LEAVING_TIME, held.release()).await;
        let released = released.unwrap_or_else(|_| {
            let detail = format!("{} has not answered in 5 s", self.logs.store.location());
            Err(Error::temporary(ErrorKind::RemoteStorage, detail))
        });
        if let Err(error) = released {
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

#[cfg(test)]
mod tests {
    use okta_coralogix_core::testing::{MemoryObjects, ObjectCall, ObjectFault};
    use okta_source::OktaSource;
    use tokio::time::Instant;

    use super::*;

    fn store(objects: MemoryObjects, seed: u64) -> SharedStore {
        SharedStore::new(objects).seed(seed)
    }

    fn log(store: SharedStore) -> SharedLog {
        let logs = SharedLogs {
            replica: store.join([]),
            test: Arc::default(),
            poll: SharedStore::DEFAULT_POLL,
            store,
        };
        SharedLog::new(logs, "acme")
    }

    fn source() -> OktaSourceBuilder {
        OktaSource::builder().org_url("https://acme.okta.com")
    }

    #[tokio::test(start_paused = true)]
    async fn log_of_a_dead_replica_that_cannot_be_taken_is_an_error() {
        let objects = MemoryObjects::new();
        let first = store(objects.handle(), 1);
        let held = first.acquire("acme").await.unwrap();
        let mut second = log(store(objects.clone(), 2));
        let waited = second.hold_if_free(&source()).await.unwrap();
        assert!(
            matches!(&waited, Waited::Elsewhere(holder) if *holder == first.holder()),
            "{waited:?}"
        );
        drop(held);
        objects.set_script(|call, name| {
            (call == ObjectCall::Put && name == "acme").then_some(ObjectFault::NotDone)
        });
        let error = second.hold_if_free(&source()).await.unwrap_err();
        assert!(error.is_temporary(), "{error}");
        let text = error.to_string();
        assert!(text.contains("no replica that lives"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn idle_log_of_a_dead_replica_is_taken_also_by_a_clock_that_is_slow() {
        let objects = MemoryObjects::new();
        let held = store(objects.clone(), 1).acquire("acme").await.unwrap();
        sleep(Duration::from_secs(600)).await;
        drop(held);
        let record = objects.content("acme").unwrap();
        for seed in 2..200 {
            let objects = MemoryObjects::new();
            objects.overwrite("acme", record.clone());
            let mut log = log(store(objects, seed).clock_rate(0.8));
            let waited = log.hold_if_free(&source()).await;
            assert!(matches!(waited, Ok(Waited::Held(_))), "{seed}: {waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn store_that_does_not_answer_holds_up_no_stop() {
        let objects = MemoryObjects::new();
        let store = store(objects.clone(), 1)
            .ttl(Duration::from_secs(120))
            .unwrap();
        let mut log = log(store);
        log.hold(&source(), Share::All).await.unwrap();
        objects.set_script(|_, _| Some(ObjectFault::Slow(Duration::from_secs(3600))));
        let began = Instant::now();
        log.release().await;
        assert!(began.elapsed() <= LEAVING_TIME * 2, "{:?}", began.elapsed());
        let began = Instant::now();
        log.logs.leave().await;
        assert!(began.elapsed() <= LEAVING_TIME * 2, "{:?}", began.elapsed());
    }
}
