//! `EntrySender`: sends entries without a pipeline.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::LogSink;
use super::isolation::{Isolation, Patience};
use super::learned_limits::LearnedLimits;
use super::request::{Item, Request};
use super::transfer::{DeliveryHooks, Endpoint, Refused, Suspect, Transfer};
use crate::backoff::{Backoff, BackoffPolicy};
use crate::dead_letter::DeadLetterReason;
use crate::interrupts::Interrupts;
use crate::observe::{Observer, Reporter, TracingObserver};
use crate::remote_record::FaultTimeouts;
use crate::stall::Stall;
use crate::{Error, LogEntry, Result};

/// Sends a service's own log entries as the pipeline does: several requests in flight, fewer when the sink is overloaded; a
/// request that fails for a while is sent again, byte for byte, after a backoff; one that is too large is halved; one that is
/// rejected is split until the bad entries are found, and the others are delivered.
///
/// It buffers nothing and remembers no entry. The limits that one [`send`](Self::send) learns of the sink hold for the next.
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
/// let names = Arc::new(Names::new("shop", "checkout"));
/// let text = EntryText::Escaped(r#"{"order":17,"took_ms":4}"#.into());
/// let sender = EntrySender::builder(sink).build();
/// let outcomes = sender.send(vec![LogEntry::new(names, text)]).await?;
/// assert_eq!(outcomes, [SendOutcome::Accepted]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EntrySender {
    settings: EntrySenderBuilder,
    learned: LearnedLimits,
    /// The transfers so far, each with a seed of its own.
    transfers: AtomicU64,
}

/// Builds an [`EntrySender`].
#[derive(Debug)]
pub struct EntrySenderBuilder {
    sink: Arc<dyn LogSink>,
    reporter: Reporter,
    policy: BackoffPolicy,
    requests: usize,
    give_up_after: Duration,
    faults: FaultTimeouts,
    patience: Patience,
    seed: u64,
}

/// The result for one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// The sink accepted it.
    Accepted,
    /// It cannot be sent: it fits no request, or the sink refuses it permanently.
    #[non_exhaustive]
    Refused {
        /// The kind of refusal.
        reason: DeadLetterReason,
        /// The refusal in words: the remote's own, shortened, if it rejected the entry.
        detail: String,
    },
    /// Not sent, or sent and not known to have been accepted.
    Unsent,
}

/// Some entries were not sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendError {
    /// The error that ended the call.
    pub error: Error,
    /// One outcome per entry, in their order.
    pub outcomes: Vec<SendOutcome>,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

/// What ended the call; the outcomes are left behind.
impl From<SendError> for Error {
    fn from(ended: SendError) -> Self {
        ended.error
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl EntrySenderBuilder {
    /// Maximum number of requests in flight, at least 1. Default: 4.
    #[must_use]
    pub fn max_in_flight_requests(mut self, requests: usize) -> Self {
        self.requests = requests.max(1);
        self
    }

    /// The waits between attempts at a request. Default: 200 ms to 30 s, doubled each time.
    #[must_use]
    pub fn backoff(mut self, policy: BackoffPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// [`EntrySender::send`] gives up after this long without an accepted request. Default: never.
    #[must_use]
    pub fn give_up_after(mut self, after: Duration) -> Self {
        self.give_up_after = after;
        self
    }

    /// How long something between may answer in the place of a sink that has accepted nothing yet. Default: 5 minutes.
    /// (See [`PipelineBuilder::interception_timeout`](crate::pipeline::PipelineBuilder::interception_timeout).)
    #[must_use]
    pub fn interception_timeout(mut self, timeout: Duration) -> Self {
        self.faults.interception = timeout;
        self
    }

    /// The wait after which a sink that refused its credential is tried once more; zero: it is not. Default: 60 s.
    #[must_use]
    pub fn refusal_wait(mut self, wait: Duration) -> Self {
        self.faults.refusal = wait;
        self
    }

    /// How long an entry that fails alone by a 5xx, a lost connection or silence, while others pass, is tried before it is
    /// [`Blocked`](DeadLetterReason::Blocked); at most 6 hours, and at most a third of [`give_up_after`](Self::give_up_after). Default: 30
    /// minutes.
    #[must_use]
    pub fn outage_patience(mut self, patience: Duration) -> Self {
        self.patience.outage = patience.min(Patience::MAX_OUTAGE);
        self
    }

    /// Observes accepted and failed requests. Default: [`TracingObserver`].
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.reporter = reporter(observer);
        self
    }

    /// The seed of the jitter. Default: random.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds the sender.
    #[must_use]
    pub fn build(self) -> EntrySender {
        EntrySender {
            learned: LearnedLimits::new(
                self.requests,
                self.faults,
                self.patience.within(self.give_up_after),
            ),
            settings: self,
            transfers: AtomicU64::new(0),
        }
    }
}

impl EntrySender {
    /// A builder with the defaults.
    pub fn builder(sink: impl LogSink) -> EntrySenderBuilder {
        EntrySenderBuilder {
            sink: Arc::new(sink),
            reporter: reporter(TracingObserver::new()),
            policy: BackoffPolicy::default(),
            requests: 4,
            give_up_after: Duration::MAX,
            faults: FaultTimeouts::default(),
            patience: Patience::default(),
            seed: fastrand::u64(..),
        }
    }

    /// Sends `entries` until each has been accepted or refused, for as long as it takes unless
    /// [`give_up_after`](EntrySenderBuilder::give_up_after) is set. Returns one outcome per entry, in their order.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open which entries were sent.
    ///
    /// # Errors
    /// [`SendError`], with the outcome of each entry: on a permanent error, such as a refused key, or when the sender gave up.
    pub async fn send(&self, entries: Vec<LogEntry>) -> Result<Vec<SendOutcome>, SendError> {
        let (stop, stopped) = watch::channel(false);
        let interrupts = Interrupts::of_stop(stopped);
        let give_up_after = self.settings.give_up_after;
        let progress = Progress {
            outcomes: Mutex::new(vec![SendOutcome::Unsent; entries.len()]),
            stall: Stall::default(),
        };
        progress.stall.set_busy(true);
        let items = entries.into_iter().enumerate();
        let mut rest: VecDeque<_> = items
            .map(|(index, entry)| Item::new(entry, index))
            .collect();
        let mut transfers = FuturesUnordered::new();
        let mut isolations = FuturesUnordered::new();
        let mut failed = None;
        loop {
            while failed.is_none() && transfers.len() < self.settings.requests && !rest.is_empty() {
                match Request::take(&*self.settings.sink, &mut rest, self.learned.ceiling()) {
                    Ok(Ok(request)) => {
                        transfers.push(self.transfer(request, &progress, interrupts.clone()));
                    }
                    Ok(Err((item, error))) => {
                        if let Some(index) = item.state.slot {
                            let outcome = SendOutcome::Refused {
                                reason: error.reason(),
                                detail: error.to_string(),
                            };
                            progress.set(index, outcome);
                        }
                    }
                    Err(error) => failed = Some(error),
                }
            }
            let ends_at = progress.stall.ends_at(give_up_after);
            let is_sending = !transfers.is_empty() || !isolations.is_empty();
            tokio::select! {
                biased;
                Some(sent) = transfers.next() => match sent {
                    Ok(suspects) => for suspect in suspects {
                        isolations.push(self.isolate(suspect, &progress, interrupts.clone()));
                    },
                    Err(error) => failed = failed.or(Some(error)),
                },
                Some(isolated) = isolations.next() => if let Err(error) = isolated {
                    failed = failed.or(Some(error));
                },
                () = sleep_until(ends_at.unwrap_or_else(Instant::now)), if is_sending && failed.is_none() => {
                    failed = progress.stall.gave_up(give_up_after);
                }
                else => break,
            }
            if failed.is_some() {
                stop.send_replace(true);
            }
        }
        drop((transfers, isolations));
        let outcomes = progress
            .outcomes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match failed {
            None => Ok(outcomes),
            Some(error) => Err(SendError { error, outcomes }),
        }
    }

    async fn transfer(
        &self,
        request: Request<usize>,
        mut progress: &Progress,
        interrupts: Interrupts,
    ) -> Result<Vec<Suspect<usize>>> {
        let endpoint = self.endpoint(progress);
        Transfer::new(endpoint, &mut progress, self.backoff(), interrupts)
            .run(request)
            .await
    }

    async fn isolate(
        &self,
        suspect: Suspect<usize>,
        mut progress: &Progress,
        interrupts: Interrupts,
    ) -> Result<()> {
        let isolation = Isolation {
            endpoint: self.endpoint(progress),
            hooks: &mut progress,
            backoff: self.backoff(),
            interrupts,
        };
        isolation.run(suspect).await
    }

    fn endpoint<'a>(&'a self, progress: &'a Progress) -> Endpoint<'a> {
        Endpoint {
            sink: &self.settings.sink,
            reporter: &self.settings.reporter,
            learned: &self.learned,
            stall: &progress.stall,
            lease: None,
        }
    }

    fn backoff(&self) -> Backoff {
        let number = self.transfers.fetch_add(1, Ordering::Relaxed);
        let seed = self.settings.seed.wrapping_add(number);
        Backoff::new(self.settings.policy, seed)
    }
}

/// A sender is no pipeline and has no source.
fn reporter(observer: impl Observer) -> Reporter {
    Reporter::new("", "", observer)
}

/// One call of [`EntrySender::send`]; the slot of an entry is its index.
struct Progress {
    outcomes: Mutex<Vec<SendOutcome>>,
    stall: Stall,
}

impl Progress {
    fn set(&self, index: usize, outcome: SendOutcome) {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)[index] = outcome;
    }
}

impl DeliveryHooks for &Progress {
    type Slot = usize;

    fn accepted(&mut self, index: usize) {
        self.set(index, SendOutcome::Accepted);
    }

    fn rejected(&mut self, index: usize, refused: Refused) {
        let Refused { reason, detail, .. } = refused;
        self.set(index, SendOutcome::Refused { reason, detail });
    }
}
