//! What the oracle looks at when something passes a seam.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde_json::Value;

use crate::dead_letters;
use crate::env::{CHECKPOINT, DEAD_LETTERS, Env, SECRET};
use crate::plan::Seam;

impl Env {
    /// Looks at what a program sends: a secret goes to its own side alone.
    pub(crate) fn check_request(&self, seam: Seam, head: &Parts, body: &Bytes) {
        let host = match seam {
            Seam::Okta => "example.okta.com",
            _ => "ingress.eu2.coralogix.com",
        };
        let mut oracle = self.oracle();
        if head.uri.host() != Some(host) {
            oracle.violation(format!("a request for {host} goes to {}", head.uri));
        }
        for (name, value) in &head.headers {
            let text = String::from_utf8_lossy(value.as_bytes());
            let scheme = match seam {
                Seam::Okta => "SSWS 00s3cr3t-token-",
                _ => "Bearer s3cr3t-key-",
            };
            if text.contains(SECRET) && !(name == AUTHORIZATION && text.starts_with(scheme)) {
                oracle.violation(format!("a secret stands in the header {name} to {host}"));
            }
        }
        if head.uri.to_string().contains(SECRET) || contains(body, SECRET) {
            oracle.violation(format!("a secret stands in a request to {host}"));
        }
    }

    /// The checkpoint was replaced: the position is not ahead of what has arrived.
    pub(crate) fn check_checkpoint(&self) {
        let before = self.state().committed;
        let (position, _) = self.read_checkpoint(Some(before));
        let letters = self.durable_letters();
        let mut oracle = self.oracle();
        for index in 0..position.min(self.events.len()) {
            if let Err(what) = oracle.is_settled(index, &self.events, &letters, self.time()) {
                oracle.violation(format!("the position is {position}, and {what}"));
            }
        }
    }

    /// The number of events before the stored position, as it was last looked at.
    pub(crate) fn position(&self) -> usize {
        self.state().position
    }

    /// Looks at what is stored. The number of events before the position, and of those that are committed: the window remembers them
    /// also where the position has gone back.
    pub(crate) fn read_checkpoint(&self, before: Option<usize>) -> (usize, usize) {
        let stored = {
            let disk = self.disk();
            disk.read(Path::new(CHECKPOINT)).map(<[u8]>::to_vec)
        };
        let read = match stored.as_deref().map(cursor) {
            None => Some((0, 0)),
            Some(Some((generation, cursor))) => {
                let known = self.org.position(&cursor);
                let mut oracle = self.oracle();
                let position = oracle.remember_position(&cursor, known);
                position.map(|position| (position, oracle.commits(generation, position, before)))
            }
            Some(None) => {
                self.oracle().violation("the checkpoint is torn".to_owned());
                None
            }
        };
        let mut now = self.state();
        (now.position, now.committed) = read.unwrap_or((now.position, now.committed));
        (now.position, now.committed)
    }

    /// The events that would be in the dead letters after a power cut.
    pub(crate) fn durable_letters(&self) -> BTreeSet<usize> {
        let disk = self.disk();
        let files = disk.durable().filter(|(path, _)| is_dead_letters(path));
        let letters: Vec<_> = files
            .flat_map(|(_, bytes)| dead_letters::read(bytes))
            .collect();
        drop(disk);
        let oracle = self.oracle();
        let indices = letters
            .iter()
            .filter_map(|letter| oracle.indices(letter, &self.events));
        indices.flatten().collect()
    }

    pub(crate) fn check_dead_letters(&self) {
        let disk = self.disk();
        let files = disk.names().filter(|path| is_dead_letters(path));
        let all: Vec<_> = files
            .filter_map(|path| disk.read(path))
            .flat_map(dead_letters::read)
            .collect();
        drop(disk);
        self.oracle().check_dead_letters(&all, &self.events);
    }

    /// Looks at what the queue has put into its own dead letters.
    pub(crate) fn check_queue_dead_letters(&self) {
        let dead = self.queue.dead();
        self.oracle().record_queue_dead_letters(&dead);
    }

    /// A message is about to be deleted: those before it in its group have come to their end.
    pub(crate) fn check_group_order(&self, index: usize) {
        let Some(group) = self.plan.queue.group(index) else {
            return;
        };
        let before = (0..index).filter(|&before| self.plan.queue.group(before) == Some(group));
        for before in before {
            self.check_settled(before, &format!("passed by event {index} of its group"));
        }
    }

    /// Somebody who will not give an event again has heard that it has come to its end.
    pub(crate) fn check_settled(&self, index: usize, how: &str) {
        let letters = self.durable_letters();
        self.check_queue_dead_letters();
        let mut oracle = self.oracle();
        if let Err(what) = oracle.is_settled(index, &self.events, &letters, self.time()) {
            oracle.violation(format!("event {index} is {how}, and {what}"));
        }
    }
}

pub(crate) fn is_dead_letters(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.starts_with(DEAD_LETTERS) && !text.ends_with(".lock")
}

pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

/// The generation of a stored checkpoint, and its link.
fn cursor(bytes: &[u8]) -> Option<(u64, String)> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let [head, position] = [lines.next()?, lines.next()?].map(serde_json::from_slice::<Value>);
    let (head, position) = (head.ok()?, position.ok()?);
    let generation = head.get("generation")?.as_u64()?;
    Some((generation, position.get("cursor")?.as_str()?.to_owned()))
}
