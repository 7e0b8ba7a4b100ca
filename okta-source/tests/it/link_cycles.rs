//! Links that lead in a circle, and pages that are too large.

use std::time::Duration;

use okta_coralogix_core::{ErrorKind, EventSource, RetryHint};
use okta_source::OktaSource;
use okta_source::simulator::Fault;
use tokio::time::Instant;

use crate::harness::{Harness, failed, given, numbers, remember};

/// Two pages of 1,000 events whose links lead to each other.
async fn circle(harness: &Harness) -> (OktaSource, [String; 2]) {
    harness.append(0..3_000);
    let mut source = harness.open().await;
    let mut links = Vec::new();
    for _ in 0..2 {
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
        links.push(format!(
            "https://example.okta.com{}",
            harness.store.cursor().unwrap()
        ));
    }
    (source, [links[0].clone(), links[1].clone()])
}

#[tokio::test(start_paused = true)]
async fn link_cycle_is_a_temporary_error() {
    let harness = Harness::new();
    let (mut source, [first, _]) = circle(&harness).await;
    harness.org.script(Fault::NextLink(first.clone()));
    let began = Instant::now();
    let third = given(&mut source).await;
    assert_eq!(numbers(&third)[0], 2_000, "its new events are given");
    remember(&source, third).await;
    assert_eq!(began.elapsed(), Duration::ZERO);

    // From the first page's link all is known. The org leads from there to the second's, and back again.
    let error = failed(&mut source).await;
    assert_eq!(began.elapsed().as_secs(), 30, "not without a pause");
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert_eq!(error.retry(), RetryHint::Backoff);
    assert!(error.detail().contains("in a circle"), "{error}");
    let requests = harness.org.request_count();
    for _ in 0..5 {
        assert!(failed(&mut source).await.is_temporary());
    }
    assert_eq!(
        harness.org.request_count(),
        requests + 5,
        "one request a call, and the caller backs off"
    );

    // The org gives a sound link again.
    let sound = harness.org.requests()[2].path_and_query.clone();
    harness.org.script(Fault::NextLink(format!(
        "https://example.okta.com{sound}&x=1"
    )));
    harness.append(3_000..3_001);
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    let mut all = Vec::new();
    while all.last() != Some(&3_000) {
        let delivery = given(&mut source).await;
        all.extend(numbers(&delivery));
        remember(&source, delivery).await;
    }
    assert!(all.contains(&3_000));
}

#[tokio::test(start_paused = true)]
async fn link_cycle_loses_no_new_event() {
    let harness = Harness::new();
    let (mut source, [first, second]) = circle(&harness).await;
    // Nobody claims here, so that every page looks new: they are given, with a pause between them.
    let began = Instant::now();
    for turn in 0..6 {
        let link = if turn % 2 == 0 { &first } else { &second };
        harness.org.script(Fault::NextLink(link.clone()));
        crate::harness::settle(match source.next().await {
            Ok(delivery) => delivery.unwrap(),
            Err(error) => {
                assert!(error.is_temporary());
                continue;
            }
        })
        .await
        .unwrap();
    }
    assert!(began.elapsed().as_secs() >= 30, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rewind_is_not_mistaken_for_a_link_cycle() {
    let harness = Harness::new();
    harness.append(0..5_000);
    let mut source = harness.open().await;
    for _ in 0..10 {
        let open = [
            given(&mut source).await,
            given(&mut source).await,
            given(&mut source).await,
        ];
        drop(open);
    }
    let mut all = Vec::new();
    for _ in 0..5 {
        let delivery = given(&mut source).await;
        all.extend(numbers(&delivery));
        remember(&source, delivery).await;
    }
    assert_eq!(all, (0..5_000).collect::<Vec<_>>());
}

fn limits(harness: &Harness) -> Vec<usize> {
    let limit = |path: &str| {
        let (_, limit) = path.split_once("limit=").unwrap();
        limit.split('&').next().unwrap().parse().unwrap()
    };
    harness
        .org
        .requests()
        .iter()
        .map(|request| limit(&request.path_and_query))
        .collect()
}

/// Reads until `count` events were given, however often it fails meanwhile.
async fn read(source: &mut OktaSource, count: u32) -> Vec<u32> {
    let mut all = Vec::new();
    while all.len() < count as usize {
        match source.next().await {
            Ok(delivery) => {
                let delivery = delivery.unwrap();
                all.extend(numbers(&delivery));
                remember(source, delivery).await;
            }
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn page_size_is_halved_for_an_oversized_page() {
    let harness = Harness::new();
    harness.append(0..2_500);
    // An event takes about 90 bytes: some 300 fit.
    let mut source = harness
        .builder()
        .max_body_bytes(30_000)
        .open()
        .await
        .unwrap();
    assert_eq!(
        read(&mut source, 2_500).await,
        (0..2_500).collect::<Vec<_>>()
    );
    assert_eq!(&limits(&harness)[..6], [1000, 500, 250, 1000, 500, 250]);
    assert!(
        harness.store.cursor().unwrap().contains("limit=1000"),
        "the size is for one page"
    );
}

#[tokio::test(start_paused = true)]
async fn event_longer_than_max_body_bytes_blocks_and_moves_nothing() {
    let harness = Harness::new();
    harness.append(0..3);
    let now = harness.clock.now().to_rfc3339();
    let padding = "x".repeat(40_000);
    harness.org.append(format!(
        r#"{{"uuid":"3","published":"{now}","x":"{padding}"}}"#
    ));
    harness.append(4..6);
    let mut source = harness
        .builder()
        .max_body_bytes(30_000)
        .open()
        .await
        .unwrap();
    assert_eq!(read(&mut source, 3).await, [0, 1, 2]);
    let cursor = harness.store.cursor();
    let error = loop {
        let error = failed(&mut source).await;
        assert!(error.is_temporary());
        if error.detail().contains("only one event was asked for") {
            break error;
        }
    };
    assert_eq!(error.retry(), RetryHint::After(Duration::from_secs(120)));
    for part in ["30000 bytes", "raise max_body_bytes"] {
        assert!(error.detail().contains(part), "{error}");
    }
    assert_eq!(failed(&mut source).await.retry(), error.retry());
    assert_eq!(
        limits(&harness).last(),
        Some(&1),
        "the long way is not gone again"
    );
    assert_eq!(harness.store.cursor(), cursor);
    drop(source);
    let mut source = harness.builder().open().await.unwrap();
    assert_eq!(
        read(&mut source, 3).await,
        [3, 4, 5],
        "with a higher limit it is read"
    );
}

#[tokio::test(start_paused = true)]
async fn endless_array_is_cut_off_and_page_size_halved() {
    let harness = Harness::new();
    harness.append(0..100);
    harness.org.script_times(3, Fault::EndlessArray);
    let mut source = harness.open().await;
    assert_eq!(read(&mut source, 100).await, (0..100).collect::<Vec<_>>());
    assert_eq!(limits(&harness), [1000, 500, 250, 125]);
}

#[tokio::test(start_paused = true)]
async fn slow_body_is_cut_off_after_60_seconds() {
    let harness = Harness::new();
    harness.append(0..100);
    harness.org.script(Fault::SlowBody(Duration::from_secs(14)));
    let mut source = harness.open().await;
    let began = Instant::now();
    let error = failed(&mut source).await;
    assert_eq!(
        (error.kind(), began.elapsed().as_secs()),
        (ErrorKind::TimedOut, 60)
    );
    assert_eq!(read(&mut source, 100).await.len(), 100);
    assert_eq!(limits(&harness), [1000, 500]);
}

#[tokio::test(start_paused = true)]
async fn query_timeout_of_okta_halves_the_page_size() {
    let harness = Harness::new();
    harness.append(0..1_200);
    let mut source = harness.open().await;
    harness.org.script_times(2, Fault::QueryTimeout);
    let began = Instant::now();
    let error = failed(&mut source).await;
    assert_eq!(
        (error.kind(), began.elapsed().as_secs()),
        (ErrorKind::Unavailable, 30)
    );
    assert!(error.detail().contains("E0000009"), "{error}");
    assert_eq!(
        read(&mut source, 1_200).await,
        (0..1_200).collect::<Vec<_>>()
    );
    assert_eq!(limits(&harness), [1000, 500, 250, 1000]);
}
