//! Links that lead in a circle, and pages that are too large.

use std::time::Duration;

use okta_coralogix_core::{ErrorKind, EventSource, RetryHint};
use okta_source::OktaSource;
use okta_source::simulator::Fault;
use tokio::time::Instant;

use crate::harness::{Harness, failed, given, numbers, remember, settle};

/// Two pages of 1,000 events whose links lead to each other.
async fn circle(harness: &Harness) -> (OktaSource, [String; 2]) {
    let source = harness.open().await;
    circle_of(harness, source).await
}

async fn circle_of(harness: &Harness, mut source: OktaSource) -> (OktaSource, [String; 2]) {
    harness.append(0..3_000);
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

/// The next answers lead to the first of these links, to the second, and so on.
fn lead_in_a_circle(harness: &Harness, [first, second]: &[String; 2], answers: usize) {
    for answer in 0..answers {
        let link = if answer % 2 == 0 { first } else { second };
        harness.org.script(Fault::NextLink(link.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn link_cycle_is_a_temporary_error() {
    let harness = Harness::new();
    let (mut source, links) = circle(&harness).await;
    lead_in_a_circle(&harness, &links, 7);
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

    // The org gives its own links again.
    harness.append(3_000..3_001);
    read_to(&mut source, 3_000).await;
}

/// Reads on until the event of this number is given, over errors for links in a circle.
async fn read_to(source: &mut OktaSource, number: u32) {
    for _ in 0..6 {
        match source.next().await {
            Ok(page) => {
                let page = page.unwrap();
                let is_found = numbers(&page).contains(&number);
                remember(source, page).await;
                if is_found {
                    return;
                }
            }
            Err(error) => assert!(error.detail().contains("in a circle"), "{error}"),
        }
    }
    panic!("{number} is not given");
}

/// Its window is that of a pipeline beside it, as under healing, or is smaller than the circle.
#[tokio::test(start_paused = true)]
async fn link_cycle_is_found_whatever_the_window_remembers() {
    for capacity in [0, 500] {
        let harness = Harness::new();
        let source = harness.builder().dedup_capacity(capacity).open();
        let (mut source, links) = circle_of(&harness, source.await.unwrap()).await;
        lead_in_a_circle(&harness, &links, 6);
        let third = given(&mut source).await;
        assert_eq!(numbers(&third)[0], 2_000, "its new events are given");
        settle(third).await.unwrap();
        for _ in 0..5 {
            let error = failed(&mut source).await;
            assert!(error.is_temporary(), "{error}");
            assert!(error.detail().contains("in a circle"), "{error}");
        }
        // The org gives its own links again, and has news behind them.
        harness.append(3_000..3_001);
        read_to(&mut source, 3_000).await;
    }
}

/// Pages with room for more, whose links lead to each other.
#[tokio::test(start_paused = true)]
async fn link_cycle_of_short_pages_is_an_error_too() {
    for capacity in [0, 20_000] {
        let harness = Harness::new();
        harness.org.cap_pages(Some(100));
        harness.append(0..300);
        let source = harness.builder().dedup_capacity(capacity).open();
        let mut source = source.await.unwrap();
        let mut links = Vec::new();
        for _ in 0..2 {
            let page = given(&mut source).await;
            remember(&source, page).await;
            let link = harness.store.cursor().unwrap();
            links.push(format!("https://example.okta.com{link}"));
        }
        let links = [links[0].clone(), links[1].clone()];
        lead_in_a_circle(&harness, &links, 6);
        let third = given(&mut source).await;
        assert_eq!(numbers(&third)[0], 200);
        remember(&source, third).await;
        for _ in 0..5 {
            let error = failed(&mut source).await;
            assert!(error.detail().contains("in a circle"), "{error}");
        }
        harness.append(300..301);
        read_to(&mut source, 300).await;
    }
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
