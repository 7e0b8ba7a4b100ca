//! The operating system's disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Disk, DiskLock, folder_of};

/// The operating system's disk, reached from tokio's threads for blocking work.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl DiskLock for File {}

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

    async fn lock(&self, path: &Path, timeout: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        Self::run(path, move |path| {
            let file = private()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            Ok(hold(file, timeout)?.map(|file| Box::new(file) as Box<dyn DiskLock>))
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
fn hold(file: File, timeout: Duration) -> io::Result<Option<File>> {
    const PAUSE: Duration = Duration::from_millis(2);
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if start.elapsed() >= timeout => return Ok(None),
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
