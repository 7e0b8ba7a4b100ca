//! What the steps of a run share, and what they report to it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::item_guard::ItemId;
use super::{Disposition, Limits, Parts};
use crate::filter::DedupWindow;
use crate::interrupts::Interrupts;
use crate::observe::{PipelineEvent, Reporter};
use crate::sink::{Endpoint, LearnedLimits};
use crate::stall::Stall;

#[derive(Debug)]
pub(super) struct Context {
    pub(super) parts: Arc<Parts>,
    pub(super) limits: Limits,
    pub(super) reporter: Reporter,
    pub(super) dedup: DedupWindow,
    pub(super) learned: Arc<LearnedLimits>,
    pub(super) stall: Stall,
    /// True once nothing more may be sent.
    pub(super) stop: watch::Sender<bool>,
    /// True once the run drains: suspects are handed back, since they would outlast it.
    pub(super) drains: watch::Sender<bool>,
    /// Changes when what failed is to be tried at once.
    pub(super) retries: watch::Sender<()>,
    pub(super) reports: mpsc::UnboundedSender<Report>,
}

/// What the steps of a run report to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Report {
    /// An item ended.
    Ended(ItemId, Disposition),
    /// An event was delivered that another route should have brought; whether that surely has not.
    Healed { is_verified: bool },
    /// An item may take long to end.
    TakesLong(ItemId),
    /// The response to a request with this many entries was lost.
    AnswerLost(usize),
    /// An item became too old that may have arrived, since the response to a request with it was lost.
    PossiblyDelivered,
}

impl Context {
    pub(super) fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            sink: &self.parts.sink,
            reporter: &self.reporter,
            learned: &self.learned,
            stall: &self.stall,
            lease: self.parts.lease.as_ref(),
        }
    }

    /// Ends waits once nothing more may be sent.
    pub(super) fn until_stopped(&self) -> Interrupts {
        Interrupts::new(self.stop.subscribe(), self.retries.subscribe())
    }

    /// Ends waits once the run drains.
    pub(super) fn until_drained(&self) -> Interrupts {
        Interrupts::new(self.drains.subscribe(), self.retries.subscribe())
    }

    pub(super) fn observe(&self, event: &PipelineEvent<'_>) {
        self.reporter.report(event);
    }

    pub(super) fn report(&self, report: Report) {
        // A dropped run does not count any more.
        self.reports.send(report).ok();
    }
}
