//! A bounded range is read to its end, also over empty pages, and links that are missing or lead away are named.

use chrono::TimeDelta;
use okta_coralogix_core::{ErrorKind, EventSource};
use okta_source::Backfill;
use okta_source::simulator::Fault;
use tokio::time::Instant;

use crate::harness::{Harness, event, failed, given, numbers, settle};

/// Three days ago, for ten hours.
async fn open_backfill(harness: &Harness) -> Backfill {
    let start = harness.clock.now() - TimeDelta::days(3);
    let range = start..start + TimeDelta::hours(10);
    harness
        .org
        .append_at(range.end, (0..20).map(|number| event(number, start)));
    let builder = harness.builder().page_size(10);
    builder.open_backfill(range).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn backfill_over_empty_pages_with_moving_links_pauses_and_then_gives_up() {
    let harness = Harness::new();
    harness.org.move_empty_links(true);
    let mut source = open_backfill(&harness).await;
    harness.org.cap_pages(Some(0));
    let began = Instant::now();
    let error = loop {
        match source.next().await {
            Ok(delivery) => settle(delivery.unwrap()).await.unwrap(),
            Err(error) => break error,
        }
    };
    assert!(!error.is_temporary(), "{error}");
    assert_eq!(began.elapsed().as_secs(), 19 * 30);
    assert_eq!(harness.org.request_count(), 4 * 20);
}

#[tokio::test(start_paused = true)]
async fn backfill_reads_what_lies_behind_empty_pages() {
    let harness = Harness::new();
    let mut source = open_backfill(&harness).await;
    harness.org.move_empty_links(true);
    harness.org.cap_pages(Some(0));
    for _ in 0..7 {
        settle(source.next().await.unwrap().unwrap()).await.unwrap();
    }
    harness.org.cap_pages(None);
    harness.org.move_empty_links(false);
    let mut all = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        all.extend(numbers(&delivery));
        settle(delivery).await.unwrap();
    }
    assert_eq!(all, (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn link_header_that_was_removed_is_named_with_its_usual_cause() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    for (fault, said) in [
        (Fault::NoLinkHeader, "without a Link header"),
        (Fault::NoNextLink, "of which none is the next one"),
    ] {
        harness.org.script(fault);
        let error = failed(&mut source).await;
        assert!(error.is_temporary());
        for part in [said, "gateway or proxy", "have it pass Link on"] {
            assert!(error.detail().contains(part), "{part}: {error}");
        }
    }
    harness.org.script(Fault::NoLinkHeader);
    let error = harness.builder().check().await.unwrap_err();
    assert!(error.detail().contains("without a Link header"), "{error}");
    assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn backfill_without_a_link_header_is_not_at_its_end() {
    let harness = Harness::new();
    let mut source = open_backfill(&harness).await;
    harness.org.script(Fault::NoLinkHeader);
    let error = source.next().await.unwrap_err();
    assert!(
        error.is_temporary() && error.detail().contains("without a Link header"),
        "{error}"
    );
    let mut all = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        all.extend(numbers(&delivery));
        settle(delivery).await.unwrap();
    }
    assert_eq!(all, (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn link_to_another_domain_of_the_org_is_refused_with_the_domain_to_set() {
    for (target, advice) in [
        (
            "https://login.example.com/api/v1/logs?after=1",
            Some("set OKTA_ORG_URL (org_url) to https://login.example.com;"),
        ),
        ("http://login.example.com/api/v1/logs?after=1", None),
        ("https://login.example.com:8443/api/v1/logs?after=1", None),
        ("https://me@login.example.com/api/v1/logs?after=1", None),
        ("https://192.0.2.1/api/v1/logs?after=1", None),
        ("https://login.example.com/other?after=1", None),
    ] {
        let harness = Harness::new();
        harness.append(0..3);
        harness.org.script(Fault::NextLink(target.into()));
        let error = failed(&mut harness.open().await).await;
        assert_eq!(error.kind(), ErrorKind::HostileLink, "{target}");
        let advice = advice.unwrap_or("set OKTA_ORG_URL (org_url) to the domain that Okta writes");
        assert!(error.detail().contains(advice), "{error}");
        assert_eq!(harness.store.cursor(), None);
    }
}
