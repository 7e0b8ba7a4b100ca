//! The account of a file: which of its lines are settled, in a file beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::Result;
use crate::dead_letter::names;
use crate::disk::{Disk, DiskLock, failed, folder_of};

/// Bytes that are read at once.
const PIECE: u64 = 4 * 1024 * 1024;

const FORMAT: &str = "okta-coralogix replay";

/// The first line: which file it is about. A number can be taken again once its file is gone.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    format: String,
    length: u64,
    sha256: String,
}

/// Every other line: ranges of settled lines in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Settled {
    settled: Vec<(u64, u64)>,
}

/// The account of one file.
#[derive(Debug, Clone)]
pub(super) struct Account {
    store: Arc<Store>,
}

#[derive(Debug)]
struct Store {
    disk: Arc<dyn Disk>,
    /// The lock of the replay: pending writes of a dropped replay must finish before the next one begins.
    _lock: Arc<dyn DiskLock>,
    path: PathBuf,
    /// True if the last write failed, so that its line may be torn.
    torn: Mutex<bool>,
}

impl Account {
    /// What is settled in the file at `path`: end by start. Changes nothing.
    pub(super) async fn settled(disk: &dyn Disk, path: &Path) -> Result<BTreeMap<u64, u64>> {
        let at = |error| failed("read", path, error);
        let head = head_of(disk, path).await.map_err(at)?;
        let account = names::account_file(path);
        let ranges = stored(disk, &account, &head).await.map_err(at)?;
        Ok(joined(ranges.unwrap_or_default()).into_iter().collect())
    }

    /// The account of the file at `path`, and what is settled in it: end by start.
    pub(super) async fn open(
        disk: Arc<dyn Disk>,
        lock: Arc<dyn DiskLock>,
        path: PathBuf,
    ) -> Result<(Self, BTreeMap<u64, u64>)> {
        let path = &*path;
        let account = names::account_file(path);
        let at = |error| failed("read", path, error);
        let head = head_of(&*disk, path).await.map_err(at)?;
        let at = |error| failed("write", &account, error);
        let mut settled = BTreeMap::new();
        match stored(&*disk, &account, &head).await.map_err(at)? {
            Some(ranges) => settled.extend(joined(ranges)),
            None => {
                let mut line = serde_json::to_vec(&head)
                    .map_err(io::Error::other)
                    .map_err(at)?;
                line.push(b'\n');
                disk.write(&account, line.into()).await.map_err(at)?;
                disk.sync_folder(folder_of(&account)).await.map_err(at)?;
            }
        }
        let store = Store {
            disk,
            _lock: lock,
            path: account,
            // The last replay may have died half way through a line.
            torn: Mutex::new(true),
        };
        let store = Arc::new(store);
        Ok((Self { store }, settled))
    }

    /// Records that lines are settled. Durable once it returns; the write finishes even if the future is dropped.
    pub(super) async fn settle(&self, ranges: &[(u64, u64)]) -> Result<()> {
        if ranges.is_empty() {
            return Ok(());
        }
        let settled = Settled {
            settled: joined(ranges.to_vec()),
        };
        let store = Arc::clone(&self.store);
        let written = detached(async move { store.append(&settled).await }).await;
        written.map_err(|error| failed("write", &self.store.path, error))
    }

    /// Removes the file at `path` and then its account: an account without its file is no loss.
    ///
    /// What was begun is finished even if the future is dropped, and the lock is held until then: another replay that has it may meet a
    /// new file of the same number.
    pub(super) async fn remove_with(&self, path: PathBuf) -> Result<()> {
        let (store, file) = (Arc::clone(&self.store), path.clone());
        let removed = detached(async move { store.remove_with(&file).await }).await;
        removed.map_err(|error| failed("remove", &path, error))
    }
}

/// Runs to its end even if the future is dropped.
async fn detached(job: impl Future<Output = io::Result<()>> + Send + 'static) -> io::Result<()> {
    tokio::spawn(job).await.map_err(io::Error::other).flatten()
}

impl Store {
    async fn append(&self, settled: &Settled) -> io::Result<()> {
        let mut torn = self.torn.lock().await;
        let mut line = Vec::new();
        // A blank line is passed over.
        if *torn {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, settled)?;
        line.push(b'\n');
        *torn = true;
        self.disk.append(&self.path, vec![line.into()]).await?;
        *torn = false;
        Ok(())
    }

    async fn remove_with(&self, file: &Path) -> io::Result<()> {
        self.disk.remove(file).await?;
        self.disk.sync_folder(folder_of(file)).await?;
        self.disk.remove(&self.path).await
    }
}

/// The identity of a file, by its content.
async fn head_of(disk: &dyn Disk, path: &Path) -> io::Result<Head> {
    let mut hash = Sha256::new();
    let mut length = 0;
    loop {
        let piece = disk.read(path, length, PIECE).await?;
        hash.update(&piece);
        length += piece.len() as u64;
        if (piece.len() as u64) < PIECE {
            break;
        }
    }
    let digest = hash.finalize();
    Ok(Head {
        format: FORMAT.into(),
        length,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// The settled ranges; `None` if the account is missing, or another file's.
async fn stored(
    disk: &dyn Disk,
    account: &Path,
    head: &Head,
) -> io::Result<Option<Vec<(u64, u64)>>> {
    let text = match disk.read(account, 0, u64::MAX).await {
        Ok(text) => Bytes::from(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    if serde_json::from_slice::<Head>(first).ok().as_ref() != Some(head) {
        return Ok(None);
    }
    // A line that is torn was never relied on: its letters are given again.
    let settled = lines.filter_map(|line| serde_json::from_slice::<Settled>(line).ok());
    Ok(Some(settled.flat_map(|line| line.settled).collect()))
}

/// Ranges that touch or overlap become one.
fn joined(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}
