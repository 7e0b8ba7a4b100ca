//! The lines of a file, read piece by piece.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use crate::Result;
use crate::disk::{Disk, failed};

/// The most lines and bytes of a delivery; one line is given however long it is.
pub(super) const LINES: usize = 500;
pub(super) const BYTES: usize = 1024 * 1024;

/// Bytes that are read at once.
const PIECE: u64 = 1024 * 1024;

/// A line of a file.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Where it begins.
    start: u64,
    /// Without the line end.
    pub(super) bytes: Bytes,
    /// Whether a line end follows.
    ends: bool,
}

impl Line {
    /// False for one at the end of its file that is not written to its end, or never was.
    pub(super) fn is_whole(&self) -> bool {
        self.ends
    }

    /// From its first byte to behind its line end.
    pub(super) fn range(&self) -> (u64, u64) {
        let length = self.bytes.len() as u64 + u64::from(self.ends);
        (self.start, self.start + length)
    }
}

/// Reads a rotated file, which has no writer any more.
#[derive(Debug)]
pub(super) struct Lines {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// The ranges of lines that are passed over: end by start.
    settled: BTreeMap<u64, u64>,
    /// Where the next line begins.
    at: u64,
    /// What has been read from there on.
    read: BytesMut,
    at_end: bool,
}

impl Lines {
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, settled: BTreeMap<u64, u64>) -> Self {
        Self {
            disk,
            path,
            settled,
            at: 0,
            read: BytesMut::new(),
            at_end: false,
        }
    }

    /// The next lines that are not settled and not blank: at most `most`, and no more than it takes to have `bytes` bytes. None:
    /// there are no more.
    pub(super) async fn next(&mut self, most: usize, bytes: usize) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut taken = 0;
        while lines.len() < most && taken < bytes {
            // Awaits only while `lines` is empty, so that a dropped future loses no line.
            let Some(line) = self.cut() else {
                if self.at_end || !lines.is_empty() {
                    break;
                }
                self.read_on().await?;
                continue;
            };
            let settled = self.settled.range(..=line.start).next_back();
            if settled.is_none_or(|(_, end)| *end <= line.start)
                && !line.bytes.trim_ascii().is_empty()
            {
                taken += line.bytes.len();
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// The next line of what has been read.
    fn cut(&mut self) -> Option<Line> {
        let end = self.read.iter().position(|byte| *byte == b'\n');
        let length = match end {
            Some(length) => length,
            None if self.at_end && !self.read.is_empty() => self.read.len(),
            None => return None,
        };
        let line = Line {
            start: self.at,
            bytes: self.read.split_to(length).freeze(),
            ends: end.is_some(),
        };
        if end.is_some() {
            self.read.advance(1);
        }
        self.at = line.range().1;
        Some(line)
    }

    async fn read_on(&mut self) -> Result<()> {
        let from = self.at + self.read.len() as u64;
        let piece = self.disk.read(&self.path, from, PIECE).await;
        let piece = piece.map_err(|error| failed("read", &self.path, error))?;
        self.at_end = (piece.len() as u64) < PIECE;
        self.read.extend_from_slice(&piece);
        Ok(())
    }
}
