//! A source of pages in memory, with either way of acknowledgement.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep};

use crate::filter::DedupWindow;
use crate::{
    AckOrder, Acker, ClockOffset, Delivery, Error, EventSource, Origin, Outcome, RawEvent, Result,
};

/// A source that gives pages of events, and gives again what was handed back.
///
/// It ends when everything is settled; while something is in flight it waits. Clones are handles to the same source.
#[derive(Debug, Clone)]
pub struct MemorySource {
    order: AckOrder,
    dedup: DedupWindow,
    state: Arc<Mutex<State>>,
    changed: Arc<tokio::sync::Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// Pages to be given, by their number.
    waiting: BTreeMap<usize, Vec<Bytes>>,
    /// Pages given and not settled, each with the ticket of the delivery whose outcomes count.
    given: BTreeMap<usize, (u64, Vec<Bytes>)>,
    tickets: u64,
    settled: Vec<usize>,
    settled_events: usize,
    handed_back: usize,
    faults: VecDeque<Error>,
    ack_takes: Duration,
    ack_fails: Option<fn() -> Error>,
    ack_faults: VecDeque<Error>,
    budget: Option<Duration>,
    clock_offset: ClockOffset,
    endless: bool,
}

impl MemorySource {
    /// A source of `pages`.
    #[must_use]
    pub fn new(order: AckOrder, pages: Vec<Vec<Bytes>>) -> Self {
        let source = Self {
            order,
            dedup: DedupWindow::default(),
            state: Arc::default(),
            changed: Arc::default(),
        };
        source.state().waiting = pages.into_iter().enumerate().collect();
        source
    }

    /// Every acknowledgement takes this long.
    #[must_use]
    pub fn with_slow_acks(self, time: Duration) -> Self {
        self.state().ack_takes = time;
        self
    }

    /// Every acknowledgement fails.
    #[must_use]
    pub fn with_failing_acks(self, error: fn() -> Error) -> Self {
        self.state().ack_fails = Some(error);
        self
    }

    /// Every delivery has a deadline, this long after it was given.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        self.state().budget = Some(budget);
        self
    }

    /// Deliveries carry this offset of the remote's clock.
    #[must_use]
    pub fn with_clock_offset(self, offset: ClockOffset) -> Self {
        self.state().clock_offset = offset;
        self
    }

    /// The source never ends: it waits for more.
    #[must_use]
    pub fn without_end(self) -> Self {
        self.state().endless = true;
        self
    }

    /// The next calls of `next` fail with these.
    pub fn fail_with(&self, errors: impl IntoIterator<Item = Error>) {
        self.state().faults.extend(errors);
    }

    /// The next acknowledgements fail with these.
    pub fn fail_acks_with(&self, errors: impl IntoIterator<Item = Error>) {
        self.state().ack_faults.extend(errors);
    }

    /// One more page.
    pub fn push(&self, page: Vec<Bytes>) {
        let mut state = self.state();
        let number = state.settled.len() + state.given.len() + state.waiting.len();
        state.waiting.insert(number, page);
        drop(state);
        self.changed.notify_one();
    }

    /// Numbers of the pages that were settled whole, in the order in which they were.
    #[must_use]
    pub fn settled_pages(&self) -> Vec<usize> {
        self.state().settled.clone()
    }

    /// Events settled so far.
    #[must_use]
    pub fn settled_events(&self) -> usize {
        self.state().settled_events
    }

    /// Events handed back so far, through an acker or by dropping it.
    #[must_use]
    pub fn handed_back(&self) -> usize {
        self.state().handed_back
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next page that may be given, with its ticket; `Err`: whether there will never be one.
    fn take(&self) -> Result<(usize, u64, Vec<Bytes>), bool> {
        let mut state = self.state();
        match state.waiting.pop_first() {
            Some((number, page)) => {
                state.tickets += 1;
                let ticket = state.tickets;
                state.given.insert(number, (ticket, page.clone()));
                Ok((number, ticket, page))
            }
            None => Err(state.given.is_empty() && !state.endless),
        }
    }

    fn resolve(&self, page: usize, ticket: u64, outcomes: &[Outcome]) {
        let mut state = self.state();
        let events = match state.given.get(&page) {
            Some((current, events)) if *current == ticket => events.clone(),
            // The source was rewound since, and gives the page again.
            _ => return,
        };
        let back = |index: usize| outcomes.get(index) != Some(&Outcome::Settled);
        let returned: Vec<_> = events
            .iter()
            .enumerate()
            .filter(|(index, _)| back(*index))
            .map(|(_, event)| event.clone())
            .collect();
        state.handed_back += returned.len();
        let whole = match self.order {
            AckOrder::Cumulative if !returned.is_empty() => {
                let later = state.given.split_off(&page);
                let later = later.into_iter().map(|(page, (_, events))| (page, events));
                state.waiting.extend(later);
                return self.changed.notify_one();
            }
            _ => events.len() - returned.len(),
        };
        state.given.remove(&page);
        state.settled_events += whole;
        if returned.is_empty() {
            state.settled.push(page);
        } else {
            state.waiting.insert(page, returned);
        }
        self.changed.notify_one();
    }
}

#[async_trait]
impl EventSource for MemorySource {
    fn ack_order(&self) -> AckOrder {
        self.order
    }

    fn dedup_window(&self) -> DedupWindow {
        self.dedup.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        if let Some(error) = self.state().faults.pop_front() {
            return Err(error);
        }
        let (page, ticket, events) = loop {
            match self.take() {
                Ok(taken) => break taken,
                Err(true) => return Ok(None),
                Err(false) => self.changed.notified().await,
            }
        };
        let origin = Arc::new(Origin::org("acme"));
        let items = events
            .into_iter()
            .map(|json| RawEvent::parse(json, Arc::clone(&origin)))
            .collect();
        let state = self.state();
        let acker = MemoryAcker {
            source: Some(self.clone()),
            page,
            ticket,
        };
        let mut delivery = Delivery::new(items, Box::new(acker));
        delivery.deadline = state
            .budget
            .map(|budget| (Instant::now() + budget).into_std());
        delivery.clock_offset = state.clock_offset;
        Ok(Some(delivery))
    }
}

#[derive(Debug)]
struct MemoryAcker {
    source: Option<MemorySource>,
    page: usize,
    ticket: u64,
}

#[async_trait]
impl Acker for MemoryAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let Some(source) = self.source.clone() else {
            return Ok(());
        };
        let (takes, fails) = {
            let mut state = source.state();
            let fails = state.ack_fails.map(|error| error());
            (state.ack_takes, fails.or(state.ack_faults.pop_front()))
        };
        sleep(takes).await;
        if let Some(error) = fails {
            return Err(error);
        }
        self.source = None;
        source.resolve(self.page, self.ticket, outcomes);
        Ok(())
    }
}

impl Drop for MemoryAcker {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            source.resolve(self.page, self.ticket, &[]);
        }
    }
}
