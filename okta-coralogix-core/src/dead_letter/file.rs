//! Dead letters in a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;

use super::{DeadLetter, DeadLetterRecord, DeadLetters};
use crate::disk::{Disk, DiskLock, OsDisk, failed, folder_of, sibling, unresolved};
use crate::{Error, ErrorKind, Result};

/// How long to wait for other writers of the same file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Dead letters in a file: one JSON object per line (NDJSON), see [`DeadLetterRecord`].
///
/// * **Durable.** Letters are synced before `write` returns. A full disk is an error, so that the event is not
///   acknowledged.
/// * **Shared.** Any number of handles and processes may write to one file: each batch is written under an
///   operating-system lock on `<file>.lock` (freed by the kernel when a process dies), each record with one append.
/// * **Readable.** A line that a crash or a full disk has torn is ended before anything is written behind it; its
///   bytes stay.
/// * **Rotated, never deleted.** Before a batch would make the file larger than [`rotate_at`](FileDeadLettersBuilder::rotate_at),
///   it is renamed to `<file>.1`, the next one to `<file>.2` and so on: the highest number is the youngest.
///
/// All files are created with mode 0600: they hold personal data.
///
/// # Cancel safety
/// If its future is dropped, a write finishes all the same.
#[derive(Debug, Clone)]
pub struct FileDeadLetters {
    store: Arc<Store>,
}

/// Settings of [`FileDeadLetters`].
#[derive(Debug, Clone)]
pub struct FileDeadLettersBuilder {
    path: PathBuf,
    rotate_at: u64,
    disk: Arc<dyn Disk>,
}

impl FileDeadLettersBuilder {
    /// The size in bytes that a file is not to exceed; 64 MiB by default. A batch that is larger by itself has a file of
    /// its own.
    #[must_use]
    pub fn rotate_at(mut self, bytes: u64) -> Self {
        self.rotate_at = bytes;
        self
    }

    /// Another disk.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// Creates the file if it is missing, checks that it can be written, and ends a torn last line.
    ///
    /// # Errors
    /// `Config` if the folder does not exist, `Storage` if the file cannot be written.
    pub async fn open(self) -> Result<FileDeadLetters> {
        let resolved = self.disk.resolve(&self.path).await;
        let store = Store {
            path: resolved.map_err(|error| unresolved("dead letters", &self.path, error))?,
            rotate_at: self.rotate_at,
            disk: self.disk,
            busy: Mutex::new(()),
        };
        store.write(Vec::new()).await?;
        Ok(FileDeadLetters {
            store: Arc::new(store),
        })
    }
}

impl FileDeadLetters {
    /// Dead letters in the file at `path`, whose folder must exist.
    #[must_use]
    pub fn builder(path: impl Into<PathBuf>) -> FileDeadLettersBuilder {
        FileDeadLettersBuilder {
            path: path.into(),
            rotate_at: 64 * 1024 * 1024,
            disk: Arc::new(OsDisk),
        }
    }

    /// [`builder`](Self::builder) with nothing set.
    ///
    /// # Errors
    /// As [`FileDeadLettersBuilder::open`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(path).open().await
    }

    /// The file, by its absolute name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.store.path
    }

    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.store.disk
    }

    /// Rotates the current file unless it is empty; returns all rotated files, the oldest first.
    pub(super) async fn rotate_now(&self) -> Result<Vec<PathBuf>> {
        self.store.rotate_now().await
    }
}

#[async_trait]
impl DeadLetters for FileDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        let lines = letters.iter().map(line).collect::<Result<_>>()?;
        let store = Arc::clone(&self.store);
        let write = tokio::spawn(async move { store.write(lines).await });
        write.await.map_err(|error| {
            Error::new(
                ErrorKind::Storage,
                "writing the dead letters was interrupted",
            )
            .with_source(error)
        })?
    }

    fn location(&self) -> String {
        self.store.path.display().to_string()
    }
}

fn line(letter: &DeadLetter) -> Result<Bytes> {
    let mut line = serde_json::to_vec(&DeadLetterRecord::from(letter)).map_err(|error| {
        Error::new(
            ErrorKind::Storage,
            "a dead letter cannot be written as JSON",
        )
        .with_source(error)
    })?;
    line.push(b'\n');
    Ok(line.into())
}

#[derive(Debug)]
struct Store {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    rotate_at: u64,
    /// Taken before the file lock, so that the writes of one handle queue here instead of polling for it.
    busy: Mutex<()>,
}

impl Store {
    /// Locks the file against other handles and processes.
    async fn lock(&self) -> Result<Box<dyn DiskLock>> {
        let lock = sibling(&self.path, ".lock");
        let held = self.disk.lock(&lock, LOCK_TIMEOUT).await;
        held.map_err(|error| failed("lock", &lock, error))?
            .ok_or_else(|| stuck(&self.path))
    }

    async fn write(&self, mut lines: Vec<Bytes>) -> Result<()> {
        let _busy = self.busy.lock().await;
        let _held = self.lock().await?;
        let mut length = self.length().await?;
        let added: u64 = lines.iter().map(|line| line.len() as u64).sum();
        if length.is_some_and(|length| length > 0 && length + added > self.rotate_at) {
            self.rotate().await?;
            length = None;
        }
        if let Some(last) = length.and_then(|length| length.checked_sub(1)) {
            let last = self.disk.read(&self.path, last, 1).await;
            if last.map_err(|error| failed("read", &self.path, error))? != b"\n" {
                lines.insert(0, Bytes::from_static(b"\n"));
            }
        }
        let appended = self.disk.append(&self.path, lines).await;
        appended.map_err(|error| failed("write", &self.path, error))?;
        // Each time: the process that created or renamed the file may have died before this.
        self.sync_folder().await
    }

    /// See [`FileDeadLetters::rotate_now`].
    async fn rotate_now(&self) -> Result<Vec<PathBuf>> {
        let _busy = self.busy.lock().await;
        let _held = self.lock().await?;
        if self.length().await?.is_some_and(|length| length > 0) {
            self.rotate().await?;
            self.sync_folder().await?;
        }
        let numbers = self.numbers().await?;
        Ok(numbers
            .into_iter()
            .map(|number| self.numbered(number))
            .collect())
    }

    async fn sync_folder(&self) -> Result<()> {
        let synced = self.disk.sync_folder(folder_of(&self.path)).await;
        synced.map_err(|error| failed("sync the folder of", &self.path, error))
    }

    async fn length(&self) -> Result<Option<u64>> {
        match self.disk.len(&self.path).await {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path, error)),
        }
    }

    /// Gives the file the next number. The caller holds the lock, so no other process uses that number.
    async fn rotate(&self) -> Result<()> {
        let last = self.numbers().await?.last().copied().unwrap_or(0);
        let next = last.checked_add(1).ok_or_else(|| {
            let taken = io::Error::other("the last number is taken");
            failed("rotate", &self.path, taken)
        })?;
        let renamed = self.disk.rename(&self.path, &self.numbered(next)).await;
        renamed.map_err(|error| failed("rotate", &self.path, error))
    }

    /// The numbers of the files that were rotated away, ascending.
    async fn numbers(&self) -> Result<Vec<u64>> {
        let names = self.disk.names(folder_of(&self.path)).await;
        let names = names.map_err(|error| failed("list the folder of", &self.path, error))?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let number = |other: &String| {
            let number = other.strip_prefix(&*name)?.strip_prefix('.')?;
            number.parse::<u64>().ok()
        };
        let mut numbers: Vec<_> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn numbered(&self, number: u64) -> PathBuf {
        sibling(&self.path, &format!(".{number}"))
    }
}

fn stuck(path: &Path) -> Error {
    Error::temporary(
        ErrorKind::Storage,
        format!(
            "another process has held the lock of the dead letters {} for {} s: see whether it hangs, or give this one a file of its own",
            path.display(),
            LOCK_TIMEOUT.as_secs()
        ),
    )
}
