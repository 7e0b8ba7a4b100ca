//! One object of dead letters, and what of it is not settled.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::ObjectDeadLetters;
use crate::checkpoint::Version;
use crate::checkpoint::shared::{PutIf, StoredObject};
use crate::{Result, RetryHint};

/// A line of an object, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) bytes: Bytes,
}

/// An object as it was read. What is settled is taken out of it, in the store before in memory, so that no other replay gives it.
pub(super) struct LetterObject {
    letters: ObjectDeadLetters,
    name: String,
    read: Vec<Line>,
    left: Mutex<Left>,
}

struct Left {
    version: Version,
    lines: BTreeMap<usize, Bytes>,
}

impl Left {
    /// Each of these lines is left.
    fn has(&self, content: &[u8]) -> bool {
        let lines = content.split(|byte| *byte == b'\n');
        let mut lines = lines.filter(|line| !line.is_empty());
        lines.all(|line| self.lines.values().any(|left| left == line))
    }
}

impl LetterObject {
    pub(super) fn new(letters: ObjectDeadLetters, name: &str, found: StoredObject) -> Self {
        let lines = found.bytes.split(|byte| *byte == b'\n').enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty());
        let read: Vec<_> = lines
            .map(|(number, line)| Line {
                number,
                bytes: found.bytes.slice_ref(line),
            })
            .collect();
        let lines = read.iter().map(|line| (line.number, line.bytes.clone()));
        let left = Left {
            version: found.version,
            lines: lines.collect(),
        };
        Self {
            letters,
            name: name.to_owned(),
            left: Mutex::new(left),
            read,
        }
    }

    /// Those that were not settled when it was read.
    pub(super) fn lines(&self) -> &[Line] {
        &self.read
    }

    /// Takes lines out. The object is removed with the last of them.
    ///
    /// # Errors
    /// Those of the store: the lines may be there still. Or another replay has changed the object.
    pub(super) async fn settle(&self, settled: &[usize]) -> Result<()> {
        if settled.is_empty() {
            return Ok(());
        }
        let mut left = self.left.lock().await;
        let mut lines = left.lines.clone();
        for number in settled {
            lines.remove(number);
        }
        let objects = &self.letters.store.objects;
        if lines.is_empty() {
            if let Err(error) = self.letters.within(objects.delete(&self.name)).await {
                // No error is evidence.
                match self.letters.within(objects.get(&self.name)).await {
                    Ok(None) => {}
                    _ => return Err(error),
                }
            }
        } else {
            let mut content = Vec::new();
            for line in lines.values() {
                content.extend_from_slice(line);
                content.push(b'\n');
            }
            let content = Bytes::from(content);
            let condition = PutIf::Unchanged(left.version.clone());
            let put = objects.put(&self.name, content.clone(), condition);
            left.version = match self.letters.within(put).await {
                Ok(version) => version,
                // No error is evidence.
                Err(error) => match self.letters.within(objects.get(&self.name)).await {
                    Ok(Some(found)) if found.bytes == content => found.version,
                    Ok(Some(found)) => {
                        if left.has(&found.bytes) {
                            // An earlier one, which was stored late: the next one is to replace it.
                            left.version = found.version;
                        }
                        return Err(error.with_retry(RetryHint::Backoff));
                    }
                    _ => return Err(error),
                },
            };
        }
        left.lines = lines;
        Ok(())
    }
}

impl fmt::Debug for LetterObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LetterObject")
            .field("name", &self.name)
            .field("lines", &self.read.len())
            .finish_non_exhaustive()
    }
}
