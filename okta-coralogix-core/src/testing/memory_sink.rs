//! A sink in memory, with a ledger and scripted faults.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BufMut, Bytes};
use tokio::time::{Instant, sleep};

use crate::sink::{Batch, BatchLimits, EncodeError, LogSink};
use crate::{Error, ErrorKind, LogEntry, Result};

/// A sink that remembers what arrived. Clones are handles to the same sink.
#[derive(Debug, Clone)]
pub struct MemorySink {
    limits: BatchLimits,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    arrived: Vec<Bytes>,
    requests: Vec<usize>,
    script: VecDeque<SinkFault>,
    takes: Duration,
    down_until: Option<Instant>,
    refuses_text: Option<Refusal>,
    refuses_all: Option<fn() -> Error>,
    in_flight: usize,
    max_in_flight: usize,
}

type Refusal = Box<dyn Fn(&[u8]) -> bool + Send>;

/// The fault of one request.
#[derive(Debug)]
#[non_exhaustive]
pub enum SinkFault {
    /// The sink refuses it and keeps none of it.
    Refuse(Error),
    /// The sink accepts it, and the response is lost.
    LoseAnswer,
    /// Nothing is wrong with it: to place a fault at a later request.
    Accept,
}

impl MemorySink {
    /// A sink that takes up to 1,000 entries a request.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(BatchLimits::new(1000, 2_000_000))
    }

    /// A sink with other limits.
    #[must_use]
    pub fn with_limits(limits: BatchLimits) -> Self {
        Self {
            limits,
            state: Arc::default(),
        }
    }

    /// Every request takes this long.
    #[must_use]
    pub fn with_latency(self, time: Duration) -> Self {
        self.state().takes = time;
        self
    }

    /// Requests with an entry whose text `refuse` says true to are refused whole, as a 400 is.
    #[must_use]
    pub fn refusing(self, refuse: impl Fn(&[u8]) -> bool + Send + 'static) -> Self {
        self.state().refuses_text = Some(Box::new(refuse));
        self
    }

    /// Scripts the faults of the next requests, one each.
    pub fn script(&self, faults: impl IntoIterator<Item = SinkFault>) {
        self.state().script.extend(faults);
    }

    /// Drops the scripted faults that no request has met.
    pub fn clear_script(&self) {
        self.state().script.clear();
    }

    /// Requests with an entry whose text contains `part` are refused whole, as a 400 is, until `None` is set.
    pub fn refuse_text(&self, part: Option<&'static str>) {
        self.state().refuses_text = part.map(|part| {
            let contains = move |text: &[u8]| String::from_utf8_lossy(text).contains(part);
            Box::new(contains) as Refusal
        });
    }

    /// Every request fails with this, until `None` is set.
    pub fn refuse_all(&self, error: Option<fn() -> Error>) {
        self.state().refuses_all = error;
    }

    /// Every request fails for this long from now, as on a lost connection.
    pub fn fail_for(&self, time: Duration) {
        self.state().down_until = Some(Instant::now() + time);
    }

    /// The texts of the entries in a batch of this sink.
    #[must_use]
    pub fn texts(batch: &Batch) -> Vec<Bytes> {
        let mut texts = Vec::with_capacity(batch.entries);
        let mut rest = batch.body.clone();
        while rest.len() >= PREFIX {
            let length = rest.get_u32() as usize;
            texts.push(rest.split_to(length));
        }
        texts
    }

    /// The texts that arrived, in their order, repeats included.
    #[must_use]
    pub fn arrived(&self) -> Vec<Bytes> {
        self.state().arrived.clone()
    }

    /// How often each text arrived.
    #[must_use]
    pub fn counts(&self) -> HashMap<Bytes, usize> {
        let mut counts = HashMap::new();
        for text in self.arrived() {
            *counts.entry(text).or_default() += 1;
        }
        counts
    }

    /// How many entries each request had that was sent, whatever its answer.
    #[must_use]
    pub fn requests(&self) -> Vec<usize> {
        self.state().requests.clone()
    }

    /// The highest number of requests that were in flight at a time.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.state().max_in_flight
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, texts: &[Bytes]) -> Result<()> {
        let mut state = self.state();
        state.requests.push(texts.len());
        if state.down_until.is_some_and(|until| Instant::now() < until) {
            return Err(Error::temporary(ErrorKind::Network, "the sink is down"));
        }
        if let Some(error) = state.refuses_all {
            return Err(error());
        }
        match state.script.pop_front() {
            Some(SinkFault::Refuse(error)) => return Err(error),
            Some(SinkFault::LoseAnswer) => {
                state.arrived.extend_from_slice(texts);
                let lost = Error::temporary(ErrorKind::Network, "the answer was lost");
                return Err(lost.with_ambiguity(true));
            }
            Some(SinkFault::Accept) | None => {}
        }
        if state
            .refuses_text
            .as_ref()
            .is_some_and(|refuse| texts.iter().any(|text| refuse(text)))
        {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the sink refuses an entry of the request",
            ));
        }
        state.arrived.extend_from_slice(texts);
        Ok(())
    }
}

impl Default for MemorySink {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts a request as in flight for as long as it lives.
struct InFlight<'a>(&'a MemorySink);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

/// Length of a text's length in a body.
const PREFIX: usize = size_of::<u32>();

#[async_trait]
impl LogSink for MemorySink {
    fn limits(&self) -> BatchLimits {
        self.limits
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        Batch::fill(entries, self.limits, |entry, body| {
            let text = entry.text.document();
            let length = u32::try_from(text.len());
            let length = length.map_err(|_| EncodeError::Invalid("over 4 GiB".into()))?;
            body.put_u32(length);
            body.put_slice(text);
            Ok(())
        })
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        let takes = {
            let mut state = self.state();
            state.in_flight += 1;
            state.max_in_flight = state.max_in_flight.max(state.in_flight);
            state.takes
        };
        let _in_flight = InFlight(self);
        sleep(takes).await;
        self.answer(&Self::texts(batch))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("arrived", &self.arrived.len())
            .field("requests", &self.requests.len())
            .finish_non_exhaustive()
    }
}
