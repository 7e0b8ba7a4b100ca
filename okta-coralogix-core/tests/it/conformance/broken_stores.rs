//! Checkpoint stores that break one rule each do not pass.

use async_trait::async_trait;
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, Version, Versioned};
use okta_coralogix_core::testing::{MemoryCheckpoint, conformance};
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::task::yield_now;

use super::violates;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// Loads the version, compares it, and then writes.
    CheckThenWrite,
    /// Writes whatever is expected.
    Unconditional,
    StaleIsTemporary,
    StaleIsStored,
    OneVersion,
    NotDurable,
}

#[derive(Debug)]
struct Broken(MemoryCheckpoint, Flaw);

impl Broken {
    async fn current(&self) -> Result<Option<Version>> {
        Ok(self.0.load().await?.map(|found| found.version))
    }

    async fn overwrite(&self, checkpoint: &Checkpoint) -> Result<Version> {
        let current = self.current().await?;
        self.0.save(checkpoint, current.as_ref()).await
    }
}

#[async_trait]
impl CheckpointStore for Broken {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        let mut found = self.0.load().await?;
        if let (Some(found), Flaw::OneVersion) = (&mut found, self.1) {
            found.version = Version("1".to_owned());
        }
        Ok(found)
    }

    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> Result<Version> {
        match self.1 {
            Flaw::CheckThenWrite => {
                if self.current().await?.as_ref() != expected {
                    return Err(Error::new(ErrorKind::Conflict, "another one has written"));
                }
                yield_now().await;
                self.overwrite(checkpoint).await
            }
            Flaw::Unconditional => self.overwrite(checkpoint).await,
            Flaw::StaleIsTemporary => {
                let saved = self.0.save(checkpoint, expected).await;
                saved.map_err(|error| Error::temporary(ErrorKind::Storage, error.detail()))
            }
            Flaw::StaleIsStored => match self.0.save(checkpoint, expected).await {
                Err(stale) => {
                    self.overwrite(checkpoint).await?;
                    Err(stale)
                }
                saved => saved,
            },
            Flaw::OneVersion => {
                let found = self.load().await?;
                if found.map(|found| found.version).as_ref() != expected {
                    return Err(Error::new(ErrorKind::Conflict, "another one has written"));
                }
                self.overwrite(checkpoint).await?;
                Ok(Version("1".to_owned()))
            }
            Flaw::NotDurable => self.0.save(checkpoint, expected).await,
        }
    }
}

#[tokio::test]
async fn broken_checkpoint_store_fails_with_the_rule_that_it_breaks() {
    for (flaw, number) in [
        (Flaw::CheckThenWrite, 3),
        (Flaw::Unconditional, 3),
        (Flaw::StaleIsTemporary, 3),
        (Flaw::StaleIsStored, 3),
        (Flaw::OneVersion, 2),
        (Flaw::NotDurable, 1),
    ] {
        let memory = MemoryCheckpoint::default();
        let open = || {
            let memory = match flaw {
                Flaw::NotDurable => MemoryCheckpoint::default(),
                _ => memory.clone(),
            };
            async move { Broken(memory, flaw) }
        };
        let suite = conformance::checkpoint_store(open);
        violates("CheckpointStore", number, suite, &format!("{flaw:?}")).await;
    }
}
