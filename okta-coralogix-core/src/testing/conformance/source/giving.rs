//! What a source gives, and when it ends.

use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use tokio::task::yield_now;

use super::SourceUnderTest;
use super::opened::{Given, Opened, items, uuids};
use crate::Delivery;
use crate::testing::conformance::Rule;

/// A test over a remote that is almost empty would show nothing.
pub(super) async fn test_can_show_something(test: &SourceUnderTest) {
    assert!(
        test.is_never_malformed || !test.malformed.is_empty(),
        "the remote of the test needs an item that is no event (`malformed`), unless it can have none (`never_malformed`)"
    );
    let mut opened = test.open_new().await;
    let mut held = Vec::new();
    let mut events = 0;
    while held.len() < 3
        && let Some(delivery) = opened.next().await
    {
        events = events.max(uuids(&delivery).len());
        held.push(delivery);
    }
    assert!(
        held.len() == 3 && events > 1,
        "the remote of the test needs three deliveries, with at least two events in one of them"
    );
}

pub(super) async fn everything_is_given(test: &SourceUnderTest) {
    let mut opened = test.open_new().await;
    let mut given = Given::default();
    let mut waiting = Vec::new();
    while let Some(delivery) = opened.next().await {
        for uuid in uuids(&delivery) {
            let is_new = !given.uuids.contains(&uuid);
            Rule::DURABLE.check(
                is_new,
                format!("{uuid} is given again, although it is settled"),
            );
        }
        given.add(&delivery);
        if opened.is_cumulative() {
            opened.settle(delivery).await;
            continue;
        }
        // An individual source takes its outcomes in any order, so the last comes first.
        waiting.push(delivery);
        while waiting.len() > 1 || given.is_all_of(test) {
            let Some(delivery) = waiting.pop() else { break };
            opened.settle(delivery).await;
        }
    }
    given.check_is_all_of(test, Rule::GIVEN, "before the source ends");
}

/// Takes everything, and settles all but the last delivery, which it returns.
async fn last_delivery(test: &SourceUnderTest, opened: &mut Opened) -> Delivery {
    let mut given = Given::default();
    let mut last: Option<Delivery> = None;
    while !given.is_all_of(test) {
        let Some(delivery) = opened.next().await else {
            break;
        };
        given.add(&delivery);
        if let Some(before) = last.replace(delivery) {
            opened.settle(before).await;
        }
    }
    given.check_is_all_of(
        test,
        Rule::NONE_LAST,
        "before the source ends, with one delivery in flight",
    );
    Rule::GIVEN.some(last, "the source gives nothing")
}

pub(super) async fn nothing_ends_while_a_delivery_is_in_flight(test: &SourceUnderTest) {
    let mut opened = test.open_new().await;
    let last = last_delivery(test, &mut opened).await;
    let expected = items(&last);
    let again = {
        let mut next = pin!(opened.next_of(Rule::NONE_LAST));
        let some_time = pin!(async {
            for _ in 0..50 {
                yield_now().await;
            }
        });
        let early = match select(next.as_mut(), some_time).await {
            Either::Left((early, _)) => Some(early),
            Either::Right(_) => None,
        };
        let is_end = matches!(early, Some(None));
        Rule::NONE_LAST.check(!is_end, "the source ends while a delivery is in flight");
        drop(last);
        match early {
            Some(again) => again,
            None => next.await,
        }
    };
    let again = Rule::NONE_LAST.some(
        again,
        "the source ends, although its last delivery was handed back",
    );
    Rule::DURABLE.check(
        items(&again).iter().all(|item| expected.contains(item)),
        "what was settled is given again with what was handed back after it",
    );
    opened.settle(again).await;
    opened.settle_rest(&mut Given::default()).await;
}

/// Within one opening.
pub(super) async fn interrupted_next_loses_nothing(test: &SourceUnderTest) {
    let mut given = Given::default();
    settle_interrupted(&mut test.open_new().await, &mut given).await;
    given.check_is_all_of(test, Rule::NEXT_DROPPED, "when calls are dropped");
}

async fn settle_interrupted(opened: &mut Opened, given: &mut Given) {
    while let Some(delivery) = opened.interrupted_next().await {
        given.add(&delivery);
        opened.settle(delivery).await;
    }
}

/// A remote may give what it gave to a call that was dropped only after a restart.
pub(super) async fn interrupted_next_loses_nothing_for_ever(test: &SourceUnderTest) {
    let store = Arc::default();
    let mut given = Given::default();
    let mut opened = test.open(&store).await;
    settle_interrupted(&mut opened, &mut given).await;
    drop(opened);
    test.open(&store).await.settle_rest(&mut given).await;
    given.check_is_all_of(test, Rule::NEXT_DROPPED, "when calls are dropped");
}
