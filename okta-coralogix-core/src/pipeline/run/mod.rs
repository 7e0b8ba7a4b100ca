//! A run: one task that polls the source, the requests, the dead letters and the settlements side by side.
//!
//! A run *receives*, then *drains*, then is *done*.
//!
//! * While it receives, the source is asked as long as there is room; once asked it is polled until it answers. After a
//!   temporary failure of the source, or of a settlement, the source rests for a backoff.
//! * Received items are admitted: they end, go to the dead letters, wait for a copy that is in flight, or enter the queue. A
//!   request leaves the queue when it is full, when its first entry has lingered, or when nothing more will come.
//! * Steps report the end of each item; the [`Ledger`] says when a delivery may be settled.
//! * An entry that fails alone while others pass gives up its place among the requests and is tried now and then.
//! * A run drains once the shutdown resolves, or an error occurs that waiting cannot help: then nothing more is sent either, and
//!   the queue is handed back.
//! * It is done when the source has no more or the run drains, and everything is settled; or when the drain timeout has passed.
//!
//! Everything that was received has ended when a run is done, and no claim outlives it: an [`ItemGuard`](super::item_guard::ItemGuard)
//! that is dropped hands its item back.

mod drive;
mod receive;
mod settle;
mod timers;

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::receive::Source;
use super::context::{Context, Report};
use super::item_guard::Slot;
use super::ledger::Ledger;
use super::live::Live;
use super::queue::Queue;
use super::{Pipeline, Summary};
use crate::backoff::Backoff;
use crate::sink::{LearnedLimits, Suspect};
use crate::stall::Stall;
use crate::{Error, EventSource, Outcome, Result};

pub(super) struct Run {
    pub(super) context: Arc<Context>,
    live: Arc<Live>,
    inbox: mpsc::UnboundedReceiver<Report>,
    source: Source,
    pub(super) queue: Queue,
    ledger: Ledger,
    tasks: Tasks,
    /// The seeds given out: tasks that retry side by side do not wait alike.
    seeds: u64,
    settle_backoff: Backoff,
    /// The end of the drain timeout; set once the run drains.
    drain_until: Option<Instant>,
    fatal: Option<Error>,
    summary: Summary,
}

/// The number of a delivery, the outcomes of its items, and the result of its settlement.
type Settled = (u64, Vec<Outcome>, Result<()>);

#[derive(Default)]
struct Tasks {
    requests: FuturesUnordered<BoxFuture<'static, Result<Vec<Suspect<Slot>>>>>,
    /// Suspects, dead letters being written, and copies that wait for the outcome of the first.
    others: FuturesUnordered<BoxFuture<'static, Result<()>>>,
    settlements: FuturesUnordered<BoxFuture<'static, Settled>>,
}

impl Run {
    pub(super) fn new<S: EventSource>(pipeline: Pipeline<S>) -> Self {
        let Pipeline {
            source,
            parts,
            limits,
            reporter,
            live,
        } = pipeline;
        let backoff = Backoff::new(parts.backoff, limits.seed);
        let (reports, inbox) = mpsc::unbounded_channel();
        let patience = limits.patience;
        let patience = limits
            .give_up
            .map_or(patience, |time| patience.within(time));
        let learned = parts
            .sink_state
            .get_or_init(|| LearnedLimits::new(limits.requests, limits.faults, patience));
        let dedup = parts.dedup.clone();
        let context = Context {
            parts,
            limits,
            reporter,
            dedup: dedup.unwrap_or_else(|| source.dedup_window()),
            learned,
            stall: Stall::default(),
            stop: watch::Sender::new(false),
            drains: watch::Sender::new(false),
            retries: watch::Sender::new(()),
            reports,
        };
        Self {
            context: Arc::new(context),
            live,
            inbox,
            ledger: Ledger::new(source.ack_order()),
            source: Source::new(source, backoff.clone()),
            queue: Queue::default(),
            tasks: Tasks::default(),
            seeds: 0,
            settle_backoff: backoff,
            drain_until: None,
            fatal: None,
            summary: Summary::default(),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.hand_back_in_flight();
        self.live.end(self.summary);
    }
}
