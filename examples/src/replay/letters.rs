//! The dead letters of a replay: in a file, or where replicas keep them.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::checkpoint::shared::HeldCheckpoint;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterRecord, DeadLetterSource, DeadLetterTarget, DeadLetters, FileDeadLetters,
    LetterCounts, ObjectDeadLetters, StoredLetterSource,
};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{AckOrder, Delivery, EventSource, MalformedEvent, RawEvent, Result};
use tokio::time::timeout;

use super::settings::Settings;
use crate::program::Awaited;
use crate::program::args::in_setting;
use crate::program::pipeline::open_dead_letters;
use crate::program::pipeline_settings::DEAD_LETTERS;

/// Dead letters that are read, and written again if they cannot be sent.
#[derive(Debug, Clone)]
pub(super) enum Letters {
    File(FileDeadLetters),
    /// With the lease by which one replay at a time sends them.
    State(ObjectDeadLetters, HeldCheckpoint),
}

/// How long the store may take for the release of the lease: a stop has an end.
const LEAVING_TIME: Duration = Duration::from_secs(5);

/// How many letters there are, in one attempt. Changes nothing.
///
/// # Errors
/// Those of the file or store.
pub(super) async fn count(settings: &Settings) -> Result<LetterCounts> {
    match &settings.state {
        None => {
            FileDeadLetters::builder(&settings.pipeline.dead_letters)
                .count()
                .await
        }
        Some(state) => ObjectDeadLetters::new(&state.open().await?).count().await,
    }
}

const AWAITED: Awaited = Awaited {
    what: "the dead letters",
    meanwhile: "nothing is sent yet",
};

/// Asks until it is answered, or given up. The error names the setting.
pub(super) async fn ask<T>(
    settings: &Settings,
    attempt: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let asked = AWAITED.persist(Some(settings.give_up_after), attempt).await;
    asked.map_err(in_setting(DEAD_LETTERS.about.flag))
}

impl Letters {
    /// Those of the settings; of a state with the lease, which no other replay has.
    ///
    /// # Errors
    /// `Locked` while another replay runs. Those of the file or store.
    pub(super) async fn open(settings: &Settings) -> Result<Self> {
        let Some(state) = &settings.state else {
            let file = open_dead_letters(&settings.pipeline.dead_letters).await?;
            return Ok(Self::File(file));
        };
        // Once: each one that is opened is another replay, which its own lease would keep out.
        let store = state.open().await?;
        let limit = Some(settings.give_up_after);
        let checked = AWAITED.persist(limit, async || store.check().await).await;
        checked.map_err(|error| state.named(error))?;
        let lease = ask(settings, async || store.acquire_replay().await).await?;
        Ok(Self::State(ObjectDeadLetters::new(&store), lease))
    }

    pub(super) async fn source(&self) -> Result<LettersSource> {
        match self {
            Self::File(file) => DeadLetterSource::open(file).await.map(LettersSource::File),
            Self::State(objects, _) => StoredLetterSource::open(objects)
                .await
                .map(LettersSource::State),
        }
    }

    /// For messages.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(file) => file.path().to_owned(),
            Self::State(objects, _) => objects.location().into(),
        }
    }

    pub(super) fn lease(&self) -> Option<HeldCheckpoint> {
        match self {
            Self::File(_) => None,
            Self::State(_, lease) => Some(lease.clone()),
        }
    }

    /// Another replay may begin. Nothing may be underway any more.
    pub(super) async fn release(self) {
        let Self::State(_, lease) = self else {
            return;
        };
        let released = timeout(LEAVING_TIME, lease.release()).await;
        let fault = match released {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the store has not answered".to_owned(),
        };
        tracing::warn!(
            "another replay cannot begin at once: {fault}; it can when the lease has run out"
        );
    }
}

#[async_trait]
impl DeadLetters for Letters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        match self {
            Self::File(file) => file.write(letters).await,
            Self::State(objects, _) => objects.write(letters).await,
        }
    }

    fn location(&self) -> String {
        match self {
            Self::File(file) => file.location(),
            Self::State(objects, _) => objects.location(),
        }
    }
}

/// The source of them.
#[derive(Debug)]
pub(super) enum LettersSource {
    File(DeadLetterSource),
    State(StoredLetterSource),
}

impl LettersSource {
    pub(super) fn parse_with(
        self,
        parse: impl Fn(DeadLetterRecord) -> Result<RawEvent, MalformedEvent> + Send + Sync + 'static,
    ) -> Self {
        match self {
            Self::File(source) => Self::File(source.parse_with(parse)),
            Self::State(source) => Self::State(source.parse_with(parse)),
        }
    }

    pub(super) fn only(
        self,
        select: impl Fn(Option<&DeadLetterTarget>) -> bool + Send + Sync + 'static,
    ) -> Self {
        match self {
            Self::File(source) => Self::File(source.only(select)),
            Self::State(source) => Self::State(source.only(select)),
        }
    }

    pub(super) async fn integrations(&self) -> Result<LetterCounts> {
        match self {
            Self::File(source) => source.integrations().await,
            Self::State(source) => source.integrations().await,
        }
    }
}

#[async_trait]
impl EventSource for LettersSource {
    fn name(&self) -> &str {
        match self {
            Self::File(source) => source.name(),
            Self::State(source) => source.name(),
        }
    }

    fn ack_order(&self) -> AckOrder {
        match self {
            Self::File(source) => source.ack_order(),
            Self::State(source) => source.ack_order(),
        }
    }

    fn dedup_window(&self) -> DedupWindow {
        match self {
            Self::File(source) => source.dedup_window(),
            Self::State(source) => source.dedup_window(),
        }
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        match self {
            Self::File(source) => source.next().await,
            Self::State(source) => source.next().await,
        }
    }
}
