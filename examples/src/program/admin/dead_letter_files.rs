//! How much room the dead letters take.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long a scrape waits for a disk.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The file of the dead letters, and those that were rotated away from it.
#[derive(Debug, Clone)]
pub(in crate::program) struct DeadLetterFiles(Arc<Files>);

#[derive(Debug)]
struct Files {
    path: PathBuf,
    /// As of the last time that the disk answered; `UNKNOWN` before.
    bytes: AtomicU64,
    /// The disk is being asked.
    is_busy: AtomicBool,
}

const UNKNOWN: u64 = u64::MAX;

impl DeadLetterFiles {
    pub(in crate::program) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Files {
            path,
            bytes: AtomicU64::new(UNKNOWN),
            is_busy: AtomicBool::new(false),
        }))
    }

    /// The bytes of all files. If the disk does not answer in time, those of before; `None` if it never has. One request at a time waits
    /// for the disk, so that one that hangs takes one thread.
    pub(in crate::program) async fn bytes(&self) -> Option<u64> {
        if !self.0.is_busy.swap(true, Ordering::AcqRel) {
            let files = Arc::clone(&self.0);
            let measured = spawn_blocking(move || {
                if let Ok(bytes) = measure(&files.path) {
                    files.bytes.store(bytes, Ordering::Release);
                }
                files.is_busy.store(false, Ordering::Release);
            });
            timeout(TIMEOUT, measured).await.ok();
        }
        let bytes = self.0.bytes.load(Ordering::Acquire);
        (bytes != UNKNOWN).then_some(bytes)
    }
}

fn measure(path: &Path) -> io::Result<u64> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let other = entry.file_name();
        let other = other.to_string_lossy();
        let is_letters = match other.strip_prefix(&*name) {
            Some("") => true,
            Some(rest) => rest
                .strip_prefix('.')
                .is_some_and(|number| number.parse::<u64>().is_ok()),
            None => false,
        };
        if is_letters {
            // It may be renamed meanwhile.
            bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rotated_files_count_and_others_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("letters");
        let files = DeadLetterFiles::new(file.clone());
        assert_eq!(files.bytes().await, Some(0));
        for (name, bytes) in [
            ("letters", 1),
            ("letters.1", 10),
            ("letters.12", 100),
            ("letters.lock", 1000),
            ("letters2", 10_000),
            ("other", 100_000),
        ] {
            fs::write(folder.path().join(name), "x".repeat(bytes)).unwrap();
        }
        assert_eq!(files.bytes().await, Some(111));
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(files.bytes().await, Some(111), "that of before");
    }
}
