//! Shared checkpoints in a folder that all replicas reach.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::objects::{Objects, PutIf, StoredObject};
use crate::checkpoint::Version;
use crate::disk::{Disk, DiskLock, OsDisk, failed, sibling, unresolved};
use crate::{Error, ErrorKind, Result};

/// A window of a million uuids has 16 MB.
const MAX_BYTES: u64 = 64 << 20;

/// How long a put may wait for those of others.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Ends the name of a file that is being written.
const TEMPORARY: &str = ".tmp";

/// Objects as files of one folder, for replicas on one machine, or on several with a file system whose locks and renames hold between
/// them. Clones are the same.
///
/// A put holds the operating system's lock of `<folder>/.lock`, compares, writes `<name>.tmp`, syncs it and renames it.
#[derive(Debug, Clone)]
pub struct FolderObjects {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl FolderObjects {
    /// Uses the folder, which must be there.
    ///
    /// # Errors
    /// `Config` if it is not there.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let given = folder.as_ref();
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let lock = disk.resolve(&given.join(".lock")).await;
        let lock = lock.map_err(|error| unresolved("shared checkpoints", given, error))?;
        let folder = lock.parent().unwrap_or(given).to_owned();
        Ok(Self { disk, folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    async fn read(&self, path: &Path) -> Result<Option<StoredObject>> {
        match self.disk.read(path, 0, MAX_BYTES).await {
            Ok(bytes) => {
                let version = URL_SAFE_NO_PAD.encode(Sha256::digest(&bytes));
                Ok(Some(StoredObject::new(bytes, Version::new(version))))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", path, error)),
        }
    }

    async fn lock(&self) -> Result<Box<dyn DiskLock>> {
        let path = self.file(".lock");
        let held = self.disk.lock(&path, LOCK_WAIT).await;
        let held = held.map_err(|error| failed("lock", &path, error))?;
        held.ok_or_else(|| {
            let detail = format!(
                "another process has held the lock {} for {} s",
                path.display(),
                LOCK_WAIT.as_secs()
            );
            Error::temporary(ErrorKind::Storage, detail)
        })
    }

    /// To be called under the lock.
    async fn write(&self, path: &Path, bytes: Bytes) -> Result<()> {
        let temporary = sibling(path, TEMPORARY);
        if let Err(error) = self.disk.write(&temporary, bytes).await {
            // Each window has a name of its own: on a full disk one more would stay at each attempt.
            self.disk.remove(&temporary).await.ok();
            return Err(failed("write", &temporary, error));
        }
        let renamed = self.disk.rename(&temporary, path).await;
        renamed.map_err(|error| failed("replace", path, error))?;
        let synced = self.disk.sync_folder(&self.folder).await;
        synced.map_err(|error| failed("sync", &self.folder, error))
    }
}

#[async_trait]
impl Objects for FolderObjects {
    async fn get(&self, name: &str) -> Result<Option<StoredObject>> {
        self.read(&self.file(name)).await
    }

    async fn put(&self, name: &str, bytes: Bytes, condition: PutIf) -> Result<Version> {
        let (store, path) = (self.clone(), self.file(name));
        // Dropped, it is finished all the same: the lock covers what was begun.
        let put = tokio::spawn(async move {
            let _lock = store.lock().await?;
            let found = store.read(&path).await?.map(|found| found.version);
            let holds = match condition {
                PutIf::Absent => found.is_none(),
                PutIf::Unchanged(expected) => found == Some(expected),
            };
            if !holds {
                let detail = format!("{} is another one than was expected", path.display());
                return Err(Error::new(ErrorKind::Conflict, detail));
            }
            let version = URL_SAFE_NO_PAD.encode(Sha256::digest(&bytes));
            store.write(&path, bytes).await?;
            Ok(Version::new(version))
        });
        put.await
            .unwrap_or_else(|ended| Err(failed("write", &self.file(name), io::Error::other(ended))))
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let path = self.file(name);
        let _lock = self.lock().await?;
        let removed = self.disk.remove(&path).await;
        removed.map_err(|error| failed("remove", &path, error))
    }

    async fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = self.disk.names(&self.folder).await;
        let mut names = names.map_err(|error| failed("list", &self.folder, error))?;
        names.retain(|name| {
            name.starts_with(prefix) && name != ".lock" && !name.ends_with(TEMPORARY)
        });
        Ok(names)
    }

    fn put_interval(&self) -> Duration {
        Duration::ZERO
    }

    fn location(&self) -> String {
        self.folder.display().to_string()
    }
}
