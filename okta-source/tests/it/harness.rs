//! An org, a checkpoint and a clock to test with.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned,
};
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::testing::TestClock;
use okta_coralogix_core::{Clock, Delivery, Error, ErrorKind, EventSource, Outcome, Result};
use okta_source::simulator::{OktaSimulator, OktaSimulatorBuilder};
use okta_source::{OktaSource, OktaSourceBuilder};

pub(crate) const TOKEN: &str = "00s3cr3t-t0k3n";
pub(crate) const ORG: &str = "https://example.okta.com";

pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) org: OktaSimulator,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(|org| org)
    }

    pub(crate) fn with(
        settings: impl FnOnce(OktaSimulatorBuilder) -> OktaSimulatorBuilder,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TestClock::starting_at(start()));
        let org = OktaSimulator::builder()
            .token(TOKEN)
            .clock(Arc::clone(&clock))
            .rate_limit(10_000);
        Self {
            org: settings(org).build(),
            store: Arc::default(),
            clock,
        }
    }

    pub(crate) fn builder(&self) -> OktaSourceBuilder {
        OktaSource::builder()
            .org_url(ORG)
            .api_token(TOKEN)
            .checkpoint(Arc::clone(&self.store) as Arc<dyn CheckpointStore>)
            .clock(Arc::clone(&self.clock))
            .transport(Arc::new(self.org.clone()))
    }

    pub(crate) async fn open(&self) -> OktaSource {
        self.builder().open().await.unwrap()
    }

    /// A source, and what it reports.
    pub(crate) async fn observed(&self) -> (OktaSource, Recorder) {
        let recorder = Recorder::default();
        let builder = self.builder().observer(recorder.clone());
        (builder.open().await.unwrap(), recorder)
    }

    /// Events with the numbers `range`, published a minute ago.
    pub(crate) fn append(&self, range: std::ops::Range<u32>) {
        self.org
            .append_all(range.map(|number| event(number, self.org.now() - TimeDelta::minutes(1))));
    }

    /// The path and query of the last request.
    pub(crate) fn last_request(&self) -> String {
        self.org.requests().last().unwrap().path_and_query.clone()
    }
}

pub(crate) fn event(number: u32, published: DateTime<Utc>) -> String {
    let published = published.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    format!(r#"{{"uuid":"{number}","published":"{published}","eventType":"user.session.start"}}"#)
}

/// The numbers of the events of a delivery.
pub(crate) fn numbers(delivery: &Delivery) -> Vec<u32> {
    let uuid = |event: &okta_coralogix_core::RawEvent| event.uuid().unwrap().parse().unwrap();
    delivery.items.iter().flatten().map(uuid).collect()
}

pub(crate) async fn given(source: &mut OktaSource) -> Delivery {
    source.next().await.unwrap().expect("a delivery")
}

pub(crate) async fn failed(source: &mut OktaSource) -> Error {
    source.next().await.expect_err("an error")
}

pub(crate) async fn settle(delivery: Delivery) -> Result<()> {
    let outcomes = vec![Outcome::Settled; delivery.items.len()];
    delivery.acker.settle(&outcomes).await
}

/// Settles a delivery as a pipeline does: its uuids are remembered.
pub(crate) async fn remember(source: &impl EventSource, delivery: Delivery) {
    for event in delivery.items.iter().flatten() {
        if let Claim::New(held) = source.dedup_window().claim(&event.uuid().unwrap()) {
            held.remember();
        }
    }
    settle(delivery).await.unwrap();
}

/// Records the events that a source reports.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<String>>>);

impl Observer for Recorder {
    fn observe(&self, _context: &PipelineContext<'_>, signal: &PipelineEvent<'_>) {
        self.0.lock().unwrap().push(format!("{signal:?}"));
    }
}

impl Recorder {
    /// Every signal of that name.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let said = self.0.lock().unwrap();
        let named = |signal: &&String| signal.starts_with(name);
        said.iter().filter(named).cloned().collect()
    }
}

/// A checkpoint in memory whose saves can be made to fail.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    record: Option<Versioned<Checkpoint>>,
    saves: usize,
    next: Next,
}

/// The result of the next save.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    #[default]
    Save,
    Fail(ErrorKind),
    HangBefore,
    HangAfter,
}

impl MemoryStore {
    pub(crate) fn next_save(&self, next: Next) {
        self.0.lock().unwrap().next = next;
    }

    /// The committed link.
    pub(crate) fn cursor(&self) -> Option<String> {
        self.stored().filter(|cursor| !cursor.ends_with("#start"))
    }

    /// The committed link, or the start in its place.
    pub(crate) fn stored(&self) -> Option<String> {
        let memory = self.0.lock().unwrap();
        let record = memory.record.as_ref();
        record.map(|record| record.value.cursor.clone())
    }

    pub(crate) fn published_ms(&self) -> Option<i64> {
        self.0.lock().unwrap().record.as_ref()?.value.published_ms
    }

    pub(crate) fn identity(&self) -> Option<String> {
        let memory = self.0.lock().unwrap();
        memory
            .record
            .as_ref()
            .map(|record| record.value.identity.clone())
    }

    pub(crate) fn saves(&self) -> usize {
        self.0.lock().unwrap().saves
    }

    /// Another process writes.
    pub(crate) fn write(&self, cursor: &str) {
        let mut memory = self.0.lock().unwrap();
        memory.saves += 100;
        let version = Version::new(memory.saves.to_string());
        let record = memory.record.as_mut().unwrap();
        record.version = version;
        record.value.cursor = cursor.to_owned();
    }

    fn store(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        let mut memory = self.0.lock().unwrap();
        if memory.record.as_ref().map(|record| &record.version) != expected {
            return SaveOutcome::Lost(memory.record.clone());
        }
        memory.saves += 1;
        let version = Version::new(memory.saves.to_string());
        memory.record = Some(Versioned::new(checkpoint.clone(), version.clone()));
        SaveOutcome::Saved(version)
    }

    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        let next = std::mem::take(&mut self.0.lock().unwrap().next);
        match next {
            Next::Save => self.store(checkpoint, expected),
            Next::Fail(kind) => SaveOutcome::Unknown(Error::new(kind, "the disk says no")),
            Next::HangBefore => std::future::pending().await,
            Next::HangAfter => {
                drop(self.store(checkpoint, expected));
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl CheckpointStore for MemoryStore {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        Ok(self.0.lock().unwrap().record.clone())
    }

    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
        self.save(checkpoint, None).await
    }

    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.save(checkpoint, Some(expected)).await
    }
}
