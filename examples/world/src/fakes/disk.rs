//! The disk as a process sees it: each operation takes several steps, and the process or the power may end between any two.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::internal::{Disk, DiskLock};
use tokio::time::Instant;

use crate::checks::{check_checkpoint, check_dead_letters};
use crate::env::CHECKPOINT;
use crate::fakes::disk_image::DiskImage;
use crate::fault::{DiskFault, suffix};
use crate::process::Process;

/// How long an operation takes.
const LATENCY: Duration = Duration::from_millis(1);

/// How often a locked file is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// Too many open files, as Linux counts its errors.
const EMFILE: i32 = 24;

/// What an operation does to the file system.
#[derive(Debug, Clone, Copy)]
struct Access {
    writes: bool,
    /// It opens a file, and so needs a descriptor.
    opens: bool,
}

impl Access {
    const LOOK_UP: Self = Self::new(false, false);
    const READ: Self = Self::new(false, true);
    const WRITE: Self = Self::new(true, true);
    const CHANGE: Self = Self::new(true, false);

    const fn new(writes: bool, opens: bool) -> Self {
        Self { writes, opens }
    }
}

/// The disk of one process.
#[derive(Debug, Clone)]
pub(crate) struct FakeDisk(pub(crate) Process);

impl FakeDisk {
    fn image(&self) -> MutexGuard<'_, DiskImage> {
        self.0.env().disk()
    }

    /// Begins an operation. Returns the fault that it meets later, if any.
    async fn begin(
        &self,
        what: &'static str,
        path: &Path,
        access: Access,
    ) -> io::Result<Option<DiskFault>> {
        let env = self.0.env();
        let fault = env.faults().disk_fault(access.writes, access.opens);
        self.0
            .step(|| format!("disk: {what} {}{}", path.display(), suffix(fault)))
            .await;
        self.0.sleep(LATENCY).await;
        match fault {
            Some(DiskFault::Fails) => Err(io::Error::other("input/output error")),
            Some(DiskFault::ReadOnly) if access.writes => Err(ErrorKind::ReadOnlyFilesystem.into()),
            Some(DiskFault::NoDescriptor) if access.opens => {
                Err(io::Error::from_raw_os_error(EMFILE))
            }
            other => Ok(other),
        }
    }

    /// Ends an operation that has taken effect.
    async fn done(&self, fault: Option<DiskFault>) -> io::Result<()> {
        if let Some(DiskFault::Slow(time)) = fault {
            self.0.sleep(time).await;
        }
        self.0.step(|| "disk: done".to_owned()).await;
        match fault {
            Some(DiskFault::FailsAfter) => Err(io::Error::other("input/output error")),
            _ => Ok(()),
        }
    }

    /// Appends bytes to a file in two steps.
    async fn append_halves(
        &self,
        path: &Path,
        bytes: &[u8],
        fault: Option<DiskFault>,
    ) -> io::Result<()> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.image().append(path, first);
        self.0.step(|| "disk: half is written".to_owned()).await;
        if fault == Some(DiskFault::Full) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.image().append(path, second);
        Ok(())
    }

    async fn sync(&self, path: &Path) {
        self.0
            .step(|| "disk: all is written, not synced".to_owned())
            .await;
        self.image().sync(path);
    }
}

#[async_trait]
impl Disk for FakeDisk {
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let fault = self.begin("resolve", path, Access::LOOK_UP).await?;
        self.done(fault).await?;
        Ok(path.to_owned())
    }

    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        let fault = self.begin("read", path, Access::READ).await?;
        self.done(fault).await?;
        let disk = self.image();
        let bytes = disk.read(path).ok_or(ErrorKind::NotFound)?;
        let (offset, limit) = (offset as usize, limit as usize);
        let bytes = bytes.get(offset..).unwrap_or_default();
        Ok(bytes[..bytes.len().min(limit)].to_vec())
    }

    async fn len(&self, path: &Path) -> io::Result<u64> {
        let fault = self.begin("length of", path, Access::LOOK_UP).await?;
        self.done(fault).await?;
        let disk = self.image();
        let bytes = disk.read(path).ok_or(ErrorKind::NotFound)?;
        Ok(bytes.len() as u64)
    }

    async fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let fault = self.begin("list", folder, Access::READ).await?;
        self.done(fault).await?;
        let disk = self.image();
        let names = disk.files().filter_map(|(path, _)| path.file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        Ok(names.collect())
    }

    async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()> {
        let fault = self.begin("write", path, Access::WRITE).await?;
        self.image().remove(path);
        self.image().create(path);
        self.append_halves(path, &bytes, fault).await?;
        self.sync(path).await;
        if path == Path::new(CHECKPOINT) {
            check_checkpoint(self.0.env(), self.0.number());
        }
        self.done(fault).await
    }

    async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()> {
        let fault = self.begin("append to", path, Access::WRITE).await?;
        self.image().append(path, b"");
        for part in parts {
            self.append_halves(path, &part, fault).await?;
        }
        self.sync(path).await;
        check_dead_letters(self.0.env());
        self.done(fault).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let fault = self.begin("rename", from, Access::CHANGE).await?;
        let renamed = self.image().rename(from, to);
        if to == Path::new(CHECKPOINT) {
            check_checkpoint(self.0.env(), self.0.number());
        }
        self.done(fault).await?;
        match renamed {
            true => Ok(()),
            false => Err(ErrorKind::NotFound.into()),
        }
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        let fault = self.begin("remove", path, Access::CHANGE).await?;
        self.image().remove(path);
        self.done(fault).await
    }

    async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let fault = self.begin("sync the folder", folder, Access::READ).await?;
        self.image().sync_names();
        self.done(fault).await
    }

    async fn lock(&self, path: &Path, timeout: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        let fault = self.begin("lock", path, Access::WRITE).await?;
        let until = Instant::now() + timeout;
        while !self.image().lock(path, self.0.number()) {
            if Instant::now() >= until {
                return Ok(None);
            }
            self.0.sleep(LOCK_INTERVAL).await;
        }
        let lock = Lock {
            process: self.0.clone(),
            path: path.to_owned(),
        };
        self.done(fault).await?;
        Ok(Some(Box::new(lock)))
    }
}

/// Released when it is dropped, and when its process ends.
#[derive(Debug)]
struct Lock {
    process: Process,
    path: PathBuf,
}

impl DiskLock for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        let process = &self.process;
        process.env().disk().unlock(&self.path, process.number());
    }
}
