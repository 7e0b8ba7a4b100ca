//! Counts the letters that a replay would give.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::lines::{BYTES, LINES, Line, Lines};
use crate::dead_letter::reading::target_of;
use crate::dead_letter::{FileDeadLettersBuilder, names};
use crate::disk::failed;
use crate::{Error, ErrorKind, Result};

/// How many letters each integration has; `None`: letters without a target.
pub type LetterCounts = BTreeMap<Option<String>, u64>;

impl FileDeadLettersBuilder {
    /// How many letters a replay would give, as [`DeadLetterSource::integrations`](super::DeadLetterSource::integrations) counts them. It
    /// changes nothing: no file is rotated, created or locked against those who write, which goes on meanwhile.
    ///
    /// # Errors
    /// `Locked` while a replay is running, `Corrupt` for a file without dead letters, `Storage` if the disk fails.
    pub async fn count(self) -> Result<LetterCounts> {
        let (disk, current, rotated) = self.files().await?;
        let lock = names::replay_lock_file(&current);
        if disk.len(&lock).await.is_ok() {
            let held = disk.lock(&lock, Duration::ZERO).await;
            let held = held.map_err(|error| failed("lock", &lock, error))?;
            held.ok_or_else(|| is_running(&current))?;
        }
        let mut counts = LetterCounts::new();
        for path in rotated {
            let settled = Account::settled(&*disk, &path).await?;
            let lines = Lines::new(Arc::clone(&disk), path, settled);
            count(lines, |_| true, &mut counts).await?;
        }
        if disk.len(&current).await.is_ok() {
            let lines = Lines::new(disk, current, BTreeMap::new());
            // One that is being written is not there yet.
            count(lines, Line::is_whole, &mut counts).await?;
        }
        Ok(counts)
    }
}

/// Counts the lines that `takes` takes.
pub(super) async fn count(
    mut lines: Lines,
    takes: impl Fn(&Line) -> bool,
    counts: &mut LetterCounts,
) -> Result<()> {
    loop {
        let read = lines.next(LINES, BYTES).await?;
        if read.is_empty() {
            return Ok(());
        }
        for line in read.iter().filter(|line| takes(line)) {
            let integration = target_of(&line.bytes).map(|target| target.integration);
            *counts.entry(integration).or_default() += 1;
        }
    }
}

pub(super) fn is_running(letters: &Path) -> Error {
    let detail = format!(
        "another replay of {} is running: wait for its end",
        letters.display()
    );
    Error::new(ErrorKind::Locked, detail)
}
