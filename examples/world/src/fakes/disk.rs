//! The disk of a process: each operation in steps, between any two of which the program, or the machine, may end.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::disk::{Disk, DiskLock};
use tokio::time::Instant;

use crate::env::CHECKPOINT;
use crate::plan::DiskFault;
use crate::process::Process;

/// How long an operation takes.
const SOME: Duration = Duration::from_millis(1);

/// How often a lock is asked for.
const PAUSE: Duration = Duration::from_millis(50);

/// What one process sees of the disk.
#[derive(Debug, Clone)]
pub(crate) struct FakeDisk(pub(crate) Process);

impl FakeDisk {
    /// Begins an operation: waits, and returns the fault that is left to be played.
    async fn begin(
        &self,
        what: &'static str,
        path: &Path,
        writes: bool,
    ) -> io::Result<Option<DiskFault>> {
        let env = self.0.env();
        let fault = env.disk_fault(writes);
        self.0
            .step(|| format!("disk: {what} {}{}", path.display(), said(fault)))
            .await;
        self.0.pause(SOME).await;
        match fault {
            Some(DiskFault::Fails) => Err(io::Error::other("input/output error")),
            Some(DiskFault::ReadOnly) if writes => Err(ErrorKind::ReadOnlyFilesystem.into()),
            other => Ok(other),
        }
    }

    /// Ends an operation that has done all it does.
    async fn done(&self, fault: Option<DiskFault>) -> io::Result<()> {
        if let Some(DiskFault::Slow(time)) = fault {
            self.0.pause(time).await;
        }
        self.0.step(|| "disk: done".to_owned()).await;
        match fault {
            Some(DiskFault::FailsAfter) => Err(io::Error::other("input/output error")),
            _ => Ok(()),
        }
    }

    /// Puts bytes behind a file, half of them first.
    async fn put(&self, path: &Path, bytes: &[u8], fault: Option<DiskFault>) -> io::Result<()> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.0.env().disk().append(path, first);
        self.0.step(|| "disk: half of it".to_owned()).await;
        if fault == Some(DiskFault::Full) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.0.env().disk().append(path, second);
        Ok(())
    }

    async fn sync(&self, path: &Path) {
        self.0
            .step(|| "disk: all of it, not synced".to_owned())
            .await;
        self.0.env().disk().sync(path);
    }
}

fn said(fault: Option<DiskFault>) -> String {
    fault.map_or_else(String::new, |fault| format!(", meets {fault:?}"))
}

#[async_trait]
impl Disk for FakeDisk {
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let fault = self.begin("resolve", path, false).await?;
        self.done(fault).await?;
        Ok(path.to_owned())
    }

    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        let fault = self.begin("read", path, false).await?;
        self.done(fault).await?;
        let disk = self.0.env().disk();
        let bytes = disk.read(path).ok_or(ErrorKind::NotFound)?;
        let (offset, limit) = (offset as usize, limit as usize);
        let bytes = bytes.get(offset..).unwrap_or_default();
        Ok(bytes[..bytes.len().min(limit)].to_vec())
    }

    async fn len(&self, path: &Path) -> io::Result<u64> {
        let fault = self.begin("length of", path, false).await?;
        self.done(fault).await?;
        let disk = self.0.env().disk();
        let bytes = disk.read(path).ok_or(ErrorKind::NotFound)?;
        Ok(bytes.len() as u64)
    }

    async fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let fault = self.begin("list", folder, false).await?;
        self.done(fault).await?;
        let disk = self.0.env().disk();
        let names = disk.names().filter_map(Path::file_name);
        Ok(names
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()> {
        let fault = self.begin("write", path, true).await?;
        {
            let mut disk = self.0.env().disk();
            disk.remove(path);
            disk.create(path);
        }
        self.put(path, &bytes, fault).await?;
        self.sync(path).await;
        if path == Path::new(CHECKPOINT) {
            self.0.env().check_checkpoint();
        }
        self.done(fault).await
    }

    async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()> {
        let fault = self.begin("append to", path, true).await?;
        self.0.env().disk().append(path, b"");
        for part in parts {
            self.put(path, &part, fault).await?;
        }
        self.sync(path).await;
        self.0.env().check_dead_letters();
        self.done(fault).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let fault = self.begin("rename", from, true).await?;
        let renamed = self.0.env().disk().rename(from, to);
        if to == Path::new(CHECKPOINT) {
            self.0.env().check_checkpoint();
        }
        self.done(fault).await?;
        match renamed {
            true => Ok(()),
            false => Err(ErrorKind::NotFound.into()),
        }
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        let fault = self.begin("remove", path, true).await?;
        self.0.env().disk().remove(path);
        self.done(fault).await
    }

    async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let fault = self.begin("sync the folder", folder, false).await?;
        self.0.env().disk().sync_names();
        self.done(fault).await
    }

    async fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        let fault = self.begin("lock", path, true).await?;
        let until = Instant::now() + patience;
        while !self.0.env().disk().lock(path, self.0.number()) {
            if Instant::now() >= until {
                return Ok(None);
            }
            self.0.pause(PAUSE).await;
        }
        let lock = Lock {
            process: self.0.clone(),
            path: path.to_owned(),
        };
        self.done(fault).await?;
        Ok(Some(Box::new(lock)))
    }
}

/// Freed when it is dropped, and when its process ends.
#[derive(Debug)]
struct Lock {
    process: Process,
    path: PathBuf,
}

impl DiskLock for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut disk = self.process.env().disk();
        disk.unlock(&self.path, self.process.number());
    }
}
