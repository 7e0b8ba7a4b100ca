//! Dead letters as objects, beside the shared checkpoints of replicas.

mod object;
mod source;

pub use source::StoredLetterSource;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use self::object::LetterObject;
use super::{DeadLetter, DeadLetterRecord, DeadLetters, LetterCounts};
use crate::checkpoint::shared::{Objects, PutIf, SharedStore};
use crate::{Clock, Error, ErrorKind, Result, SystemClock};

/// No log has such a name: it begins with a dot.
const PREFIX: &str = ".letters-";

/// The most bytes of an object, unless one letter has more.
const MOST_BYTES: usize = 4 << 20;

/// The most letters of an object: as many as a replay has in one delivery.
const MOST_LETTERS: usize = 1_000;

/// Dead letters as objects of a [`SharedStore`]: each write is one object or several, `.letters-<time>-<replica>-<number>`, with a
/// [`DeadLetterRecord`] a line (NDJSON). Clones write under one numbering.
///
/// * **Durable.** A letter is kept once the put of its object was confirmed. A store that is away is an error that is
///   [temporary](Error::is_temporary): the pipeline tries again, and the event is not settled.
/// * **Shared.** The name of a replica is its own, and an object is only ever created: no two replicas write one.
/// * **Once.** After an error the object is read: if it is there, it was stored. Letters that are written again have the object that they
///   had at first.
///
/// [`StoredLetterSource`] reads them. An object has 4 MiB and 1,000 letters at most, or one letter that is larger.
#[derive(Debug, Clone)]
pub struct ObjectDeadLetters {
    store: Arc<Store>,
}

#[derive(Debug)]
struct Store {
    objects: Arc<dyn Objects>,
    /// How long a call may take.
    limit: Duration,
    /// What the names begin with that this process gives.
    prefix: String,
    next: AtomicU64,
    /// The names of objects that may not be stored, by the digest of their content.
    failed: Mutex<HashMap<[u8; 32], String>>,
}

impl ObjectDeadLetters {
    /// In the place of `shared`, under the name of its replica.
    #[must_use]
    pub fn new(shared: &SharedStore) -> Self {
        // Those of replicas that began later are read later.
        let began = SystemClock.now().timestamp_millis().max(0);
        let store = Store {
            objects: Arc::clone(shared.objects()),
            limit: shared.call_limit(),
            prefix: format!("{PREFIX}{began:013}-{}-", shared.object_holder()),
            next: AtomicU64::new(1),
            failed: Mutex::default(),
        };
        Self {
            store: Arc::new(store),
        }
    }

    /// How many letters each integration has; `None`: letters without a target. Reads all of them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn count(&self) -> Result<LetterCounts> {
        self.count_of(&self.names().await?).await
    }

    async fn count_of(&self, names: &[String]) -> Result<LetterCounts> {
        let mut counts = LetterCounts::new();
        for name in names {
            let Some(object) = self.read(name).await? else {
                continue;
            };
            for line in object.lines() {
                let record = DeadLetterRecord::from_line(&line.bytes).ok();
                let target = record.and_then(|record| record.target);
                let integration = target.map(|target| target.integration);
                *counts.entry(integration).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// The objects, the oldest first.
    async fn names(&self) -> Result<Vec<String>> {
        let mut names = self.within(self.store.objects.names(PREFIX)).await?;
        names.sort();
        Ok(names)
    }

    /// `None`: all of it was settled.
    async fn read(&self, name: &str) -> Result<Option<Arc<LetterObject>>> {
        let found = self.within(self.store.objects.get(name)).await?;
        Ok(found.map(|found| Arc::new(LetterObject::new(self.clone(), name, found))))
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.store.limit;
        timeout(limit, call).await.unwrap_or_else(|_| {
            let detail = format!(
                "{} has not answered in {} ms, and is asked again",
                self.location(),
                limit.as_millis()
            );
            Err(Error::temporary(ErrorKind::RemoteStorage, detail))
        })
    }

    async fn keep(&self, bytes: Bytes) -> Result<()> {
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let known = self.failed().get(&digest).cloned();
        let name = known.unwrap_or_else(|| {
            let number = self.store.next.fetch_add(1, Ordering::Relaxed);
            format!("{}{number:010}", self.store.prefix)
        });
        // Also if this future is dropped.
        self.failed().insert(digest, name.clone());
        let put = self.store.objects.put(&name, bytes, PutIf::Absent);
        if let Err(error) = self.within(put).await {
            // No error is evidence. What is there under this name is of this process, or what a replay has left of it.
            match self.within(self.store.objects.get(&name)).await {
                Ok(Some(_)) => {}
                _ => return Err(error),
            }
        }
        self.failed().remove(&digest);
        Ok(())
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], String>> {
        self.store
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The contents of the objects of these letters.
fn contents(letters: &[DeadLetter]) -> Result<Vec<Bytes>> {
    let (mut contents, mut content, mut count) = (Vec::new(), Vec::new(), 0);
    for letter in letters {
        let line = serde_json::to_vec(&DeadLetterRecord::from(letter));
        let line = line.map_err(|error| Error::new(ErrorKind::Storage, error.to_string()))?;
        let is_full = content.len() + line.len() > MOST_BYTES || count == MOST_LETTERS;
        if is_full && count > 0 {
            contents.push(std::mem::take(&mut content).into());
            count = 0;
        }
        content.extend(line);
        content.push(b'\n');
        count += 1;
    }
    contents.push(content.into());
    Ok(contents)
}

#[async_trait]
impl DeadLetters for ObjectDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        for content in contents(letters)? {
            self.keep(content).await?;
        }
        Ok(())
    }

    fn location(&self) -> String {
        format!("{}/{PREFIX}*", self.store.objects.location())
    }
}
