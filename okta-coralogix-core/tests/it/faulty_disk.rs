//! A disk that fails when told to. It does not model lost un-synced writes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::internal::{Disk, DiskLock, OsDisk};

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A new file ends after half of its bytes.
    Write(io::ErrorKind),
    /// An append ends within its last part.
    Append(io::ErrorKind),
    /// Nothing more can be appended.
    NoRoom,
    Rename(io::ErrorKind),
    /// A rename is done, and fails.
    RenamedAllTheSame(io::ErrorKind),
    SyncFolder(io::ErrorKind),
    Read(io::ErrorKind),
    /// Somebody else holds every lock.
    Lock,
}

/// A disk that fails when told to; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyDisk {
    fault: Arc<Mutex<Option<Fault>>>,
}

impl FaultyDisk {
    pub(crate) fn set(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().expect("no panic holds it") = fault.into();
    }

    fn fault(&self) -> Option<Fault> {
        *self.fault.lock().expect("no panic holds it")
    }
}

#[async_trait]
impl Disk for FaultyDisk {
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        OsDisk.resolve(path).await
    }

    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        match self.fault() {
            Some(Fault::Read(kind)) => Err(kind.into()),
            _ => OsDisk.read(path, offset, limit).await,
        }
    }

    async fn len(&self, path: &Path) -> io::Result<u64> {
        OsDisk.len(path).await
    }

    async fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        OsDisk.names(folder).await
    }

    async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()> {
        match self.fault() {
            Some(Fault::Write(kind)) => {
                OsDisk.write(path, bytes.slice(..bytes.len() / 2)).await?;
                Err(kind.into())
            }
            _ => OsDisk.write(path, bytes).await,
        }
    }

    async fn append(&self, path: &Path, mut parts: Vec<Bytes>) -> io::Result<()> {
        match self.fault() {
            Some(Fault::Append(kind)) => {
                if let Some(last) = parts.last_mut() {
                    last.truncate(last.len() / 2);
                }
                OsDisk.append(path, parts).await?;
                Err(kind.into())
            }
            _ => OsDisk.append(path, parts).await,
        }
    }

    async fn check_room(&self, path: &Path, bytes: usize) -> io::Result<()> {
        match self.fault() {
            Some(Fault::NoRoom) => Err(io::ErrorKind::StorageFull.into()),
            _ => OsDisk.check_room(path, bytes).await,
        }
    }

    async fn close_to_others(&self, path: &Path) -> io::Result<()> {
        OsDisk.close_to_others(path).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self.fault() {
            Some(Fault::Rename(kind)) => Err(kind.into()),
            Some(Fault::RenamedAllTheSame(kind)) => {
                OsDisk.rename(from, to).await?;
                Err(kind.into())
            }
            _ => OsDisk.rename(from, to).await,
        }
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path).await
    }

    async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match self.fault() {
            Some(Fault::SyncFolder(kind)) => Err(kind.into()),
            _ => OsDisk.sync_folder(folder).await,
        }
    }

    async fn lock(&self, path: &Path, timeout: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        match self.fault() {
            Some(Fault::Lock) => Ok(None),
            _ => OsDisk.lock(path, timeout).await,
        }
    }
}
