//! Sending entries without a pipeline.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{DeliveryHooks, LearnedLimits, LogSink, Open, Route, Transfer, encode, encode_reason};
use crate::backoff::{Backoff, BackoffPolicy, later};
use crate::dead_letter::DeadLetterReason;
use crate::observe::{Observer, TracingObserver};
use crate::{Error, ErrorKind, LogEntry, Result};

/// Sends a service's own log entries, with the care that the pipeline takes: several requests in flight, fewer when the
/// sink is overloaded; temporary faults repeated with backoff, the very same bytes; what is too large halved; what is
/// refused searched for the guilty entries, while the others are delivered.
///
/// It buffers nothing and remembers no entry. What one [`send`](Self::send) learns of the sink helps the next.
///
/// ```
/// # use okta_coralogix_core::testing::MemorySink;
/// use std::sync::Arc;
///
/// use okta_coralogix_core::sink::{EntrySender, SendOutcome};
/// use okta_coralogix_core::{EntryText, LogEntry, Names};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), okta_coralogix_core::sink::SendError> {
/// # let sink = MemorySink::new();
/// let names = Arc::new(Names {
///     application: "shop".into(),
///     subsystem: "checkout".into(),
///     computer: None,
/// });
/// let text = EntryText::Escaped(r#"{"order":17,"took_ms":4}"#.into());
/// let sender = EntrySender::builder(sink).build();
/// let outcomes = sender.send(vec![LogEntry::new(names, text)]).await?;
/// assert_eq!(outcomes, [SendOutcome::Accepted]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EntrySender {
    sink: Arc<dyn LogSink>,
    observer: Arc<dyn Observer>,
    learned: LearnedLimits,
    policy: BackoffPolicy,
    requests: usize,
    give_up: Option<Duration>,
    seed: AtomicU64,
}

/// Settings of an [`EntrySender`].
#[derive(Debug)]
pub struct EntrySenderBuilder {
    sink: Arc<dyn LogSink>,
    observer: Arc<dyn Observer>,
    policy: BackoffPolicy,
    requests: usize,
    give_up: Option<Duration>,
    seed: u64,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// The sink accepted it.
    Accepted,
    /// It cannot be sent: it fits no request, or the sink refuses it for good.
    Refused {
        /// Which of these.
        reason: DeadLetterReason,
        /// In words; the far side's where it refused it (bounded).
        detail: String,
    },
    /// Not sent, or sent and not known to have been accepted.
    Unsent,
}

/// Not everything was sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendError {
    /// Why.
    pub error: Error,
    /// What became of each entry, in the order in which they were given.
    pub outcomes: Vec<SendOutcome>,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl EntrySenderBuilder {
    /// The most requests in flight; 4 by default, one at least.
    #[must_use]
    pub fn max_in_flight_requests(mut self, requests: usize) -> Self {
        self.requests = requests.max(1);
        self
    }

    /// How long to wait before a request is sent again.
    #[must_use]
    pub fn backoff(mut self, policy: BackoffPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The time without anything accepted after which [`EntrySender::send`] gives up; never by default.
    #[must_use]
    pub fn give_up_after(mut self, after: Duration) -> Self {
        self.give_up = Some(after);
        self
    }

    /// Hears of requests that were accepted or failed; by default they go to `tracing`.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Determines the jitter of the waits; drawn at random by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The sender.
    #[must_use]
    pub fn build(self) -> EntrySender {
        EntrySender {
            sink: self.sink,
            observer: self.observer,
            learned: LearnedLimits::new(self.requests),
            policy: self.policy,
            requests: self.requests,
            give_up: self.give_up,
            seed: AtomicU64::new(self.seed),
        }
    }
}

impl EntrySender {
    /// A builder with the defaults.
    pub fn builder(sink: impl LogSink) -> EntrySenderBuilder {
        EntrySenderBuilder {
            sink: Arc::new(sink),
            observer: Arc::new(TracingObserver),
            policy: BackoffPolicy::default(),
            requests: 4,
            give_up: None,
            seed: fastrand::u64(..),
        }
    }

    /// Sends `entries` until each has been accepted or refused, for as long as it takes unless
    /// [`give_up`](EntrySenderBuilder::give_up_after) is set. Returns what became of each, in their order.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open which entries were sent.
    ///
    /// # Errors
    /// [`SendError`], with what became of each entry: a refused key, a wrong endpoint and their like, or the time given has
    /// passed.
    pub async fn send(&self, entries: Vec<LogEntry>) -> Result<Vec<SendOutcome>, SendError> {
        let (stop, stopped) = watch::channel(false);
        let life = Life::new();
        let give_up = self.give_up.unwrap_or(Duration::MAX);
        let mut outcomes = vec![SendOutcome::Unsent; entries.len()];
        let mut rest = entries
            .into_iter()
            .enumerate()
            .collect::<Vec<_>>()
            .into_iter();
        let mut sends = FuturesUnordered::new();
        let mut failed = None;
        loop {
            while failed.is_none() && sends.len() < self.requests && !rest.as_slice().is_empty() {
                match self.gather(&mut rest) {
                    Ok(Gathered::Request(group)) => {
                        sends.push(self.transfer(group, &life, stopped.clone()));
                    }
                    Ok(Gathered::Unsendable(index, outcome)) => outcomes[index] = outcome,
                    Err(error) => failed = Some(error),
                }
            }
            tokio::select! {
                biased;
                sent = sends.next() => {
                    let Some(Sending { places, ended, result }) = sent else { break };
                    for (place, outcome) in places.into_iter().zip(ended) {
                        outcomes[place] = outcome;
                    }
                    if let Err(error) = result {
                        failed.get_or_insert(error);
                    }
                }
                () = sleep_until(life.ends(give_up)), if failed.is_none() => {
                    failed = life.gave_up(give_up);
                }
            }
            if failed.is_some() {
                stop.send_replace(true);
            }
        }
        drop(sends);
        match failed {
            None => Ok(outcomes),
            Some(error) => Err(SendError { error, outcomes }),
        }
    }

    /// The next request, out of the first of the entries.
    fn gather(&self, rest: &mut std::vec::IntoIter<(usize, LogEntry)>) -> Result<Gathered> {
        let ceiling = self.learned.ceiling();
        let most = self.sink.limits().entries.max(1);
        let next = rest.as_slice().iter().take(most);
        let entries: Vec<_> = next.map(|(_, entry)| entry.clone()).collect();
        match encode(&*self.sink, &entries, ceiling)? {
            Ok(batch) => {
                let (places, entries) = rest.take(batch.entries).unzip();
                Ok(Gathered::Request(Group {
                    places,
                    entries,
                    batch,
                }))
            }
            Err(error) => {
                let index = rest.next().map_or(0, |(index, _)| index);
                let reason = encode_reason(&error);
                let detail = error.to_string();
                Ok(Gathered::Unsendable(
                    index,
                    SendOutcome::Refused { reason, detail },
                ))
            }
        }
    }

    async fn transfer(&self, group: Group, life: &Life, stop: watch::Receiver<bool>) -> Sending {
        let mut ends = SendOutcomes {
            outcomes: vec![SendOutcome::Unsent; group.places.len()],
            life,
        };
        let route = Route {
            sink: &self.sink,
            observer: &*self.observer,
            learned: &self.learned,
        };
        let backoff = Backoff::new(self.policy, self.seed.fetch_add(1, Ordering::Relaxed));
        let batch = Some(group.batch);
        let transfer = Transfer::new(route, &mut ends, backoff, stop, group.entries, batch);
        let result = transfer.run().await;
        Sending {
            places: group.places,
            ended: ends.outcomes,
            result,
        }
    }
}

/// Entries of one request, and where they stand among those that were given.
struct Group {
    places: Vec<usize>,
    entries: Vec<LogEntry>,
    batch: super::Batch,
}

enum Gathered {
    Request(Group),
    Unsendable(usize, SendOutcome),
}

struct Sending {
    places: Vec<usize>,
    ended: Vec<SendOutcome>,
    result: Result<()>,
}

/// When something was last accepted, and what has failed since.
struct Life(Mutex<Lived>);

struct Lived {
    accepted: Instant,
    fault: Option<String>,
}

impl Life {
    fn new() -> Self {
        Self(Mutex::new(Lived {
            accepted: Instant::now(),
            fault: None,
        }))
    }

    fn accepted(&self) {
        let mut lived = self.lived();
        lived.accepted = Instant::now();
        lived.fault = None;
    }

    fn failed(&self, error: &Error) {
        self.lived().fault = Some(error.to_string());
    }

    /// When it is to be given up, as far as is known now.
    fn ends(&self, give_up: Duration) -> Instant {
        later(self.lived().accepted, give_up)
    }

    /// The error, unless something was accepted meanwhile.
    fn gave_up(&self, give_up: Duration) -> Option<Error> {
        if Instant::now() < self.ends(give_up) {
            return None;
        }
        let lived = self.lived();
        let fault = lived.fault.as_deref().unwrap_or("no answer");
        let seconds = give_up.as_secs();
        let detail = format!("nothing was accepted for {seconds} s; the last fault: {fault}");
        Some(Error::new(ErrorKind::GaveUp, detail))
    }

    fn lived(&self) -> MutexGuard<'_, Lived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct SendOutcomes<'a> {
    outcomes: Vec<SendOutcome>,
    life: &'a Life,
}

impl DeliveryHooks for SendOutcomes<'_> {
    fn accepted(&mut self, index: usize) {
        self.outcomes[index] = SendOutcome::Accepted;
    }

    fn refused(&mut self, index: usize, reason: DeadLetterReason, detail: &str) {
        let detail = detail.to_owned();
        self.outcomes[index] = SendOutcome::Refused { reason, detail };
    }

    /// Age is the pipeline's concern.
    fn retire(&mut self, _: &mut Open, _: &[usize]) -> bool {
        false
    }

    fn progress(&mut self) {
        self.life.accepted();
    }

    fn fault(&mut self, error: &Error) {
        self.life.failed(error);
    }
}
