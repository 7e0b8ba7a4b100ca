//! The position of a log that replicas share: read without taking the log, and moved by taking it.

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::checkpoint::shared::{HeldCheckpoint, LogRecord, SharedStore};
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind, Result};
use okta_source::StoredPosition;
use tokio::time::{sleep, timeout};

use crate::pull::config::{living_holder, takeover};
use crate::pull::replicas::SharedState;

/// Where the position of a log is that replicas share.
#[derive(Debug, Clone)]
pub(super) struct SharedPlace {
    pub(super) state: SharedState,
    /// The name of the log.
    pub(super) log: String,
}

impl SharedPlace {
    /// For messages.
    pub(super) fn location(&self) -> String {
        format!("{}/{}", self.state.address(), self.log)
    }

    /// The record, and the position in it; the log is not taken.
    pub(super) async fn read(&self) -> Result<(Option<LogRecord>, Option<StoredPosition>)> {
        let Some(record) = self.state.open().await?.look(&self.log).await? else {
            return Ok((None, None));
        };
        let position = match &record.checkpoint {
            Some(checkpoint) => {
                let copy = MemoryCheckpoint::default();
                copy.create(checkpoint).await.saved()?;
                StoredPosition::load(copy).await?
            }
            None => None,
        };
        Ok((Some(record), position))
    }

    /// Takes the log, unless a replica that lives holds it.
    pub(super) async fn take(&self) -> Result<HeldCheckpoint> {
        let store = self.state.open().await?;
        let before = store.look(&self.log).await?;
        let taken = async {
            tokio::select! {
                biased;
                held = store.acquire(&self.log) => held,
                holder = self.written_again(&store, before.as_ref()) => {
                    let detail = format!(
                        "{} reads this log, and moves the position itself: stop all replicas first, and start them again behind it",
                        sanitize(&holder)
                    );
                    Err(Error::new(ErrorKind::Locked, detail))
                }
            }
        };
        timeout(takeover(&store, before.as_ref()), taken)
            .await
            .unwrap_or_else(|_| {
                let detail = format!(
                    "{} cannot be written: try again once the store is there",
                    self.location()
                );
                Err(Error::new(ErrorKind::RemoteStorage, detail))
            })
    }

    /// Resolves with the name of another replica once that has written the record again: it lives.
    async fn written_again(&self, store: &SharedStore, before: Option<&LogRecord>) -> String {
        loop {
            sleep(self.state.poll()).await;
            let Ok(Some(now)) = store.look(&self.log).await else {
                continue;
            };
            if let Some(holder) = living_holder(store, before, now) {
                return holder;
            }
        }
    }
}
