//! A checkpoint in a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned, record};
use crate::disk::{Disk, DiskLock, OsDisk, ReadOnlyDisk, failed, folder_of, sibling, unresolved};
use crate::{Error, ErrorKind, Result};

/// Far beyond any checkpoint; keeps a wrong file from filling the memory.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// One checkpoint in one file, for one process at a time.
///
/// * **Atomic and durable.** A save writes `<file>.tmp`, syncs it, renames it over `<file>` and syncs the folder. A
///   crash or a full disk leaves the old record; a leftover `<file>.tmp` is harmless.
/// * **Alone.** From [`open`](Self::open) on it holds an operating-system lock on `<file>.lock` for as long as it
///   lives; the kernel frees it when the process dies, however that happens. A second one on the same file, of this
///   process or another, ends with [`Locked`](ErrorKind::Locked). The lock file stays; do not delete it while in use.
/// * **Told from an absent folder.** Where the file and its lock file are both missing, the folder is away, as a network
///   file system that is not mounted: a temporary [`Storage`](ErrorKind::Storage), never a fresh start or
///   [`Lost`](SaveOutcome::Lost).
/// * **Checked.** The record carries its format, a version, a generation and a CRC-32 over all of these. A file that is
///   torn, empty, altered or foreign is [`Corrupt`](ErrorKind::Corrupt), never a silent restart.
///
/// All files are created with mode 0600, and those that are there get it when the store is opened. Each save writes the whole record: about 320 KB with the default window of
/// 20,000 uuids (16 bytes each, and some hundred for the rest). Its first two lines are JSON, to be read with `head -n 2`;
/// the packed uuids follow. Of the stored record a save reads the generation only: a caller that knows it has read the whole
/// before, and the save replaces a rest that was damaged since.
///
/// Folders shared over a network must support locks and atomic renames.
#[derive(Debug, Clone)]
pub struct FileCheckpoint {
    store: Arc<Store>,
}

impl FileCheckpoint {
    /// Takes the lock of the checkpoint at `path`. The file need not exist, its folder must.
    ///
    /// # Errors
    /// `Locked` if it is in use, `Config` if the folder does not exist, `Storage` if the lock file cannot be written.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Arc::new(OsDisk)).await
    }

    /// Opens a record for one who only looks at it, and may be another user: nothing is created or changed, a lock file included, and every
    /// save fails.
    ///
    /// # Errors
    /// `Locked` if a process has opened it to write, `Config` if the folder does not exist, `Storage` if the lock file cannot be read.
    pub async fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Arc::new(ReadOnlyDisk)).await
    }

    /// As [`open`](Self::open), on another disk.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub async fn open_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>) -> Result<Self> {
        let given = path.as_ref();
        let path = disk
            .resolve(given)
            .await
            .map_err(|error| unresolved("checkpoint", given, error))?;
        let lock = lock_file(&path);
        let guard = match disk.lock(&lock, Duration::ZERO).await {
            Ok(Some(guard)) => guard,
            Ok(None) => return Err(locked(&path)),
            Err(error) => return Err(failed("lock", &lock, error)),
        };
        let closed = disk.close_to_others(&lock).await;
        closed.map_err(|error| failed("use", &lock, error))?;
        Ok(Self {
            store: Arc::new(Store {
                disk,
                path,
                busy: Arc::default(),
                is_renamed: AtomicBool::new(false),
                _guard: guard,
            }),
        })
    }

    /// All files that a store at this path writes, by name: the record, a new record, and the lock.
    #[must_use]
    pub fn files_at(path: &Path) -> [PathBuf; 3] {
        [path.to_owned(), temporary_file(path), lock_file(path)]
    }

    /// The file, by its absolute name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.store.path
    }

    /// If its future is dropped, a save finishes all the same, and the next load or save waits for it.
    async fn save(&self, checkpoint: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        let body = match record::write_body(checkpoint) {
            Ok(body) => body,
            Err(error) => {
                return SaveOutcome::Unknown(failed("write", &self.store.path, error.into()));
            }
        };
        let store = Arc::clone(&self.store);
        let expected = expected.cloned();
        // Before the task starts, so that no other save overtakes it once this future is dropped.
        let busy = Arc::clone(&store.busy).lock_owned().await;
        let save = tokio::spawn(async move {
            let _busy = busy;
            store.save(body, expected.as_ref()).await
        });
        match save.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => SaveOutcome::Unknown(error),
            Err(interrupted) => SaveOutcome::Unknown(
                Error::new(ErrorKind::Storage, "saving the checkpoint was interrupted")
                    .with_source(interrupted),
            ),
        }
    }
}

#[async_trait]
impl CheckpointStore for FileCheckpoint {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        let _busy = self.store.busy.lock().await;
        self.store.sync().await?;
        let stored = self.store.read().await?;
        if stored.is_some() {
            // Only now: what is no record is another program's file.
            let path = &self.store.path;
            let closed = self.store.disk.close_to_others(path).await;
            closed.map_err(|error| failed("use", path, error))?;
        }
        Ok(stored)
    }

    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
        self.save(checkpoint, None).await
    }

    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.save(checkpoint, Some(expected)).await
    }

    fn location(&self) -> Option<String> {
        Some(self.store.path.display().to_string())
    }
}

#[derive(Debug)]
struct Store {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Taken to read or write: there is only one temporary file.
    busy: Arc<Mutex<()>>,
    /// The record was replaced, or may have been, and a power cut may still bring the old one back: the folder is not synced yet.
    is_renamed: AtomicBool,
    _guard: Box<dyn DiskLock>,
}

impl Store {
    async fn read(&self) -> Result<Option<Versioned<Checkpoint>>> {
        let stored = self.read_as(MAX_BYTES, record::read).await?;
        Ok(stored.map(|(generation, value)| Versioned {
            value,
            version: version(generation),
        }))
    }

    /// The first `limit` bytes of the record, parsed.
    async fn read_as<T>(
        &self,
        limit: u64,
        parse: impl FnOnce(&[u8]) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        match self.disk.read(&self.path, 0, limit).await {
            Ok(bytes) => parse(&bytes)
                .map(Some)
                .map_err(|what| corrupt(&self.path, &what)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.check_folder().await.map(|()| None)
            }
            Err(error) => Err(failed("read", &self.path, error)),
        }
    }

    /// Fails if the folder is away: the lock file, which stays in it, is then missing.
    async fn check_folder(&self) -> Result<()> {
        let lock = lock_file(&self.path);
        match self.disk.len(&lock).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("read", &lock, error)),
        }
    }

    /// To be called with `busy`.
    async fn save(&self, body: record::Body, expected: Option<&Version>) -> Result<SaveOutcome> {
        let stored = self.read_as(record::HEAD_BYTES, record::generation).await?;
        if stored.map(version).as_ref() != expected {
            return Ok(SaveOutcome::Lost(self.read().await?));
        }
        let generation = stored.unwrap_or(0).wrapping_add(1);
        let record = record::write(generation, body)
            .map_err(|error| failed("write", &self.path, error.into()))?;

        let temporary = temporary_file(&self.path);
        let written = self.disk.write(&temporary, record).await;
        written.map_err(|error| failed("write", &temporary, error))?;
        // Also if it fails: it may have been done, and the record is read back then.
        self.is_renamed.store(true, Ordering::Relaxed);
        let renamed = self.disk.rename(&temporary, &self.path).await;
        renamed.map_err(|error| failed("replace", &self.path, error))?;
        self.sync().await?;
        Ok(SaveOutcome::Saved(version(generation)))
    }

    /// Makes a replaced record durable before it is relied on. To be called with `busy`.
    async fn sync(&self) -> Result<()> {
        if self.is_renamed.load(Ordering::Relaxed) {
            let synced = self.disk.sync_folder(folder_of(&self.path)).await;
            synced.map_err(|error| failed("sync the folder of", &self.path, error))?;
            self.is_renamed.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn temporary_file(path: &Path) -> PathBuf {
    sibling(path, ".tmp")
}

fn lock_file(path: &Path) -> PathBuf {
    sibling(path, ".lock")
}

fn version(generation: u64) -> Version {
    Version::new(generation.to_string())
}

fn locked(path: &Path) -> Error {
    Error::new(
        ErrorKind::Locked,
        format!(
            "the checkpoint {} is in use by another process (or twice by this one): stop that one, or give this one a checkpoint file of its own",
            path.display()
        ),
    )
}

fn corrupt(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "{} is no usable checkpoint: {what}. Restore it, or move it away to start anew: \
             events from before the new start are then not fetched, and events since then that were delivered before come twice",
            path.display()
        ),
    )
}
