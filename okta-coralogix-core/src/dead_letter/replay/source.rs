//! The files of dead letters, read one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::account::Account;
use super::acker::ReplayAcker;
use super::count::{LetterCounts, count, is_running};
use super::file::{ReplayFile, Shared};
use super::lines::{BYTES, LINES, Line, Lines};
use crate::dead_letter::reading::Reading;
use crate::dead_letter::{DeadLetterRecord, DeadLetterTarget, FileDeadLetters, names};
use crate::disk::{Disk, DiskLock, failed};
use crate::filter::DedupWindow;
use crate::{AckOrder, Delivery, EventSource, MalformedEvent, RawEvent, Result};

/// The account of a file, and its settled ranges.
type Opening = JoinHandle<Result<(Account, BTreeMap<u64, u64>)>>;

/// Gives the events of a file of dead letters again, the oldest first, and ends.
///
/// Opening it rotates the file away: every writer of dead letters, the replay's own pipeline included, begins a new file. All files
/// that were rotated away are then read, as long as a dead letter is among their first lines. Which lines are settled is written down beside each file and synced, so
/// that an interrupted replay resumes; a file of which every line is settled is removed. After a kill, the events that were in flight
/// are given again.
///
/// An event that cannot be read, or a line that is no record, is given as malformed: a pipeline puts it into the new dead
/// letters. Give that pipeline [`AgePolicy::DeadLetter`](crate::filter::AgePolicy::DeadLetter), unless what has become too
/// old meanwhile is to be dropped.
///
/// ```no_run
/// # use okta_coralogix_core::{CoralogixMapping, LogSink, Pipeline};
/// # async fn replay(sink: impl LogSink) -> Result<(), Box<dyn std::error::Error>> {
/// use okta_coralogix_core::dead_letter::{DeadLetterSource, FileDeadLetters};
/// use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
///
/// let letters = FileDeadLetters::open("dead-letters.ndjson").await?;
/// let source = DeadLetterSource::open(&letters).await?;
/// let pipeline = Pipeline::builder(source, sink)
///     .dead_letters(letters)
///     .age_filter(AgeFilter::new(AgeFilter::DEFAULT_LIMIT, AgePolicy::DeadLetter))
///     .build()?;
/// println!("{:?}", pipeline.run(std::future::pending()).await?);
/// # Ok(())
/// # }
/// ```
pub struct DeadLetterSource {
    disk: Arc<dyn Disk>,
    /// Files that have not been opened.
    waiting: VecDeque<PathBuf>,
    /// The first of them is being opened. Kept here, so that a dropped call of `next` does not begin it twice.
    opening: Option<Opening>,
    /// Files of which a line may not be settled. Only the last one is still being read.
    opened: Vec<ReplayFile>,
    /// A delivery has ended.
    changed: Arc<Notify>,
    reading: Reading,
    /// Excludes a second replay until pending disk writes finish.
    lock: Arc<dyn DiskLock>,
}

/// How long to wait for the pending disk writes of a dropped replay.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

impl DeadLetterSource {
    /// Opens all dead letters that have been written so far.
    ///
    /// # Errors
    /// `Locked` if another replay of them is running, `Storage` if the disk fails.
    pub async fn open(letters: &FileDeadLetters) -> Result<Self> {
        let disk = Arc::clone(letters.disk());
        let lock = names::replay_lock_file(letters.path());
        let held = disk.lock(&lock, LOCK_TIMEOUT).await;
        let held = held.map_err(|error| failed("lock", &lock, error))?;
        let held = held.ok_or_else(|| is_running(letters.path()))?;
        let lock: Arc<dyn DiskLock> = held.into();
        let (store, kept) = (letters.clone(), Arc::clone(&lock));
        let rotating = tokio::spawn(async move {
            let _kept = kept;
            store.rotate_now().await
        });
        let waiting = match rotating.await {
            Ok(files) => files?.into(),
            Err(ended) => return Err(failed("rotate", letters.path(), io::Error::other(ended))),
        };
        Ok(Self {
            disk,
            waiting,
            opening: None,
            opened: Vec::new(),
            changed: Arc::default(),
            reading: Reading::default(),
            lock,
        })
    }

    /// How a letter becomes an event; [`RawEvent::parse`] of its bytes by default. An envelope needs another one.
    #[must_use]
    pub fn parse_with(
        mut self,
        parse: impl Fn(DeadLetterRecord) -> Result<RawEvent, MalformedEvent> + Send + Sync + 'static,
    ) -> Self {
        self.reading.parse_with(parse);
        self
    }

    /// Gives only the letters of which `select` takes the target. The others stay in their files, for another replay. A letter of an earlier
    /// release has no target, and neither has a line that is no record.
    #[must_use]
    pub fn only(
        mut self,
        select: impl Fn(Option<&DeadLetterTarget>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.reading.only(select);
        self
    }

    /// How many letters each integration has, of those that are to be given; `None`: letters without a target.
    ///
    /// # Errors
    /// `Storage` if the disk fails.
    pub async fn integrations(&self) -> Result<LetterCounts> {
        let mut counts = LetterCounts::new();
        for path in &self.waiting {
            let (disk, lock) = (Arc::clone(&self.disk), Arc::clone(&self.lock));
            let (_, settled) = Account::open(Arc::clone(&disk), lock, path.clone()).await?;
            let lines = Lines::new(disk, path.clone(), settled);
            let selects = |line: &Line| self.reading.selects(&line.bytes);
            count(lines, selects, &mut counts).await?;
        }
        Ok(counts)
    }

    /// Opens the next file; false if there is none.
    async fn open_next(&mut self) -> Result<bool> {
        let Some(path) = self.waiting.front().cloned() else {
            return Ok(false);
        };
        let (disk, lock) = (&self.disk, &self.lock);
        let opening = self.opening.get_or_insert_with(|| {
            let account = Account::open(Arc::clone(disk), Arc::clone(lock), path.clone());
            tokio::spawn(account)
        });
        let opened = opening.await;
        self.opening = None;
        let (account, settled) = match opened {
            Ok(opened) => opened?,
            Err(ended) => return Err(failed("read", &path, io::Error::other(ended))),
        };
        self.waiting.pop_front();
        let lines = Lines::new(Arc::clone(&self.disk), path.clone(), settled);
        let changed = Arc::clone(&self.changed);
        let file = ReplayFile::new(path, lines, account, changed);
        self.opened.push(file);
        Ok(true)
    }

    /// Lines that were handed back.
    fn handed_back(&self) -> Option<Delivery> {
        self.opened.iter().find_map(|file| {
            let lines = file.shared.take_handed_back(LINES);
            (!lines.is_empty()).then(|| self.delivery(lines, &file.shared))
        })
    }

    /// Lines that have not been given.
    async fn read(&mut self) -> Result<Option<Delivery>> {
        loop {
            if let Some(file) = self.opened.last_mut()
                && !file.is_read
            {
                let mut lines = file.lines.next(LINES, BYTES).await?;
                file.is_read = lines.is_empty();
                let read = lines.len();
                lines.retain(|line| self.reading.selects(&line.bytes));
                file.has_others |= lines.len() < read;
                if !lines.is_empty() {
                    let shared = Arc::clone(&file.shared);
                    return Ok(Some(self.delivery(lines, &shared)));
                }
                if !file.is_read {
                    continue;
                }
            }
            if !self.open_next().await? {
                return Ok(None);
            }
        }
    }

    fn delivery(&self, lines: Vec<Line>, shared: &Arc<Shared>) -> Delivery {
        let items = self.reading.items(lines.iter().map(|line| &line.bytes));
        let acker = ReplayAcker::new(Arc::clone(shared), lines);
        Delivery::new(items, Box::new(acker))
    }

    /// Removes the files of which every line is settled, and their accounts; those with other letters stay.
    async fn remove_settled(&mut self) -> Result<()> {
        while let Some(index) = self.opened.iter().position(ReplayFile::is_settled) {
            // Taken out first: a second removal could meet a new file of the same number. If this one fails, the next replay finds
            // the file with all of it settled.
            self.opened.remove(index).close().await?;
        }
        Ok(())
    }
}

#[async_trait]
impl EventSource for DeadLetterSource {
    fn name(&self) -> &str {
        "dead_letters"
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    /// A letter may have been written twice.
    fn dedup_window(&self) -> DedupWindow {
        DedupWindow::default()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            if let Some(delivery) = self.handed_back() {
                return Ok(Some(delivery));
            }
            if let Some(delivery) = self.read().await? {
                return Ok(Some(delivery));
            }
            self.remove_settled().await?;
            if self.opened.is_empty() {
                return Ok(None);
            }
            // Lines in flight may be handed back. `Notify` remembers a call that came since they were looked at.
            self.changed.notified().await;
        }
    }
}

impl fmt::Debug for DeadLetterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetterSource")
            .field("waiting", &self.waiting)
            .field("opened", &self.opened)
            .finish_non_exhaustive()
    }
}
