//! The size of requests, learned from those that were too large.

/// A limit in uncompressed bytes. States:
/// * *none*: no request was too large;
/// * *learned*: one was. It is forgotten after so many accepted requests, since what was too large may not be so any more, or never was. The
///   number doubles each time, so that a lasting limit is tested less and less often.
#[derive(Debug)]
pub(super) struct SizeLimit {
    /// The limit is forgotten after this many accepted requests at first, and at last.
    first_try: u32,
    last_try: u32,
    /// The smallest request that was too large; `usize::MAX` for none.
    too_large: usize,
    /// The largest accepted request below that size.
    accepted: usize,
    /// Requests accepted since one was too large, or since that limit was forgotten.
    since: u32,
    /// The limit is forgotten after this many of them.
    try_after: u32,
}

impl SizeLimit {
    pub(super) fn new(first_try: u32, last_try: u32) -> Self {
        Self {
            first_try,
            last_try,
            too_large: usize::MAX,
            accepted: 0,
            since: 0,
            try_after: first_try,
        }
    }

    /// The largest body that the next request may have: the largest accepted one, or half of the smallest that was too large.
    pub(super) fn ceiling(&self) -> usize {
        match self.too_large {
            usize::MAX => usize::MAX,
            bytes => self.accepted.max(bytes / 2),
        }
    }

    pub(super) fn record_accepted(&mut self, bytes: usize) {
        self.since = self.since.saturating_add(1);
        if self.too_large < usize::MAX {
            self.accepted = self.accepted.max(bytes);
            if bytes >= self.too_large || self.since >= self.try_after {
                self.too_large = usize::MAX;
                self.accepted = 0;
                self.since = 0;
                self.try_after = (self.try_after * 2).min(self.last_try);
            }
        } else if self.since >= self.last_try {
            self.try_after = self.first_try;
        }
    }

    pub(super) fn record_too_large(&mut self, bytes: usize) {
        self.too_large = self.too_large.min(bytes);
        self.since = 0;
        if self.accepted >= self.too_large {
            self.accepted = 0;
        }
    }
}
