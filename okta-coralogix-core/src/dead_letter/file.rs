//! Dead letters in a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;

use super::{DeadLetter, DeadLetterRecord, DeadLetters, names};
use crate::disk::{Disk, DiskLock, OsDisk, failed, folder_of, unresolved};
use crate::json::without_byte_order_mark;
use crate::{Error, ErrorKind, Result};

/// How long to wait for other writers of the same file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// There must be room for a letter of the usual size when a program starts.
const ROOM: usize = 4096;

/// How much of a file is read to see that it holds letters.
const SAMPLE: u64 = 1024 * 1024;

/// The beginning of every record.
const BEGINS: &[u8] = b"{\"time\":\"";
/// What follows the time in it.
const REASON: &[u8] = b"\",\"reason\":\"";

/// Dead letters in a file: one JSON object per line (NDJSON), see [`DeadLetterRecord`].
///
/// * **Durable.** Letters are synced before `write` returns. A full disk is an error, so that the event is not
///   acknowledged.
/// * **Shared.** Any number of handles and processes may write to one file: each batch is written under an
///   operating-system lock on `<file>.lock` (freed by the kernel when a process dies), each record with one append.
/// * **Readable.** A line that a crash or a full disk has torn is ended before anything is written behind it; its
///   bytes stay.
/// * **Rotated, never deleted.** Before a batch would make the file larger than [`rotate_at`](FileDeadLettersBuilder::rotate_at),
///   it is renamed to `<file>.1`, the next one to `<file>.2` and so on: the highest number is the youngest.
///
/// All files are created with mode 0600: they hold personal data. Those that are there get it when the letters are opened.
///
/// # Cancel safety
/// If its future is dropped, a write finishes all the same.
#[derive(Debug, Clone)]
pub struct FileDeadLetters {
    store: Arc<Store>,
}

/// Settings of [`FileDeadLetters`].
#[derive(Debug, Clone)]
pub struct FileDeadLettersBuilder {
    path: PathBuf,
    rotate_at: u64,
    disk: Arc<dyn Disk>,
}

impl FileDeadLettersBuilder {
    /// The size in bytes that a file is not to exceed. Default: 64 MiB. A batch that is larger by itself has a file of its own.
    #[must_use]
    pub fn rotate_at(mut self, bytes: u64) -> Self {
        self.rotate_at = bytes;
        self
    }

    /// The disk. Default: the operating system's files.
    #[doc(hidden)]
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// Creates the file if it is missing, checks that a letter can be written to it, and ends a torn last line.
    ///
    /// # Errors
    /// `Config` if the folder does not exist, `Storage` if the file cannot be written.
    pub async fn open(self) -> Result<FileDeadLetters> {
        let store = self.store().await?;
        store.prepare().await?;
        Ok(FileDeadLetters {
            store: Arc::new(store),
        })
    }

    async fn store(self) -> Result<Store> {
        let resolved = self.disk.resolve(&self.path).await;
        Ok(Store {
            path: resolved.map_err(|error| unresolved("dead letters", &self.path, error))?,
            rotate_at: self.rotate_at,
            disk: self.disk,
            busy: Mutex::new(()),
        })
    }

    /// The disk, the file, and the files with letters that were rotated away from it, the oldest first. Changes nothing.
    pub(super) async fn files(self) -> Result<(Arc<dyn Disk>, PathBuf, Vec<PathBuf>)> {
        let store = self.store().await?;
        store.check_is_ours().await?;
        let mut rotated = Vec::new();
        for number in store.numbers().await? {
            let file = names::numbered(&store.path, number);
            if store.holds_letters(&file).await? {
                rotated.push(file);
            }
        }
        Ok((store.disk, store.path, rotated))
    }
}

impl FileDeadLetters {
    /// Dead letters in the file at `path`, whose folder must exist.
    #[must_use]
    pub fn builder(path: impl Into<PathBuf>) -> FileDeadLettersBuilder {
        FileDeadLettersBuilder {
            path: path.into(),
            rotate_at: 64 * 1024 * 1024,
            disk: Arc::new(OsDisk),
        }
    }

    /// [`builder`](Self::builder) with nothing set.
    ///
    /// # Errors
    /// As [`FileDeadLettersBuilder::open`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(path).open().await
    }

    /// True if dead letters in the file at `path`, or a replay of them, may write, rename or remove the file `other`: the file, its locks,
    /// its rotations and their accounts. Both are absolute names.
    #[must_use]
    pub fn uses(path: &Path, other: &Path) -> bool {
        names::belongs(path, other)
    }

    /// True if the name of `other` is one that a file gets which is rotated away from the file at `path`.
    #[must_use]
    pub fn is_rotation(path: &Path, other: &str) -> bool {
        names::number(path, other).is_some()
    }

    /// The file, by its absolute name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.store.path
    }

    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.store.disk
    }

    /// Rotates the current file unless it is empty; returns all rotated files, the oldest first.
    pub(super) async fn rotate_now(&self) -> Result<Vec<PathBuf>> {
        self.store.rotate_now().await
    }
}

#[async_trait]
impl DeadLetters for FileDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        let lines = letters.iter().map(line).collect::<Result<_>>()?;
        let store = Arc::clone(&self.store);
        let write = tokio::spawn(async move { store.write(lines).await });
        write.await.map_err(|error| {
            Error::new(
                ErrorKind::Storage,
                "writing the dead letters was interrupted",
            )
            .with_source(error)
        })?
    }

    fn location(&self) -> String {
        self.store.path.display().to_string()
    }
}

fn line(letter: &DeadLetter) -> Result<Bytes> {
    let mut line = serde_json::to_vec(&DeadLetterRecord::from(letter)).map_err(|error| {
        Error::new(
            ErrorKind::Storage,
            "a dead letter cannot be written as JSON",
        )
        .with_source(error)
    })?;
    line.push(b'\n');
    Ok(line.into())
}

#[derive(Debug)]
struct Store {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    rotate_at: u64,
    /// Taken before the file lock, so that the writes of one handle queue here instead of polling for it.
    busy: Mutex<()>,
}

impl Store {
    /// Locks the file against other handles and processes.
    async fn lock(&self) -> Result<Box<dyn DiskLock>> {
        let lock = names::lock_file(&self.path);
        let held = self.disk.lock(&lock, LOCK_TIMEOUT).await;
        held.map_err(|error| failed("lock", &lock, error))?
            .ok_or_else(|| stuck(&self.path))
    }

    /// Shows that letters can be written, before anything depends on it.
    async fn prepare(&self) -> Result<()> {
        let _busy = self.busy.lock().await;
        let _held = self.lock().await?;
        self.check_is_ours().await?;
        for file in [&self.path, &names::lock_file(&self.path)] {
            self.close_to_others(file).await?;
        }
        // Creates the file, and ends a torn line.
        self.append(Vec::new()).await?;
        let room = self.disk.check_room(&self.path, ROOM).await;
        room.map_err(|error| failed("write", &self.path, error))
    }

    async fn close_to_others(&self, file: &Path) -> Result<()> {
        let closed = self.disk.close_to_others(file).await;
        closed.map_err(|error| failed("use", file, error))
    }

    async fn write(&self, lines: Vec<Bytes>) -> Result<()> {
        let _busy = self.busy.lock().await;
        let _held = self.lock().await?;
        self.append(lines).await
    }

    /// To be called with the lock.
    async fn append(&self, mut lines: Vec<Bytes>) -> Result<()> {
        let mut length = self.length().await?;
        let added: u64 = lines.iter().map(|line| line.len() as u64).sum();
        if length.is_some_and(|length| length > 0 && length + added > self.rotate_at) {
            self.rotate().await?;
            length = None;
        }
        if let Some(last) = length.and_then(|length| length.checked_sub(1)) {
            let last = self.disk.read(&self.path, last, 1).await;
            if last.map_err(|error| failed("read", &self.path, error))? != b"\n" {
                lines.insert(0, Bytes::from_static(b"\n"));
            }
        }
        let appended = self.disk.append(&self.path, lines).await;
        appended.map_err(|error| failed("write", &self.path, error))?;
        // Each time: the process that created or renamed the file may have died before this.
        self.sync_folder().await
    }

    /// See [`FileDeadLetters::rotate_now`].
    async fn rotate_now(&self) -> Result<Vec<PathBuf>> {
        let _busy = self.busy.lock().await;
        let _held = self.lock().await?;
        if self.length().await?.is_some_and(|length| length > 0) {
            self.rotate().await?;
            self.sync_folder().await?;
        }
        let mut rotated = Vec::new();
        for number in self.numbers().await? {
            let file = names::numbered(&self.path, number);
            if self.holds_letters(&file).await? {
                self.close_to_others(&file).await?;
                rotated.push(file);
            } else {
                tracing::warn!(
                    file = %file.display(),
                    "no dead letter is in this file, so that it is left as it is: move it away, its name is that of a rotated file"
                );
            }
        }
        Ok(rotated)
    }

    /// Another file, such as a checkpoint, is neither closed to others nor written to nor rotated.
    async fn check_is_ours(&self) -> Result<()> {
        if self.length().await?.unwrap_or(0) == 0 || self.holds_letters(&self.path).await? {
            return Ok(());
        }
        let sample = self.disk.read(&self.path, 0, SAMPLE).await;
        let sample = sample.map_err(|error| failed("read", &self.path, error))?;
        // Crashes may have left beginnings of letters alone, with zeros behind them.
        let is_blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        let mut written = sample
            .split(|byte| *byte == b'\n')
            .filter_map(|line| {
                let start = line.iter().position(|byte| !is_blank(byte))?;
                let end = line.iter().rposition(|byte| !is_blank(byte))?;
                Some(without_byte_order_mark(&line[start..=end]))
            })
            .peekable();
        if written.peek().is_none() || written.any(may_begin_a_record) {
            return Ok(());
        }
        let detail = format!(
            "{} has no dead letter in it, and stays as it is: name the file that dead letters are written to, or a new one",
            self.path.display()
        );
        Err(Error::new(ErrorKind::Corrupt, detail))
    }

    /// True if a record is among the first lines of the file: another program that names a file so does not lose it.
    async fn holds_letters(&self, file: &Path) -> Result<bool> {
        let sample = match self.disk.read(file, 0, SAMPLE).await {
            Ok(sample) => sample,
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => return Ok(false),
            Err(error) => return Err(failed("read", file, error)),
        };
        let is_record = |line: &[u8]| DeadLetterRecord::from_line(line).is_ok();
        let mut lines = sample.split(|byte| *byte == b'\n');
        // A line that the sample cuts off cannot be read here.
        let is_cut = sample.len() as u64 == SAMPLE;
        let last = lines.next_back().filter(|_| is_cut);
        Ok(last
            .map(without_byte_order_mark)
            .is_some_and(begins_a_record)
            || sample.split(|byte| *byte == b'\n').any(is_record))
    }

    async fn sync_folder(&self) -> Result<()> {
        let synced = self.disk.sync_folder(folder_of(&self.path)).await;
        synced.map_err(|error| failed("sync the folder of", &self.path, error))
    }

    async fn length(&self) -> Result<Option<u64>> {
        match self.disk.len(&self.path).await {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path, error)),
        }
    }

    /// Gives the file the next number. The caller holds the lock, so no other process uses that number.
    async fn rotate(&self) -> Result<()> {
        let last = self.numbers().await?.last().copied().unwrap_or(0);
        let next = names::numbered(&self.path, last + 1);
        if !names::belongs(&self.path, &next) {
            let taken = io::Error::other("the last number is taken");
            return Err(failed("rotate", &self.path, taken));
        }
        let renamed = self.disk.rename(&self.path, &next).await;
        renamed.map_err(|error| failed("rotate", &self.path, error))
    }

    /// The numbers of the files that were rotated away, ascending.
    async fn numbers(&self) -> Result<Vec<u64>> {
        let names = self.disk.names(folder_of(&self.path)).await;
        let names = names.map_err(|error| failed("list the folder of", &self.path, error))?;
        let number = |other: &String| names::number(&self.path, other);
        let mut numbers: Vec<_> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// True if a line begins as a record does, and as those of no other program: others too begin with a time.
fn begins_a_record(line: &[u8]) -> bool {
    behind_the_time(line).is_some_and(|rest| rest.starts_with(REASON))
}

/// The same of a line that was cut off anywhere.
fn may_begin_a_record(line: &[u8]) -> bool {
    match behind_the_time(line) {
        Some(rest) => rest.starts_with(REASON) || REASON.starts_with(rest),
        None => line.starts_with(BEGINS) || BEGINS.starts_with(line),
    }
}

/// What follows the time with which a record begins, from its closing quote on.
fn behind_the_time(line: &[u8]) -> Option<&[u8]> {
    let time = line.strip_prefix(BEGINS)?;
    let end = time.iter().position(|byte| *byte == b'"')?;
    Some(&time[end..])
}

fn stuck(path: &Path) -> Error {
    Error::temporary(
        ErrorKind::Storage,
        format!(
            "another process has held the lock of the dead letters {} for {} s: see whether it hangs, or give this one a file of its own",
            path.display(),
            LOCK_TIMEOUT.as_secs()
        ),
    )
}
