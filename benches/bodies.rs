//! Request bodies of a peer, under the limit of the sink.

use std::mem;

use bytes::Bytes;
use coralogix_sink::DEFAULT_REQUEST_BYTES;

/// Frames entries as `[entry,entry,…]`, in as few bodies as they fit.
#[derive(Debug)]
pub struct Bodies {
    body: Vec<u8>,
    full: Vec<Bytes>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            body: opened(),
            full: Vec::new(),
        }
    }
}

impl Bodies {
    /// Adds the entry that `write` appends to the buffer. It is written once; the rare one that turns out not to fit
    /// is moved into the next body.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.body.len();
        let is_first = before == 1;
        if !is_first {
            self.body.push(b',');
        }
        write(&mut self.body);
        if is_first || self.body.len() < DEFAULT_REQUEST_BYTES {
            return;
        }
        let mut next = opened();
        next.extend_from_slice(&self.body[before + 1..]);
        self.body.truncate(before);
        self.close(next);
    }

    /// Adds an entry that is there already.
    pub fn push(&mut self, entry: &[u8]) {
        self.push_with(|body| body.extend_from_slice(entry));
    }

    /// The bodies; none if there was no entry.
    #[must_use]
    pub fn finish(mut self) -> Vec<Bytes> {
        if self.body.len() > 1 {
            self.close(Vec::new());
        }
        self.full
    }

    fn close(&mut self, next: Vec<u8>) {
        let mut body = mem::replace(&mut self.body, next);
        body.push(b']');
        self.full.push(Bytes::from(body));
    }
}

/// With room for a full body, so that none is copied as it grows.
fn opened() -> Vec<u8> {
    let mut body = Vec::with_capacity(DEFAULT_REQUEST_BYTES);
    body.push(b'[');
    body
}
