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
    pub(super) async fn run<T: Send + 'static>(
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
            Ok(resolved) => check_is_file(&resolved).map(|()| resolved),
            failed => failed,
        })
        .await
    }

    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        Self::run(path, move |path| {
            check_is_file(path)?;
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
            let file = private().write(true).create_new(true).open(path)?;
            write_durably(file, &[bytes])
        })
        .await
    }

    async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()> {
        Self::run(path, move |path| {
            let file = private().append(true).create(true).open(path)?;
            write_durably(file, &parts)
        })
        .await
    }

    async fn check_room(&self, path: &Path, bytes: usize) -> io::Result<()> {
        Self::run(path, move |path| {
            let file = private().append(true).create(true).open(path)?;
            let length = file.metadata()?.len();
            // Blank lines, which readers pass over.
            let written = write_durably(file, &[Bytes::from(vec![b'\n'; bytes])]);
            let restored = OpenOptions::new().write(true).open(path)?.set_len(length);
            written.and(restored)
        })
        .await
    }

    async fn close_to_others(&self, path: &Path) -> io::Result<()> {
        Self::run(path, |path| match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(file) => close_to_others(&file, path),
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
            check_is_file(path)?;
            check_is_no_link(path)?;
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

/// Refuses what is no file, links followed, before it is opened: opening a pipe waits for its other end, which no signal ends, and what a
/// device is given is kept nowhere. What is missing may be created, and a folder has an error of its own.
fn check_is_file(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::metadata(path) else {
        return Ok(());
    };
    if found.is_file() || found.is_dir() {
        return Ok(());
    }
    let detail = "it is a pipe, a device or a socket, not a file";
    Err(io::Error::new(ErrorKind::InvalidInput, detail))
}

/// Refuses a lock that is a link: what it leads to is not ours to change.
fn check_is_no_link(path: &Path) -> io::Result<()> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let detail = "it is a link; remove it, a lock is a file of its own";
    match is_link {
        true => Err(io::Error::new(ErrorKind::InvalidInput, detail)),
        false => Ok(()),
    }
}

/// Writes each part with one call, unless the disk fills up or a signal comes in between; then syncs the file.
fn write_durably(mut file: File, parts: &[Bytes]) -> io::Result<()> {
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

#[cfg(unix)]
fn close_to_others(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    const OTHERS: u32 = 0o077;
    let mode = |file: &File| Ok::<_, io::Error>(file.metadata()?.permissions().mode() & 0o7777);
    let found = mode(file)?;
    // Neither a device nor a folder is ours to change.
    if !file.metadata()?.is_file() || found & OTHERS == 0 {
        return Ok(());
    }
    let changed = file.set_permissions(PermissionsExt::from_mode(found & 0o700 | 0o600));
    // Some file systems accept a mode and keep their own.
    if changed.is_err() || mode(file)? & OTHERS != 0 {
        let detail = format!(
            "other users may use it, its mode is {found:04o}, and this user cannot change that: set mode 600, or mount its file \
             system with such modes"
        );
        return Err(io::Error::new(ErrorKind::PermissionDenied, detail));
    }
    tracing::warn!(
        file = %path.display(),
        mode = format!("{found:04o}"),
        "other users could use this file: it now has mode 0600"
    );
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_file: &File, _path: &Path) -> io::Result<()> {
    Ok(())
}

fn missing_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Asks again and again rather than wait in the kernel: a thread that waits there cannot be called off, and would keep
/// the process from ending while a stopped one holds the lock.
pub(super) fn hold(file: File, timeout: Duration) -> io::Result<Option<File>> {
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
#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Who may read a file is inherited from its folder.
#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}
