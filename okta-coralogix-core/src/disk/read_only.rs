//! The disk of one who only looks.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::os::hold;
use super::{Disk, DiskLock, OsDisk};

/// The operating system's disk, on which nothing is written, created or closed to others. A lock is held only if its file is there: who
/// looks may be another user, whose lock file would be in the way of the next run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReadOnlyDisk;

/// There is no file to lock.
#[derive(Debug)]
struct Unlocked;

impl DiskLock for Unlocked {}

fn refused<T>() -> io::Result<T> {
    Err(ErrorKind::ReadOnlyFilesystem.into())
}

#[async_trait]
impl Disk for ReadOnlyDisk {
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        OsDisk.resolve(path).await
    }

    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        OsDisk.read(path, offset, limit).await
    }

    async fn len(&self, path: &Path) -> io::Result<u64> {
        OsDisk.len(path).await
    }

    async fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        OsDisk.names(folder).await
    }

    async fn write(&self, _path: &Path, _bytes: Bytes) -> io::Result<()> {
        refused()
    }

    async fn append(&self, _path: &Path, _parts: Vec<Bytes>) -> io::Result<()> {
        refused()
    }

    async fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        refused()
    }

    async fn remove(&self, _path: &Path) -> io::Result<()> {
        refused()
    }

    async fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    async fn lock(&self, path: &Path, timeout: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        OsDisk::run(path, move |path| match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(Some(Box::new(Unlocked) as Box<dyn DiskLock>))
            }
            Err(error) => Err(error),
            Ok(file) => Ok(hold(file, timeout)?.map(|file| Box::new(file) as _)),
        })
        .await
    }
}
