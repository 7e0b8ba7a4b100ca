//! How long nothing has moved.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::later;

/// A source that was asked after it had failed and is silent for this long is quiet, not failing.
const QUIET: Duration = Duration::from_secs(120);

/// Since when something fails, or is on its way, with nothing moving.
#[derive(Debug, Default)]
pub(crate) struct Stall {
    /// Since when the source fails.
    source: Option<Instant>,
    /// Since when the sink, the dead letters or settlements fail.
    others: Option<Instant>,
    /// Since when something is in flight and nothing was accepted or settled.
    busy: Option<Instant>,
    fault: String,
}

impl Stall {
    pub(crate) fn source_failed(&mut self, fault: String) {
        self.source.get_or_insert_with(Instant::now);
        self.fault = fault;
    }

    pub(crate) fn source_answered(&mut self) {
        self.source = None;
    }

    /// The source was asked at `asked` and has not answered.
    pub(crate) fn source_is_silent(&mut self, asked: Instant) {
        if asked.elapsed() >= QUIET {
            self.source = None;
        }
    }

    pub(crate) fn failed(&mut self, fault: String) {
        self.others.get_or_insert_with(Instant::now);
        self.fault = fault;
    }

    /// Something was accepted or settled.
    pub(crate) fn moved(&mut self) {
        self.others = None;
        self.busy = self.busy.map(|_| Instant::now());
    }

    /// Whether anything is in flight.
    pub(crate) fn busy(&mut self, busy: bool) {
        self.busy = busy.then(|| self.busy.unwrap_or_else(Instant::now));
    }

    /// When `limit` will have passed.
    pub(crate) fn ends_at(&self, limit: Duration) -> Option<Instant> {
        let since = [self.source, self.others, self.busy]
            .into_iter()
            .flatten()
            .min()?;
        Some(later(since, limit))
    }

    /// The last thing that failed.
    pub(crate) fn fault(&self) -> &str {
        match &*self.fault {
            "" => "something in flight does not end",
            fault => fault,
        }
    }
}
