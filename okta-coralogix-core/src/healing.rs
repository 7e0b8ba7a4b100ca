//! A second source that gives what the first one has lost.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::time::{Instant, sleep_until};

use crate::backoff::later;
use crate::filter::DedupWindow;
use crate::observe::Reporter;
use crate::{AckOrder, AnswerCounter, Clock, Delivery, EventSource, Result, SystemClock};

/// Events and bytes that are held at which no more is asked for. One page may exceed them.
const MAX_EVENTS: usize = 4_000;
const MAX_BYTES: usize = 16 << 20;

/// Heals a route that may lose events: gives those of a second, complete source a while after they were published, when the first route
/// has surely brought them.
///
/// Its pipeline and that of the first route share one [`DedupWindow`]
/// ([`PipelineBuilder::dedup_window`](crate::pipeline::PipelineBuilder::dedup_window)). What the first has delivered is a duplicate to
/// the second; what is new to it was lost, or is late, and is delivered and counted
/// ([`Summary::healed`](crate::Summary::healed)). If the first route brings it after all, it is a duplicate there.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use okta_coralogix_core::testing::{MemorySink, MemorySource};
/// # use okta_coralogix_core::{AckOrder, Pipeline, SystemClock};
/// use okta_coralogix_core::HealingSource;
/// use okta_coralogix_core::filter::DedupWindow;
///
/// # let (push, pull) = (MemorySource::new(AckOrder::Individual, vec![]), MemorySource::new(AckOrder::Cumulative, vec![]));
/// # let sink = Arc::new(MemorySink::default());
/// let day = Duration::from_secs(25 * 3600);
/// let window = DedupWindow::retaining(day, 1_000_000, Arc::new(SystemClock));
/// let pushed = Pipeline::builder(push, Arc::clone(&sink)).dedup_window(window.clone()).build()?;
/// let healing = HealingSource::new(pull, Duration::from_secs(15 * 60));
/// let healed = Pipeline::builder(healing, sink).dedup_window(window).build()?;
/// # Ok::<(), okta_coralogix_core::Error>(())
/// ```
///
/// # What the window has to know
/// Everything that the first route has delivered for as long as the second one may give it: the delay, the time by which the second
/// lags, and up to the limit of the age rule, behind which neither delivers anything. An event of a time that the window does not
/// [cover](DedupWindow::covers) is delivered all the same, since it may be lost, and counted
/// ([`Summary::unverified`](crate::Summary::unverified)): it may arrive twice. [`StoredWindow`](crate::checkpoint::StoredWindow) keeps
/// the window over a restart.
///
/// # States
/// A delivery of the second source is *held* until the latest of its events was published the delay ago, and at most for the delay, in
/// case a clock is wrong; then it is given, the one that is due first before the others. While so many are held that 4,000 events or
/// 16 MiB are reached, the source is not asked: what it has, and what it gives again, is then read when it is about due.
///
/// So a cumulative source that gives a delivery again after a hand-back has it given before those that were held meanwhile, whose ackers
/// are void by then. It has to take outcomes in this order, as a [`Committer`](crate::checkpoint::Committer) does.
///
/// An event without a uuid cannot be told from what the first route has delivered, and is delivered by both.
pub struct HealingSource<S> {
    source: S,
    delay: Duration,
    clock: Arc<dyn Clock>,
    held: VecDeque<Held>,
    /// The source has no more.
    is_over: bool,
}

struct Held {
    delivery: Delivery,
    due: Instant,
    events: usize,
    bytes: usize,
}

impl<S: EventSource> HealingSource<S> {
    /// Gives what `source` has once it was published `delay` ago.
    #[must_use]
    pub fn new(source: S, delay: Duration) -> Self {
        Self {
            source,
            delay,
            clock: Arc::new(SystemClock),
            held: VecDeque::new(),
            is_over: false,
        }
    }

    /// The clock. Default: the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn hold(&mut self, mut delivery: Delivery) {
        delivery.heals = true;
        let events = delivery.items.iter().flatten();
        let latest = events.map(crate::RawEvent::published).max();
        let now = delivery.clock_offset.earlier(self.clock.now());
        let delay = TimeDelta::from_std(self.delay).unwrap_or(TimeDelta::MAX);
        let wait = match latest {
            Some(latest) => {
                let age = now.signed_duration_since(latest);
                let left = delay.checked_sub(&age).unwrap_or(delay);
                left.to_std().unwrap_or_default().min(self.delay)
            }
            // What cannot be read has no time: the source may just have got it.
            None if !delivery.items.is_empty() => self.delay,
            None => Duration::ZERO,
        };
        let bytes = delivery.items.iter().map(|item| match item {
            Ok(event) => event.document().len(),
            Err(malformed) => malformed.bytes.len(),
        });
        self.held.push_back(Held {
            due: later(Instant::now(), wait),
            events: delivery.items.len(),
            bytes: bytes.sum(),
            delivery,
        });
    }

    /// Which delivery is due first, and when: of several the one that came first.
    fn first_due(&self) -> Option<(usize, Instant)> {
        let dues = self.held.iter().map(|held| held.due).enumerate();
        dues.min_by_key(|(_, due)| *due)
    }

    fn has_room(&self) -> bool {
        let events: usize = self.held.iter().map(|held| held.events).sum();
        let bytes: usize = self.held.iter().map(|held| held.bytes).sum();
        events < MAX_EVENTS && bytes < MAX_BYTES
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: EventSource> EventSource for HealingSource<S> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn attach(&mut self, reporter: &Reporter) {
        self.source.attach(reporter);
    }

    fn ack_order(&self) -> AckOrder {
        self.source.ack_order()
    }

    fn dedup_window(&self) -> DedupWindow {
        self.source.dedup_window()
    }

    fn answers(&self) -> AnswerCounter {
        self.source.answers()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            let first = self.first_due();
            if let Some((index, due)) = first
                && due <= Instant::now()
            {
                return Ok(self.held.remove(index).map(|held| held.delivery));
            }
            let due = first.map(|(_, due)| due);
            let (has_room, is_over) = (self.has_room(), self.is_over);
            if is_over && due.is_none() {
                return Ok(None);
            }
            // Where the source is asked, the wait for what is held ends the question: it is asked again, as its contract allows.
            let until_due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = until_due => {}
                given = self.source.next(), if has_room && !is_over => match given? {
                    Some(delivery) => self.hold(delivery),
                    None => self.is_over = true,
                },
            }
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.held.clear();
        self.source.close().await
    }
}

impl<S: EventSource> fmt::Debug for HealingSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealingSource")
            .field("source", &self.source.name())
            .field("delay", &self.delay)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}
