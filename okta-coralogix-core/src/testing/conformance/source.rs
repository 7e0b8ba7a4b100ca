//! What every source must do.

use std::collections::HashSet;
use std::fmt;

use futures::future::BoxFuture;

use crate::{AckOrder, Delivery, EventSource, Outcome};

/// A source, and how to open it again as after a restart.
pub struct SourceUnderTest<'a> {
    /// Opens the source: the first time over a remote that has `uuids`, later as a restart does. It ends when it is caught up.
    pub open: &'a (dyn Fn() -> BoxFuture<'a, Box<dyn EventSource>> + Sync),
    /// The uuids of the events that are there: at least two deliveries of them, none twice.
    pub uuids: HashSet<String>,
}

impl fmt::Debug for SourceUnderTest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceUnderTest")
            .field("uuids", &self.uuids.len())
            .finish_non_exhaustive()
    }
}

/// Checks a source before its first delivery.
///
/// # Panics
/// If a must of [`EventSource`] or [`Acker`](crate::Acker) is violated.
pub async fn source(test: &SourceUnderTest<'_>) {
    what_is_dropped_is_given_again(test).await;
    what_is_handed_back_is_given_again(test).await;
    let rest = what_is_settled_is_not_given_again(test).await;
    everything_is_given(test, rest).await;
}

async fn next(source: &mut Box<dyn EventSource>) -> Option<Delivery> {
    loop {
        match source.next().await {
            Ok(next) => return next,
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
    }
}

fn uuids(delivery: &Delivery) -> Vec<String> {
    let uuid = |event: &crate::RawEvent| event.uuid().map(std::borrow::Cow::into_owned);
    delivery.items.iter().flatten().filter_map(uuid).collect()
}

/// The next delivery that is not empty.
async fn events(source: &mut Box<dyn EventSource>) -> Option<Delivery> {
    loop {
        let delivery = next(source).await?;
        if !delivery.items.is_empty() {
            return Some(delivery);
        }
        settle(delivery, Outcome::Settled).await;
    }
}

async fn settle(delivery: Delivery, outcome: Outcome) {
    let outcomes = vec![outcome; delivery.items.len()];
    let settled = delivery.acker.settle(&outcomes).await;
    settled.expect("a delivery can be settled or handed back");
}

async fn what_is_dropped_is_given_again(test: &SourceUnderTest<'_>) {
    let mut source = (test.open)().await;
    let dropped = uuids(&events(&mut source).await.expect("there are events"));
    drop(source);
    let mut source = (test.open)().await;
    let again = uuids(
        &events(&mut source)
            .await
            .expect("what was dropped is there"),
    );
    assert_eq!(
        again, dropped,
        "a dropped delivery is given again after a restart"
    );
}

async fn what_is_handed_back_is_given_again(test: &SourceUnderTest<'_>) {
    let mut source = (test.open)().await;
    let delivery = events(&mut source).await.expect("there are events");
    let back = uuids(&delivery);
    settle(delivery, Outcome::HandedBack).await;
    let again = uuids(
        &events(&mut source)
            .await
            .expect("what was handed back is there"),
    );
    assert_eq!(again, back, "what was handed back is given again at once");
}

async fn what_is_settled_is_not_given_again(test: &SourceUnderTest<'_>) -> HashSet<String> {
    let mut source = (test.open)().await;
    let first = events(&mut source).await.expect("there are events");
    let second = events(&mut source).await.expect("there are more events");
    let (settled, dropped) = (uuids(&first), uuids(&second));
    settle(first, Outcome::Settled).await;
    drop((second, source));
    let mut source = (test.open)().await;
    let after = uuids(
        &events(&mut source)
            .await
            .expect("the second delivery is there"),
    );
    assert!(
        settled.iter().all(|uuid| !after.contains(uuid)),
        "what was settled is not given again"
    );
    assert_eq!(after, dropped, "what comes after is what was not settled");
    &test.uuids - &settled.into_iter().collect()
}

async fn everything_is_given(test: &SourceUnderTest<'_>, mut rest: HashSet<String>) {
    let mut source = (test.open)().await;
    let order = source.ack_order();
    let mut waiting = Vec::new();
    while let Some(delivery) = events(&mut source).await {
        for uuid in uuids(&delivery) {
            assert!(rest.remove(&uuid), "{uuid} was given once");
        }
        match order {
            AckOrder::Cumulative => settle(delivery, Outcome::Settled).await,
            AckOrder::Individual => waiting.push(delivery),
        }
        // An individual source takes its outcomes in any order, so the last comes first.
        while let Some(delivery) = waiting.pop() {
            settle(delivery, Outcome::Settled).await;
        }
    }
    assert!(rest.is_empty(), "every event was given; missing: {rest:?}");
}
