//! Several pipelines on one source.

use std::future::pending;
use std::time::Duration;

use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::testing::conformance;
use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{
    AckOrder, Branch, Error, ErrorKind, EventSource, Outcome, Pipeline, Result, Summary, fan_out,
};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::conformance::memory_source;
use crate::pipeline::harness::{Harness, pages};

const ORDERS: [AckOrder; 2] = [AckOrder::Cumulative, AckOrder::Individual];

fn two(source: MemorySource) -> (Branch, Branch) {
    let branches: [_; 2] = fan_out(source, 2).try_into().unwrap();
    branches.into()
}

async fn run(branch: Branch, harness: &Harness) -> Result<Summary> {
    let pipeline = Pipeline::builder(branch, harness.sink.clone())
        .dead_letters(harness.dead_letters.clone())
        .clock(harness.clock.clone())
        .seed(7)
        .build()?;
    Ok(pipeline.run(pending()).await?)
}

/// Takes what a branch is given, and settles it as `outcome`, for each delivery on its own.
async fn take_all(mut branch: Branch, outcome: Outcome) {
    while let Ok(Some(delivery)) = branch.next().await {
        let outcomes = vec![outcome; delivery.items.len()];
        tokio::spawn(async move { delivery.acker.settle(&outcomes).await });
    }
}

#[tokio::test(start_paused = true)]
async fn both_pipelines_deliver_everything_once_whatever_befalls_the_other() {
    for order in ORDERS {
        let (pages, events) = pages(20, 300);
        let first = Harness::new(order, pages);
        let refused = events[700].json.clone();
        let sink = MemorySink::new().refusing(move |text| text == refused);
        let second = Harness::of(first.source.clone(), sink);
        second.sink.fail_for(Duration::from_secs(600));

        let (a, b) = two(first.source.clone());
        let (a, b) = tokio::join!(run(a, &first), run(b, &second));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!((a.received, a.delivered), (6000, 6000));
        assert_eq!((b.delivered, b.dead_lettered), (5999, 1));
        first.assert_all_once(&events);
        assert!(second.sink.counts().values().all(|&count| count == 1));
        assert_eq!(first.source.settled_events(), 6000);
    }
}

#[tokio::test(start_paused = true)]
async fn delivery_is_settled_once_all_branches_have_settled_it() {
    for order in ORDERS {
        let (pages, _) = pages(1, 3);
        let source = MemorySource::new(order, pages);
        let (mut a, mut b) = two(source.clone());
        let (one, other) = (a.next().await.unwrap(), b.next().await.unwrap());
        let mut first = Box::pin(one.unwrap().acker.settle(&[Outcome::Settled; 3]));
        assert!(timeout(Duration::from_secs(9), &mut first).await.is_err());
        assert_eq!(source.settled_events(), 0);

        let second = other.unwrap().acker.settle(&[Outcome::Settled; 3]);
        second.await.unwrap();
        first.await.unwrap();
        assert_eq!(source.settled_events(), 3);
        assert!(a.next().await.unwrap().is_none());
        assert!(b.next().await.unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_branch_hands_back_is_given_to_both_again() {
    for drops in [false, true] {
        let (pages, events) = pages(1, 3);
        let source = MemorySource::new(AckOrder::Individual, pages);
        let (mut a, mut b) = two(source.clone());
        let one = a.next().await.unwrap().unwrap();
        let other = b.next().await.unwrap().unwrap();
        let back = [Outcome::Settled, Outcome::HandedBack, Outcome::Settled];
        let settled = one.acker.settle(&[Outcome::Settled; 3]);
        if drops {
            drop(other);
            settled.await.unwrap();
        } else {
            let (one, other) = tokio::join!(settled, other.acker.settle(&back));
            one.and(other).unwrap();
        }
        let expected: Vec<_> = match drops {
            true => events.iter().map(|event| event.json.clone()).collect(),
            false => vec![events[1].json.clone()],
        };
        for branch in [&mut a, &mut b] {
            let again = branch.next().await.unwrap().unwrap();
            let items = again.items.iter().flatten().map(|event| event.json());
            assert_eq!(items.collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failed_settlement_is_told_to_both_and_given_again() {
    let (pages, _) = pages(1, 3);
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    source.fail_acks_with([Error::temporary(ErrorKind::Storage, "the disk is full")]);
    let (mut a, mut b) = two(source.clone());
    for fails in [true, false] {
        let one = a.next().await.unwrap().unwrap().acker;
        let other = b.next().await.unwrap().unwrap().acker;
        let settled = [Outcome::Settled; 3];
        let (one, other) = tokio::join!(one.settle(&settled), other.settle(&settled));
        assert_eq!((one.is_err(), other.is_err()), (fails, fails));
    }
    assert_eq!(source.settled_events(), 3);
}

#[tokio::test(start_paused = true)]
async fn interrupted_settlement_is_told_to_those_who_wait() {
    let (pages, _) = pages(1, 3);
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let (mut a, mut b) = two(source.with_slow_acks(Duration::from_secs(60)));
    let waits = a.next().await.unwrap().unwrap().acker;
    let last = b.next().await.unwrap().unwrap().acker;
    let waits = tokio::spawn(async move { waits.settle(&[Outcome::Settled; 3]).await });
    yield_now().await;
    let last = timeout(Duration::from_secs(1), last.settle(&[Outcome::Settled; 3]));
    assert!(last.await.is_err());
    assert!(waits.await.unwrap().unwrap_err().is_temporary());
    assert!(a.next().await.unwrap().is_some() && b.next().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn error_of_the_source_is_told_to_each_branch_once() {
    let source = MemorySource::new(AckOrder::Cumulative, Vec::new()).without_end();
    source.fail_with([Error::temporary(ErrorKind::Unavailable, "503")]);
    let (mut a, mut b) = two(source);
    assert_eq!(a.next().await.unwrap_err().detail(), "503");
    assert_eq!(b.next().await.unwrap_err().detail(), "503");
    let both = async { tokio::join!(a.next(), b.next()) };
    assert!(timeout(Duration::from_secs(60), both).await.is_err());
}

/// What one branch has settled alone is not passed over by the source when it reads again.
#[tokio::test(start_paused = true)]
async fn window_of_the_source_has_only_what_all_branches_have_settled() {
    let (pages, events) = pages(1, 1);
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let window = source.dedup_window();
    let (mut a, mut b) = two(source.clone());
    let uuid = &events[0].uuid;
    for hands_back in [true, false] {
        let one = a.next().await.unwrap().unwrap().acker;
        let other = b.next().await.unwrap().unwrap().acker;
        assert!(window.contains(uuid), "it is in flight");
        if let Claim::New(claim) = a.dedup_window().claim(uuid) {
            claim.remember();
        }
        let outcome = match hands_back {
            true => Outcome::HandedBack,
            false => Outcome::Settled,
        };
        let (all, part) = ([Outcome::Settled], [outcome]);
        let (one, other) = tokio::join!(one.settle(&all), other.settle(&part));
        one.and(other).unwrap();
        assert_eq!(window.contains(uuid), !hands_back);
    }
    let again = fan_out(source, 2);
    assert!(
        again
            .iter()
            .all(|branch| branch.dedup_window().contains(uuid))
    );
}

#[tokio::test(start_paused = true)]
async fn branch_that_rests_is_told_of_the_last_fault_only() {
    let source = MemorySource::new(AckOrder::Cumulative, Vec::new()).without_end();
    let fault = |number: usize| Error::temporary(ErrorKind::Unavailable, number.to_string());
    source.fail_with((0..600).map(fault));
    let (mut a, mut b) = two(source.clone());
    for number in 0..600 {
        assert_eq!(a.next().await.unwrap_err().detail(), number.to_string());
    }
    assert_eq!(b.next().await.unwrap_err().detail(), "599");
    source.fail_with([fault(600)]);
    a.next().await.unwrap_err();
    source.push(self::pages(1, 1).0.remove(0));
    a.next().await.unwrap();
    b.next().await.expect("the fault has passed");
}

#[tokio::test(start_paused = true)]
async fn pipeline_that_ends_ends_the_others_and_loses_nothing() {
    let (pages, events) = pages(20, 300);
    let first = Harness::new(AckOrder::Cumulative, pages);
    let second = Harness::of(first.source.clone(), MemorySink::new());
    let refuses = || Error::new(ErrorKind::Unauthorized, "the key is wrong");
    second.sink.refuse_all(Some(refuses));
    let (a, b) = two(first.source.clone());
    let (a, b) = tokio::join!(run(a, &first), run(b, &second));
    assert_eq!(b.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert!(a.unwrap_err().detail().contains("another branch"));
    assert_eq!(first.source.settled_events(), 0);

    second.sink.refuse_all(None);
    let (a, b) = two(first.source.clone());
    let (a, b) = tokio::join!(run(a, &first), run(b, &second));
    assert_eq!((a.unwrap().delivered, b.unwrap().delivered), (6000, 6000));
    second.assert_all_once(&events);
    let counts = first.sink.counts();
    assert_eq!(counts.len(), 6000);
    // It had sent some that the other one had not settled.
    assert!(counts.values().all(|count| (1..=2).contains(count)));
}

#[tokio::test(start_paused = true)]
async fn branch_keeps_the_contract_of_its_source() {
    for order in ORDERS {
        let remote = || async move {
            memory_source(order, |source| {
                let (branch, other) = two(source);
                tokio::spawn(take_all(other, Outcome::Settled));
                branch
            })
        };
        conformance::source(remote).await;
    }
}
