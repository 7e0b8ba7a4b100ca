//! A source that the suite has opened, and what it has given.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::poll_fn;
use tokio::time::{sleep, timeout};

use super::SourceUnderTest;
use crate::filter::Claim;
use crate::testing::conformance::Rule;
use crate::{AckOrder, Acker, Delivery, Detached, EventSource, Outcome, Result};

/// How long a source may take over a delivery. Under paused time it passes at once.
const PATIENCE: Duration = Duration::from_secs(300);

/// Between two attempts.
const RETRY_WAIT: Duration = Duration::from_millis(10);

/// What was given: each is counted once.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) uuids: HashSet<String>,
    pub(super) malformed: HashSet<Bytes>,
}

impl Given {
    pub(super) fn add(&mut self, delivery: &Delivery) {
        self.uuids.extend(uuids(delivery));
        self.malformed.extend(malformed(delivery));
    }

    pub(super) fn is_all_of(&self, test: &SourceUnderTest) -> bool {
        self.uuids.is_superset(&test.uuids)
            && test
                .malformed
                .iter()
                .all(|item| self.malformed.contains(item))
    }

    /// Panics if something of the remote was not given.
    pub(super) fn check_is_all_of(&self, test: &SourceUnderTest, rule: Rule, when: &str) {
        let missing = test.uuids.difference(&self.uuids).count();
        let total = test.uuids.len();
        rule.check(
            missing == 0,
            format!("{missing} of {total} events are not given {when}"),
        );
        let is_missing = |item: &&Bytes| !self.malformed.contains(*item);
        let missing = test.malformed.iter().filter(is_missing).count();
        let rule = match rule {
            Rule::GIVEN => Rule::MALFORMED,
            other => other,
        };
        rule.check(
            missing == 0,
            format!("{missing} items that are no events are not given {when}, with their bytes"),
        );
    }
}

pub(super) struct Opened {
    pub(super) source: Box<dyn EventSource>,
    /// Empty deliveries whose turn has not come.
    empty: Vec<Delivery>,
    /// Held by each delivery that is not settled or handed back yet.
    in_flight: Arc<()>,
}

impl Opened {
    pub(super) fn new(source: Box<dyn EventSource>) -> Self {
        Self {
            source,
            empty: Vec::new(),
            in_flight: Arc::default(),
        }
    }

    pub(super) fn is_cumulative(&self) -> bool {
        self.source.ack_order() == AckOrder::Cumulative
    }

    /// The next delivery that is not empty, after as many temporary errors as it takes.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        self.next_of(Rule::GIVEN).await
    }

    /// [`next`](Self::next); where nothing comes, this rule is violated.
    pub(super) async fn next_of(&mut self, rule: Rule) -> Option<Delivery> {
        let next = async {
            loop {
                self.settle_empty().await;
                match self.source.next().await {
                    Ok(None) => return None,
                    Ok(Some(empty)) if empty.items.is_empty() => self.empty.push(empty),
                    Ok(Some(delivery)) => return Some(self.in_turn(delivery)),
                    Err(error) => retry(rule, &error).await,
                }
            }
        };
        match timeout(PATIENCE, next).await {
            Ok(next) => next,
            Err(_) => {
                panic!("{rule}: the source waits, and gives nothing, although there is something")
            }
        }
    }

    /// The next delivery that is not empty; there must be one.
    pub(super) async fn some(&mut self, rule: Rule, otherwise: &str) -> Delivery {
        rule.some(self.next_of(rule).await, otherwise)
    }

    /// As [`next`](Self::next), but each call of the source is dropped after it was polled once, then twice, and so on.
    pub(super) async fn interrupted_next(&mut self) -> Option<Delivery> {
        for polls in 1..=20 {
            self.settle_empty().await;
            match interrupted(self.source.next(), polls).await {
                None => {}
                Some(Ok(None)) => return None,
                Some(Ok(Some(empty))) if empty.items.is_empty() => self.empty.push(empty),
                Some(Ok(Some(delivery))) => return Some(self.in_turn(delivery)),
                Some(Err(error)) => retry(Rule::NEXT_DROPPED, &error).await,
            }
        }
        self.next_of(Rule::NEXT_DROPPED).await
    }

    /// Settles the empty deliveries, unless one that was given before them is in flight: a pipeline settles those of a cumulative
    /// source in their order.
    async fn settle_empty(&mut self) {
        if Arc::strong_count(&self.in_flight) > 1 && self.is_cumulative() {
            return;
        }
        for empty in self.empty.drain(..) {
            settle_empty(empty.acker).await;
        }
    }

    /// The delivery, which takes the empty ones before it along: they are settled when it is, or go back with it.
    fn in_turn(&mut self, delivery: Delivery) -> Delivery {
        let acker = InTurn {
            before: self.empty.drain(..).map(|empty| empty.acker).collect(),
            acker: delivery.acker,
            _in_flight: Arc::clone(&self.in_flight),
        };
        Delivery {
            acker: Box::new(acker),
            ..delivery
        }
    }

    /// Settles all that comes until the source ends.
    pub(super) async fn settle_rest(&mut self, given: &mut Given) {
        while let Some(delivery) = self.next().await {
            given.add(&delivery);
            self.settle(delivery).await;
        }
    }

    /// Settles a delivery as a pipeline does: the uuids are remembered first.
    pub(super) async fn settle(&self, delivery: Delivery) {
        let settled = self.try_settle(delivery).await;
        Rule::DURABLE.ok(settled, "a settlement fails although nothing is wrong");
    }

    pub(super) async fn try_settle(&self, delivery: Delivery) -> Result<()> {
        let outcomes = vec![Outcome::Settled; delivery.items.len()];
        self.settle_with(delivery, &outcomes).await
    }

    pub(super) async fn settle_with(&self, delivery: Delivery, outcomes: &[Outcome]) -> Result<()> {
        let window = self.source.dedup_window();
        for (item, outcome) in delivery.items.iter().zip(outcomes) {
            let uuid = item.as_ref().ok().and_then(|event| event.uuid());
            if let (Some(uuid), Outcome::Settled) = (uuid, outcome)
                && let Claim::New(held) = window.claim(&uuid)
            {
                held.remember();
            }
        }
        delivery.acker.settle(outcomes).await
    }
}

/// Polls a future up to so many times; `None`: it was dropped then.
pub(super) async fn interrupted<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

pub(super) fn uuids(delivery: &Delivery) -> Vec<String> {
    let uuid = |event: &crate::RawEvent| event.uuid().map(std::borrow::Cow::into_owned);
    delivery.items.iter().flatten().filter_map(uuid).collect()
}

fn malformed(delivery: &Delivery) -> impl Iterator<Item = Bytes> {
    let items = delivery.items.iter();
    items.filter_map(|item| item.as_ref().err().map(|malformed| malformed.bytes.clone()))
}

/// What identifies each item of a delivery, in its order.
pub(super) fn items(delivery: &Delivery) -> Vec<String> {
    let name = |item: &Result<crate::RawEvent, crate::MalformedEvent>| match item {
        Ok(event) => event.uuid().unwrap_or_default().into_owned(),
        Err(malformed) => String::from_utf8_lossy(&malformed.bytes).into_owned(),
    };
    delivery.items.iter().map(name).collect()
}

/// The acker of a delivery, and those of the empty ones before it.
#[derive(Debug)]
struct InTurn {
    before: Vec<Box<dyn Acker>>,
    acker: Box<dyn Acker>,
    _in_flight: Arc<()>,
}

#[async_trait]
impl Acker for InTurn {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        for empty in self.before {
            settle_empty(empty).await;
        }
        self.acker.settle(outcomes).await
    }

    fn detach(&mut self, item: usize) -> Option<Detached> {
        self.acker.detach(item)
    }
}

async fn settle_empty(acker: Box<dyn Acker>) {
    Rule::DURABLE.ok(
        acker.settle(&[]).await,
        "an empty delivery cannot be settled",
    );
    // A source that gives it again for ever must not keep the patience from ending.
    sleep(RETRY_WAIT).await;
}

async fn retry(rule: Rule, error: &crate::Error) {
    rule.check(
        error.is_temporary(),
        format!("the source ends, although nothing is wrong: {error}"),
    );
    sleep(RETRY_WAIT).await;
}
