//! Entries as lines of JSON, in a file or on standard output.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;

use super::{Batch, BatchLimits, EncodeError, LogSink};
use crate::disk::{Disk, OsDisk, folder_of, remedy};
use crate::{EntryText, Error, ErrorKind, LogEntry, Result};

/// Writes each entry as one line: the JSON object that Coralogix takes (NDJSON).
///
/// To a file a request is one append, synced before `send` returns. A failed append is repeated whole, on a new line; the torn
/// line stays. Nothing rotates the file, and it is meant for one process.
///
/// To standard output a request is flushed before `send` returns. A closed pipe ends the run.
#[derive(Debug, Clone)]
pub struct NdjsonSink {
    limits: BatchLimits,
    target: Arc<Target>,
    /// Held while something is written: true if the last write may have left a torn line.
    torn: Arc<Mutex<bool>>,
}

#[derive(Debug)]
enum Target {
    File { path: PathBuf, disk: Arc<dyn Disk> },
    Stdout,
}

impl NdjsonSink {
    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::to(Target::Stdout)
    }

    /// The end of the file at `path`, which is created if it is missing, for its owner only.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::file_on(Arc::new(OsDisk), path)
    }

    /// [`file`](Self::file) on another disk.
    #[doc(hidden)]
    #[must_use]
    pub fn file_on(disk: Arc<dyn Disk>, path: impl Into<PathBuf>) -> Self {
        Self::to(Target::File {
            path: path.into(),
            disk,
        })
    }

    fn to(target: Target) -> Self {
        Self {
            limits: BatchLimits::new(1_000, 1024 * 1024),
            target: Arc::new(target),
            // The process that wrote before may have died half way.
            torn: Arc::new(Mutex::new(true)),
        }
    }

    /// What is written at once; 1,000 entries and 1 MiB by default.
    #[must_use]
    pub fn with_limits(mut self, limits: BatchLimits) -> Self {
        self.limits = limits;
        self
    }
}

#[async_trait]
impl LogSink for NdjsonSink {
    fn limits(&self) -> BatchLimits {
        self.limits
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        Batch::fill(entries, self.limits, write_line)
    }

    /// Requests are written in the order in which they began. A write that has begun finishes even if the future is dropped, so that
    /// no line is cut by the next one.
    async fn send(&self, batch: &Batch) -> Result<()> {
        let (target, lines) = (Arc::clone(&self.target), batch.body.clone());
        let mut torn = Arc::clone(&self.torn).lock_owned().await;
        let written = tokio::spawn(async move { target.write(lines, &mut torn).await });
        written.await.map_err(|error| {
            Error::new(ErrorKind::Storage, "writing the lines was interrupted").with_source(error)
        })??;
        Ok(())
    }
}

impl Target {
    async fn write(&self, lines: Bytes, torn: &mut bool) -> Result<()> {
        match self {
            Self::Stdout => print(lines).await,
            Self::File { path, disk } => {
                let at = |error| failed(path, &error);
                let ends = !*torn || ends_a_line(&**disk, path).await.map_err(at)?;
                *torn = true;
                let end = (!ends).then(|| Bytes::from_static(b"\n"));
                let parts = end.into_iter().chain([lines]).collect();
                disk.append(path, parts).await.map_err(at)?;
                disk.sync_folder(folder_of(path)).await.map_err(at)?;
                *torn = false;
                Ok(())
            }
        }
    }
}

fn write_line(entry: &LogEntry, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    entry.check()?;
    let start = out.len();
    entry.write_json(out);
    if let EntryText::Embedded(_) = entry.text {
        // Between the tokens of JSON a line end is white space, and inside of strings it cannot stand.
        for byte in &mut out[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    out.push(b'\n');
    Ok(())
}

/// True if nothing is torn: the file is missing, empty, or ends with a line end.
async fn ends_a_line(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    let length = match disk.len(path).await {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    match length.checked_sub(1) {
        None => Ok(true),
        Some(last) => Ok(disk.read(path, last, 1).await? == b"\n"),
    }
}

async fn print(lines: Bytes) -> Result<()> {
    let printed = tokio::task::spawn_blocking(move || {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&lines)?;
        stdout.flush()
    });
    let printed = printed.await.map_err(io::Error::other).flatten();
    printed.map_err(|error| {
        let detail = format!("standard output cannot be written: {error}");
        Error::new(ErrorKind::Storage, detail).with_source(error)
    })
}

fn failed(path: &Path, error: &io::Error) -> Error {
    let detail = format!(
        "cannot write {} ({error}): {}",
        path.display(),
        remedy(error)
    );
    Error::new(ErrorKind::Storage, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_documentation_unless_set() {
        let documented = BatchLimits::new(1_000, 1_048_576);
        assert_eq!(NdjsonSink::stdout().limits(), documented);
        let other = BatchLimits::new(7, 700);
        assert_eq!(NdjsonSink::stdout().with_limits(other).limits(), other);
    }
}
