//! The first messages of a queue: whether all of them are too old.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::filter::{AgeFilter, DedupWindow};
use okta_coralogix_core::observe::Reporter;
use okta_coralogix_core::{
    AckOrder, AnswerCounter, Clock, Delivery, Error, ErrorKind, EventSource, Result,
};
use tokio::time::timeout;

/// So many messages that are all too old show that the queue is an old one, such as a dead-letter queue.
const MESSAGES: usize = 20;

/// Fewer do, if no other message comes for this long.
const QUIET: Duration = Duration::from_secs(10);

/// The most items that are held back: those that are no events show nothing, and take memory.
const MAX_HELD: usize = 200;

/// Ends with an error if the first messages of a queue are all too old, before one of them is deleted: no setting says that such
/// events may be dropped. States:
/// * *looking*: from the first message on that is too old, what the queue gives is held back. An event that is not too old leads to
///   *passing*. [`MESSAGES`] events that are, or fewer and no other message, or [`MAX_HELD`] items held back lead to the error;
/// * *passing*: what was held back is given, then what the queue gives.
#[derive(Debug)]
pub(super) struct FirstMessages<S, C> {
    source: S,
    clock: C,
    age: AgeFilter,
    /// All events in them are too old.
    held: VecDeque<Delivery>,
    /// The number of items in them.
    held_items: usize,
    too_old: usize,
    is_passing: bool,
}

impl<S: EventSource, C: Clock> FirstMessages<S, C> {
    /// `is_needed`: an operator has not said what becomes of such messages.
    pub(super) fn new(source: S, clock: C, is_needed: bool) -> Self {
        Self {
            source,
            clock,
            age: AgeFilter::default(),
            held: VecDeque::new(),
            held_items: 0,
            too_old: 0,
            is_passing: !is_needed,
        }
    }

    /// Counts the events that are too old; false if another one is among them.
    fn look(&mut self, delivery: &Delivery) -> bool {
        let now = delivery.clock_offset.earlier(self.clock.now());
        // What is no event says nothing, and is dead-lettered.
        for event in delivery.items.iter().flatten() {
            if !self.age.is_too_old(event.published(), now) {
                return false;
            }
            self.too_old += 1;
        }
        true
    }

    fn refusal(&self) -> Error {
        let count = self.too_old;
        let detail = format!(
            "all of the first {count} events of the queue are more than 24 hours old, which Coralogix does not take; none was \
             deleted: say by --too-old what becomes of such events: drop (delete them, and count them), dead-letter (keep them in the \
             file of dead letters) or restamp (send them with the present time)"
        );
        Error::new(ErrorKind::Config, detail)
    }
}

#[async_trait]
impl<S: EventSource, C: Clock> EventSource for FirstMessages<S, C> {
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
        while !self.is_passing {
            let next = match self.too_old {
                0 => self.source.next().await?,
                _ => match timeout(QUIET, self.source.next()).await {
                    Ok(next) => next?,
                    Err(_) => return Err(self.refusal()),
                },
            };
            let Some(delivery) = next else {
                if self.too_old > 0 {
                    return Err(self.refusal());
                }
                self.is_passing = true;
                break;
            };
            self.is_passing = !self.look(&delivery);
            if self.too_old == 0 {
                // Nothing speaks for an old queue, and a source may wait for this delivery before it ends.
                return Ok(Some(delivery));
            }
            self.held_items += delivery.items.len();
            self.held.push_back(delivery);
            let is_shown = self.too_old >= MESSAGES || self.held_items >= MAX_HELD;
            if !self.is_passing && is_shown {
                return Err(self.refusal());
            }
        }
        match self.held.pop_front() {
            Some(delivery) => Ok(Some(delivery)),
            None => self.source.next().await,
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.source.close().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use bytes::Bytes;
    use chrono::TimeDelta;
    use okta_coralogix_core::Outcome;
    use okta_coralogix_core::testing::{EventGenerator, MemorySource, TestClock};
    use tokio::time::Instant;

    use super::*;

    fn queue(ages: &[i64]) -> (MemorySource, TestClock) {
        let start = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut generator = EventGenerator::new(5);
        let page = |hours: &i64| vec![generator.event(start - TimeDelta::hours(*hours)).json];
        let pages = ages.iter().map(page).collect();
        let source = MemorySource::new(AckOrder::Individual, pages);
        (source, TestClock::starting_at(start))
    }

    /// The deliveries until the end, or until the error.
    async fn given(mut source: impl EventSource) -> (usize, Option<Error>) {
        let mut given = 0;
        loop {
            match source.next().await {
                Ok(Some(delivery)) => {
                    given += 1;
                    let outcomes = vec![Outcome::Settled; delivery.items.len()];
                    delivery.acker.settle(&outcomes).await.unwrap();
                }
                Ok(None) => return (given, None),
                Err(error) => return (given, Some(error)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn queue_of_old_messages_is_refused_and_none_is_given() {
        for count in [1, 10, 19, 20, 300] {
            let (source, clock) = queue(&vec![25; count]);
            let (given, error) = given(FirstMessages::new(source, clock, true)).await;
            let error = error.unwrap();
            assert!(given == 0 && !error.is_temporary(), "{count}: {error}");
            assert!(error.to_string().contains("--too-old"), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn queue_with_a_fresh_message_among_the_first_is_given_whole() {
        let old = [25; 300];
        for fresh in [0, 5, 19] {
            let mut ages = old;
            ages[fresh] = 1;
            let (source, clock) = queue(&ages);
            let (given, error) = given(FirstMessages::new(source, clock, true)).await;
            assert_eq!((given, error.is_none()), (300, true), "{fresh}");
        }
        let (source, clock) = queue(&old);
        let (given, error) = given(FirstMessages::new(source, clock, false)).await;
        assert_eq!((given, error.is_none()), (300, true), "it was said");
    }

    #[tokio::test(start_paused = true)]
    async fn few_old_messages_are_refused_once_the_queue_is_quiet() {
        let (source, clock) = queue(&[25, 25]);
        let source = source.without_end();
        let began = Instant::now();
        let (given, error) = given(FirstMessages::new(source, clock, true)).await;
        assert!(given == 0 && error.is_some());
        assert!(began.elapsed() >= QUIET);
    }

    #[tokio::test(start_paused = true)]
    async fn message_that_is_no_event_says_nothing_of_the_age() {
        let (_, clock) = queue(&[]);
        let source = MemorySource::new(
            AckOrder::Individual,
            vec![vec![Bytes::from_static(b"no event")]],
        );
        let (given, error) = given(FirstMessages::new(source, clock, true)).await;
        assert_eq!((given, error.is_none()), (1, true));
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_are_no_events_are_not_held_without_end() {
        let (_, clock) = queue(&[]);
        let old = EventGenerator::new(5).event(clock.now() - TimeDelta::hours(25));
        let no_event = || vec![Bytes::from_static(b"no event")];
        let pages = std::iter::once(vec![old.json]).chain((0..1_000).map(|_| no_event()));
        let source = MemorySource::new(AckOrder::Individual, pages.collect());
        let mut first = FirstMessages::new(source, clock, true);
        let error = first.next().await.unwrap_err();
        assert!(error.to_string().contains("--too-old"), "{error}");
        assert_eq!(first.held_items, MAX_HELD);
    }

    #[tokio::test]
    async fn end_of_a_run_closes_the_queue() {
        let (source, clock) = queue(&[]);
        let closed = Arc::new(AtomicBool::new(false));
        let source = ClosingSource(source, Arc::clone(&closed));
        let mut first = FirstMessages::new(source, clock, true);
        first.close().await.unwrap();
        assert!(closed.load(Ordering::Relaxed));
    }

    /// Notes that it was closed.
    #[derive(Debug)]
    struct ClosingSource(MemorySource, Arc<AtomicBool>);

    #[async_trait]
    impl EventSource for ClosingSource {
        fn ack_order(&self) -> AckOrder {
            self.0.ack_order()
        }

        fn dedup_window(&self) -> DedupWindow {
            self.0.dedup_window()
        }

        async fn next(&mut self) -> Result<Option<Delivery>> {
            self.0.next().await
        }

        async fn close(&mut self) -> Result<()> {
            self.1.store(true, Ordering::Relaxed);
            self.0.close().await
        }
    }
}
