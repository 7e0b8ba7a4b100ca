//! The missing events once more, read from Okta. Each is in the ledger before it is given.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use coralogix_sink::query::{EventId, TimeSlice};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::pipeline::Disposition;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{
    AckOrder, Acker, Clock, ClockOffset, Delivery, EventSource, Outcome, RawEvent, Result,
};
use okta_source::{Backfill, OktaSourceBuilder};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::ledger::{Ledger, State};

/// Events of a delivery: so many are unknown after a crash, at most.
const CHUNK: usize = 100;

/// The end that each event came to, as the pipeline tells it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends(Arc<Mutex<HashMap<EventId, Disposition>>>);

impl Observer for Ends {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let PipelineEvent::Ended {
            disposition,
            event: Some(event),
        } = event
            && let Some(uuid) = event.uuid()
        {
            let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ends.insert(EventId::new(&uuid), *disposition);
        }
    }
}

impl Ends {
    fn take(&self, event: &EventId) -> Option<Disposition> {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.remove(event)
    }
}

/// What the acker and the source share.
#[derive(Debug)]
struct Shared {
    ledger: AsyncMutex<Ledger>,
    ends: Ends,
    undecided: Arc<AtomicUsize>,
    unknown: Arc<AtomicUsize>,
    clock: Arc<dyn Clock>,
    /// A delivery is not settled yet.
    in_flight: AtomicUsize,
    settled: Notify,
    /// Handed back, and not sent for sure.
    again: Mutex<Vec<RawEvent>>,
}

/// Reads the wanted events of some ranges.
#[derive(Debug)]
pub(super) struct RefillSource {
    builder: OktaSourceBuilder,
    ranges: VecDeque<TimeSlice>,
    open: Option<Backfill>,
    wanted: HashSet<EventId>,
    /// Read, and not given yet.
    ready: Vec<RawEvent>,
    clock_offset: ClockOffset,
    window: DedupWindow,
    shared: Arc<Shared>,
}

/// What a source of missing events is made of.
#[derive(Debug)]
pub(super) struct RefillParts {
    pub(super) builder: OktaSourceBuilder,
    pub(super) ranges: VecDeque<TimeSlice>,
    pub(super) wanted: HashSet<EventId>,
    pub(super) ledger: Ledger,
    pub(super) ends: Ends,
    pub(super) undecided: Arc<AtomicUsize>,
    /// Counts the events for which the ledger has an intent and no result.
    pub(super) unknown: Arc<AtomicUsize>,
    pub(super) clock: Arc<dyn Clock>,
}

impl RefillSource {
    pub(super) fn new(parts: RefillParts) -> Self {
        Self {
            builder: parts.builder,
            ranges: parts.ranges,
            open: None,
            window: DedupWindow::new(parts.wanted.len().max(1)),
            wanted: parts.wanted,
            ready: Vec::new(),
            clock_offset: ClockOffset::default(),
            shared: Arc::new(Shared {
                ledger: AsyncMutex::new(parts.ledger),
                ends: parts.ends,
                undecided: parts.undecided,
                unknown: parts.unknown,
                clock: parts.clock,
                in_flight: AtomicUsize::new(0),
                settled: Notify::new(),
                again: Mutex::default(),
            }),
        }
    }

    /// Reads on until there is a chunk, or all is read.
    async fn read(&mut self) -> Result<()> {
        while self.ready.len() < CHUNK && !self.wanted.is_empty() {
            let Some(source) = &mut self.open else {
                let Some(range) = self.ranges.front().copied() else {
                    return Ok(());
                };
                let builder = self.builder.clone().checkpoint(MemoryCheckpoint::default());
                self.open = Some(builder.open_backfill(range.start()..range.end()).await?);
                continue;
            };
            let Some(delivery) = source.next().await? else {
                (self.open, _) = (None, self.ranges.pop_front());
                continue;
            };
            self.clock_offset = delivery.clock_offset;
            let outcomes = vec![Outcome::Settled; delivery.items.len()];
            for event in delivery.items.into_iter().flatten() {
                let id = event.uuid().map(|uuid| EventId::new(&uuid));
                if id.is_some_and(|id| self.wanted.remove(&id)) {
                    self.ready.push(event);
                }
            }
            delivery.acker.settle(&outcomes).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl EventSource for RefillSource {
    fn name(&self) -> &str {
        "refill"
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    fn dedup_window(&self) -> DedupWindow {
        self.window.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        // One at a time, so that a crash leaves one unknown.
        while self.shared.in_flight.load(Ordering::SeqCst) > 0 {
            self.shared.settled.notified().await;
        }
        let again = std::mem::take(&mut *again(&self.shared));
        self.ready.extend(again);
        self.read().await?;
        let chunk = self.ready.len().min(CHUNK);
        if chunk == 0 {
            return Ok(None);
        }
        let ids: Vec<_> = self.ready[..chunk]
            .iter()
            .filter_map(RawEvent::uuid)
            .collect();
        let ids: Vec<_> = ids.iter().map(|uuid| EventId::new(uuid)).collect();
        let now = self.shared.clock.now();
        self.shared
            .ledger
            .lock()
            .await
            .write(&ids, State::Intent, now)
            .await?;
        let events: Vec<_> = self.ready.drain(..chunk).collect();
        self.shared.in_flight.store(1, Ordering::SeqCst);
        self.shared.unknown.fetch_add(ids.len(), Ordering::SeqCst);
        let acker = RefillAcker {
            ids,
            events: events.clone(),
            shared: Arc::clone(&self.shared),
        };
        let mut delivery = Delivery::new(events.into_iter().map(Ok).collect(), Box::new(acker));
        delivery.clock_offset = self.clock_offset;
        Ok(Some(delivery))
    }
}

fn again(shared: &Shared) -> std::sync::MutexGuard<'_, Vec<RawEvent>> {
    shared.again.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what became of a delivery.
#[derive(Debug)]
struct RefillAcker {
    ids: Vec<EventId>,
    events: Vec<RawEvent>,
    shared: Arc<Shared>,
}

#[async_trait]
impl Acker for RefillAcker {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let (mut accepted, mut lettered, mut not_sent) = (Vec::new(), Vec::new(), Vec::new());
        // What was not answered may have arrived: then nothing of this delivery is known not to have been sent.
        let is_decided = shared.undecided.load(Ordering::SeqCst) == 0;
        for ((id, event), outcome) in self.ids.iter().zip(&self.events).zip(outcomes) {
            match (shared.ends.take(id), outcome) {
                (Some(Disposition::Delivered), _) => accepted.push(id.clone()),
                (Some(Disposition::DeadLettered), _) => lettered.push(id.clone()),
                (_, Outcome::Settled) => not_sent.push(id.clone()),
                (_, Outcome::HandedBack) if is_decided => {
                    not_sent.push(id.clone());
                    again(&shared).push(event.clone());
                }
                (_, Outcome::HandedBack) => {}
            }
        }
        let now = shared.clock.now();
        {
            let mut ledger = shared.ledger.lock().await;
            ledger.write(&accepted, State::Accepted, now).await?;
            ledger.write(&lettered, State::DeadLettered, now).await?;
            ledger.write(&not_sent, State::NotSent, now).await?;
        }
        let known = accepted.len() + lettered.len() + not_sent.len();
        shared.unknown.fetch_sub(known, Ordering::SeqCst);
        Ok(())
    }
}

/// The delivery is settled, or was given up.
impl Drop for RefillAcker {
    fn drop(&mut self) {
        self.shared.in_flight.store(0, Ordering::SeqCst);
        self.shared.settled.notify_one();
    }
}
