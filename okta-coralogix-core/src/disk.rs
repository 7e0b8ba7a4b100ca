//! The narrow seam to the disk: what the checkpoint and the dead letters need of it.
//!
//! A simulated disk (torn and lost writes, a full disk, a slow fsync) can stand behind it; [`OsDisk`] is the real one.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

/// A disk. Called by [`FileCheckpoint`](crate::checkpoint::FileCheckpoint),
/// [`FileDeadLetters`](crate::dead_letter::FileDeadLetters) and [`NdjsonSink`](crate::sink::NdjsonSink), which turn its
/// errors into sentences.
///
/// # Implementing
/// 1. A missing file is [`NotFound`](io::ErrorKind::NotFound), except where said otherwise.
/// 2. What [`write`](Self::write) and [`append`](Self::append) returned `Ok` for survives a power cut once the name of
///    the file does; a name survives after [`sync_folder`](Self::sync_folder).
/// 3. Files are created readable and writable for their owner only (mode 0600).
///
/// # Cancel safety
/// Dropping a future leaves its operation undone, done, half done, or still to be done.
#[async_trait]
pub trait Disk: Debug + Send + Sync + 'static {
    /// The one absolute name of a file, links followed, so that two spellings of a path share one lock. The file need
    /// not exist, its folder must.
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// At most `limit` bytes of a file from `offset` on.
    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>>;

    /// The length of a file in bytes.
    async fn len(&self, path: &Path) -> io::Result<u64>;

    /// The names in a folder.
    async fn names(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes a new file of `bytes` in place of what stood there, and syncs it. Not atomic: the caller renames it.
    async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()>;

    /// Appends to a file, which is created if it is missing: each part with one write call, so that the parts of
    /// processes that append at the same time do not mix; then syncs it. After an error the last part may be torn.
    async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()>;

    /// Gives a file another name, in place of the file that had that name. Atomic.
    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Nothing is there to be removed: `Ok`.
    async fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder survive a power cut.
    async fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Locks a file, which is created if it is missing, against everybody else. Waits for up to `patience`; `None` if
    /// somebody else held it all the time. The lock ends when the guard is dropped or the process dies.
    async fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<Box<dyn DiskLock>>>;
}

/// A lock on a file, held until it is dropped.
pub trait DiskLock: Debug + Send + Sync + 'static {}

impl DiskLock for File {}

/// The operating system's disk, reached from tokio's threads for blocking work.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl OsDisk {
    async fn run<T: Send + 'static>(
        path: &Path,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || work(&path))
            .await
            .map_err(io::Error::other)?
    }
}

#[async_trait]
impl Disk for OsDisk {
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Self::run(path, |path| match fs::canonicalize(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    let detail = "it is a link to a file that does not exist: create that, or name it instead";
                    return Err(io::Error::new(ErrorKind::InvalidInput, detail));
                }
                let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
                Ok(fs::canonicalize(folder_of(path))?.join(name))
            }
            resolved => resolved,
        })
        .await
    }

    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        Self::run(path, move |path| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(limit).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }

    async fn len(&self, path: &Path) -> io::Result<u64> {
        Self::run(path, |path| Ok(fs::metadata(path)?.len())).await
    }

    async fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        Self::run(folder, |folder| {
            let names = fs::read_dir(folder)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            names.collect()
        })
        .await
    }

    async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()> {
        Self::run(path, move |path| {
            // Not truncated but made anew, so that neither a link nor the mode of a leftover is taken over.
            missing_is_fine(fs::remove_file(path))?;
            let mut file = private().write(true).create_new(true).open(path)?;
            file.write_all(&bytes)?;
            file.sync_all()
        })
        .await
    }

    async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()> {
        Self::run(path, move |path| {
            let mut file = private().append(true).create(true).open(path)?;
            for part in parts {
                // One call unless the disk fills up or a signal comes in between.
                file.write_all(&part)?;
            }
            file.sync_all()
        })
        .await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let to = to.to_owned();
        Self::run(from, move |from| fs::rename(from, to)).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        Self::run(path, |path| missing_is_fine(fs::remove_file(path))).await
    }

    async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Self::run(folder, |folder| {
            if cfg!(unix) {
                File::open(folder)?.sync_all()
            } else {
                // Elsewhere a folder cannot be opened as a file; renames are durable as the file system has it.
                Ok(())
            }
        })
        .await
    }

    async fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        Self::run(path, move |path| {
            let file = private()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            Ok(hold(file, patience)?.map(|file| Box::new(file) as Box<dyn DiskLock>))
        })
        .await
    }
}

fn missing_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Asks again and again rather than wait in the kernel: a thread that waits there cannot be called off, and would keep
/// the process from ending while a stopped one holds the lock.
fn hold(file: File, patience: Duration) -> io::Result<Option<File>> {
    const PAUSE: Duration = Duration::from_millis(2);
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => return Ok(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
}

/// Options that create files for their owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The folder that a file stands in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// `path` with `ending` behind its name.
pub(crate) fn sibling(path: &Path, disposition: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(disposition);
    PathBuf::from(name)
}

/// What a person can do about an error.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free some space and start again, nothing is lost"
        }
        ErrorKind::FileTooLarge => {
            "files of this size are not allowed: raise the limit (`ulimit -f`) and start again, nothing is lost"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "let this user read and write the file and its folder, or name another file"
        }
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "name a file, not a folder",
        _ => "check the disk and start again, nothing is lost",
    }
}
