//! A disk with one folder, in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::internal::{Disk, DiskLock};

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<BTreeMap<PathBuf, Bytes>>>);

#[derive(Debug)]
struct NobodyElse;

impl DiskLock for NobodyElse {}

impl MemoryDisk {
    /// The files.
    pub fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, path: &Path) -> io::Result<Bytes> {
        let missing = io::ErrorKind::NotFound;
        Ok(self.files().get(path).cloned().ok_or(missing)?)
    }
}

#[async_trait]
impl Disk for MemoryDisk {
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.file(path)?;
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let take = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(bytes.into_iter().skip(skip).take(take).collect())
    }

    async fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(self.file(path)?.len() as u64)
    }

    async fn names(&self, _: &Path) -> io::Result<Vec<String>> {
        let names = self
            .files()
            .keys()
            .map(|path| path.display().to_string())
            .collect();
        Ok(names)
    }

    async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()> {
        self.files().insert(path.to_owned(), bytes);
        Ok(())
    }

    async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()> {
        let before = self.file(path).unwrap_or_default();
        let parts: Vec<_> = std::iter::once(before).chain(parts).collect();
        self.write(path, parts.concat().into()).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let bytes = self.file(from)?;
        self.files().remove(from);
        self.write(to, bytes).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path);
        Ok(())
    }

    async fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    async fn lock(&self, path: &Path, _: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.files().entry(path.to_owned()).or_default();
        Ok(Some(Box::new(NobodyElse)))
    }
}
