//! The disk operations that checkpoints and dead letters need: a trait, so that tests can simulate torn and lost writes, a full disk
//! or a slow fsync.

mod error;
mod os;
mod path;
mod read_only;

pub(crate) use error::{failed, remedy, unresolved};
pub use os::OsDisk;
pub(crate) use path::{folder_of, sibling};
pub(crate) use read_only::ReadOnlyDisk;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// A disk. Called by [`FileCheckpoint`](crate::checkpoint::FileCheckpoint),
/// [`FileDeadLetters`](crate::dead_letter::FileDeadLetters) and [`NdjsonSink`](crate::sink::NdjsonSink), which turn its
/// errors into sentences.
///
/// # Implementing
/// 1. A missing file is [`NotFound`](io::ErrorKind::NotFound), except where said otherwise.
/// 2. Bytes for which [`write`](Self::write) or [`append`](Self::append) returned `Ok` survive a power cut if the name of
///    the file does; a name does after [`sync_folder`](Self::sync_folder).
/// 3. Files are created readable and writable for their owner only (mode 0600).
///
/// # Cancel safety
/// Dropping a future leaves its operation undone, done, half done, or still to be done.
#[async_trait]
pub trait Disk: Send + Sync + 'static {
    /// The one absolute name of a file, links followed, so that two spellings of a path share one lock. The file need
    /// not exist, its folder must. A pipe, a device or a socket is [`InvalidInput`](io::ErrorKind::InvalidInput).
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// At most `limit` bytes of a file from `offset` on.
    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>>;

    /// The length of a file in bytes.
    async fn len(&self, path: &Path) -> io::Result<u64>;

    /// The names in a folder.
    async fn names(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Replaces the file by a new one of `bytes`, and syncs it. Not atomic: the caller renames it.
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

    /// Shows that `bytes` more bytes can be appended to a file, and leaves it as it is; a process that dies meanwhile may leave blank
    /// lines. Default: not shown.
    async fn check_room(&self, _path: &Path, _bytes: usize) -> io::Result<()> {
        Ok(())
    }

    /// Closes a file to all users but its owner (mode 0600), where files have modes. Nothing is there: `Ok`. Default: left as it is.
    async fn close_to_others(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Locks a file exclusively; creates it if it is missing. Waits for up to `timeout`; `None` if another lock was held all the
    /// time. The lock ends when the guard is dropped or the process dies.
    async fn lock(&self, path: &Path, timeout: Duration) -> io::Result<Option<Box<dyn DiskLock>>>;
}

debug_by_name!(Disk);

/// A lock on a file, held until it is dropped.
pub trait DiskLock: Send + Sync + 'static {}

debug_by_name!(DiskLock);

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<D: Disk + ?Sized> Disk for $pointer<D> {
            async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
                (**self).resolve(path).await
            }

            async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
                (**self).read(path, offset, limit).await
            }

            async fn len(&self, path: &Path) -> io::Result<u64> {
                (**self).len(path).await
            }

            async fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
                (**self).names(folder).await
            }

            async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()> {
                (**self).write(path, bytes).await
            }

            async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()> {
                (**self).append(path, parts).await
            }

            async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
                (**self).rename(from, to).await
            }

            async fn remove(&self, path: &Path) -> io::Result<()> {
                (**self).remove(path).await
            }

            async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
                (**self).sync_folder(folder).await
            }

            async fn check_room(&self, path: &Path, bytes: usize) -> io::Result<()> {
                (**self).check_room(path, bytes).await
            }

            async fn close_to_others(&self, path: &Path) -> io::Result<()> {
                (**self).close_to_others(path).await
            }

            async fn lock(
                &self,
                path: &Path,
                timeout: Duration,
            ) -> io::Result<Option<Box<dyn DiskLock>>> {
                (**self).lock(path, timeout).await
            }
        }

        impl<L: DiskLock + ?Sized> DiskLock for $pointer<L> {}
    )*};
}

forward!(Arc Box);
