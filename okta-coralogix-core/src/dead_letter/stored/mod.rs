//! Dead letters as objects, beside the shared checkpoints of replicas.

mod object;
mod source;

pub use source::StoredLetterSource;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use self::object::LetterObject;
use super::reading::target_of;
use super::{DeadLetter, DeadLetterRecord, DeadLetters, LetterCounts};
use crate::checkpoint::shared::{Objects, PutIf, SharedStore};
use crate::{Clock, Error, ErrorKind, Result, RetryHint, SystemClock};

/// No log has such a name: it begins with a dot.
const PREFIX: &str = ".letters-";

/// The most bytes of an object, unless one letter has more.
const MOST_BYTES: usize = 1 << 20;

/// How long a call may take. No lease depends on it: it is long enough for an object of [`MOST_BYTES`] on a slow line.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Contents whose end is not known, of which the names are remembered. Those of more than these may be stored twice.
const MOST_UNKNOWN: usize = 10_000;

/// A foreign object is told by its first lines.
const FIRST_LINES: usize = 100;

/// The most letters of an object: as many as a replay has in one delivery.
const MOST_LETTERS: usize = 1_000;

/// Dead letters as objects of a [`SharedStore`]: each write is one object or several, `.letters-<time>-<replica>-<random>-<number>`, with
/// a [`DeadLetterRecord`] a line (NDJSON). Clones write under one numbering.
///
/// * **Durable.** A letter is kept once the put of its object was confirmed. A store that is away, or refuses, is an error that is
///   [temporary](Error::is_temporary): the pipeline tries again, and the event is not settled.
/// * **Shared.** The names of each of these stores are its own, and an object is only ever created: no two of them write one.
/// * **Once.** After an error the object is read: if it is there, it was stored. Letters that are written again have the objects that they
///   had at first. A letter whose write has failed, and was stored all the same, may be sent by a replay before it is written again.
///
/// [`StoredLetterSource`] reads them. An object has 1 MiB and 1,000 letters at most, or one letter that is larger.
#[derive(Debug, Clone)]
pub struct ObjectDeadLetters {
    store: Arc<Store>,
}

#[derive(Debug)]
struct Store {
    objects: Arc<dyn Objects>,
    /// What the names begin with that this process gives.
    prefix: String,
    next: AtomicU64,
    /// The names of objects whose write has not ended well, by the digest of their content.
    unknown: Mutex<HashMap<Digested, String>>,
}

type Digested = [u8; 32];

impl ObjectDeadLetters {
    /// In the place of `shared`, under the name of its replica.
    #[must_use]
    pub fn new(shared: &SharedStore) -> Self {
        // Those of replicas that began later are read later.
        let began = SystemClock.now().timestamp_millis().max(0);
        let (holder, random) = (shared.object_holder(), fastrand::u32(..));
        let store = Store {
            objects: Arc::clone(shared.objects()),
            prefix: format!("{PREFIX}{began:013}-{holder}-{random:08x}-"),
            next: AtomicU64::new(1),
            unknown: Mutex::default(),
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
        self.count_of(&self.names().await?, |_| true).await
    }

    /// Counts the lines that `takes` takes.
    async fn count_of(
        &self,
        names: &[String],
        takes: impl Fn(&[u8]) -> bool,
    ) -> Result<LetterCounts> {
        let mut counts = LetterCounts::new();
        for name in names {
            let Some(object) = self.read(name).await? else {
                continue;
            };
            for line in object.lines().iter().filter(|line| takes(&line.bytes)) {
                let integration = target_of(&line.bytes).map(|target| target.integration);
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

    /// `None`: all of it was settled, or it is an object of others.
    async fn read(&self, name: &str) -> Result<Option<Arc<LetterObject>>> {
        let Some(found) = self.within(self.store.objects.get(name)).await? else {
            return Ok(None);
        };
        let object = LetterObject::new(self.clone(), name, found);
        let mut first = object.lines().iter().take(FIRST_LINES);
        if !first.any(|line| DeadLetterRecord::from_line(&line.bytes).is_ok()) {
            tracing::warn!(
                object = name,
                location = self.store.objects.location(),
                "this object has no dead letter among its first lines: it is left alone; remove it, if nobody needs it"
            );
            return Ok(None);
        }
        Ok(Some(Arc::new(object)))
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(CALL_LIMIT, call).await.unwrap_or_else(|_| {
            let detail = format!(
                "{} has not answered in {} s: check the store, and the way to it",
                self.location(),
                CALL_LIMIT.as_secs()
            );
            Err(Error::temporary(ErrorKind::RemoteStorage, detail))
        })
    }

    /// Under the name that this content had before, if its end is not known.
    async fn keep(&self, digest: Digested, bytes: Bytes) -> Result<()> {
        let name = self.name_of(digest);
        let put = self.store.objects.put(&name, bytes.clone(), PutIf::Absent);
        let Err(error) = self.within(put).await else {
            return Ok(());
        };
        // No error is evidence. A replay may have taken letters out meanwhile.
        match self.within(self.store.objects.get(&name)).await {
            Ok(Some(found)) if has_all_lines(&bytes, &found.bytes) => Ok(()),
            found => {
                if let Ok(Some(_)) = found {
                    // Of others: the next attempt has a name of its own.
                    self.unknown().remove(&digest);
                }
                // A store that refuses may take it later: the events wait.
                Err(error.with_retry(RetryHint::Backoff))
            }
        }
    }

    fn name_of(&self, digest: Digested) -> String {
        let mut unknown = self.unknown();
        if unknown.len() >= MOST_UNKNOWN {
            unknown.clear();
        }
        let name = unknown.entry(digest).or_insert_with(|| {
            let number = self.store.next.fetch_add(1, Ordering::Relaxed);
            format!("{}{number:010}", self.store.prefix)
        });
        name.clone()
    }

    fn unknown(&self) -> MutexGuard<'_, HashMap<Digested, String>> {
        let unknown = self.store.unknown.lock();
        unknown.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each line of `part` is one of `whole`.
fn has_all_lines(whole: &[u8], part: &[u8]) -> bool {
    let lines = |bytes| <[u8]>::split(bytes, |byte| *byte == b'\n');
    let known: HashSet<_> = lines(whole).collect();
    lines(part).all(|line| known.contains(line))
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
        let contents = contents(letters)?.into_iter();
        let contents: Vec<(Digested, _)> = contents
            .map(|content| (Sha256::digest(&content).into(), content))
            .collect();
        for (digest, content) in &contents {
            self.keep(*digest, content.clone()).await?;
        }
        // Not before all are stored: after an error all of them are written again.
        let mut unknown = self.unknown();
        for (digest, _) in contents {
            unknown.remove(&digest);
        }
        Ok(())
    }

    fn location(&self) -> String {
        format!("{}/{PREFIX}*", self.store.objects.location())
    }
}
