//! `filter`, `q`, and the identity of a checkpoint.

use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::{ErrorKind, EventSource};

use crate::harness::{Harness, Recorder, failed, given, numbers, remember, settle};

const WARNINGS: &str = r#"severity eq "WARN""#;

/// Events with the numbers `range`; each third one is a warning of Ann's.
fn append(harness: &Harness, range: std::ops::Range<u32>) {
    let published = harness
        .org
        .now()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    harness.org.append_all(range.map(|number| {
        let (severity, name) = match number % 3 {
            0 => ("WARN", "Ann Smith"),
            _ => ("INFO", "Bob Jones"),
        };
        format!(
            r#"{{"uuid":"{number}","published":"{published}","severity":"{severity}","actor":{{"displayName":"{name}"}}}}"#
        )
    }));
}

fn thirds(range: std::ops::Range<u32>) -> Vec<u32> {
    range.filter(|number| number % 3 == 0).collect()
}

#[tokio::test(start_paused = true)]
async fn filter_and_keywords_reach_the_org_and_its_links() {
    for filtered in [true, false] {
        let harness = Harness::new();
        append(&harness, 0..900);
        let builder = harness.builder().page_size(100).once(true);
        let mut source = match filtered {
            true => builder.filter(WARNINGS),
            false => builder.q("smith ANN"),
        }
        .open()
        .await
        .unwrap();
        let mut all = Vec::new();
        while let Some(delivery) = source.next().await.unwrap() {
            all.extend(numbers(&delivery));
            settle(delivery).await.unwrap();
        }
        assert_eq!(all, thirds(0..900));
        let name = if filtered { "filter=" } else { "q=" };
        let asked = harness.org.requests();
        assert_eq!(
            asked.len(),
            5,
            "three full pages, an empty one, and one to see the end"
        );
        assert!(asked.iter().all(|one| one.path_and_query.contains(name)));
    }
}

#[tokio::test(start_paused = true)]
async fn filter_refused_by_okta_is_explained() {
    for (filter, code, what) in [
        ("Severity eq \"WARN\"", "E0000053", "case-sensitive"),
        ("severity eq \"WARN", "E0000053", "quotes"),
        (
            "published gt \"2026-11-22T10:00:00Z\"",
            "E0000031",
            "out of the filter",
        ),
        (
            "debugContext.debugData.url co \"x\"",
            "E0000031",
            "out of the filter",
        ),
    ] {
        let harness = Harness::new();
        let builder = harness.builder().filter(filter);
        let error = builder.check().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        for part in [code, what, "request req1"] {
            assert!(error.detail().contains(part), "{filter}: {error}");
        }
        let mut source = harness.builder().filter(filter).open().await.unwrap();
        assert!(!failed(&mut source).await.is_temporary());
    }
}

#[tokio::test(start_paused = true)]
async fn keywords_beyond_the_limits_of_okta_need_no_request() {
    let harness = Harness::new();
    for q in ["a b c d e f g h i j k".to_owned(), "x".repeat(41)] {
        let error = harness.builder().q(&q).open().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            harness.builder().q(&q).check().await.unwrap_err().kind(),
            ErrorKind::Config
        );
    }
    assert_eq!(harness.org.request_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn checkpoint_of_another_query_is_refused_with_the_way_out() {
    let harness = Harness::new();
    append(&harness, 0..3);
    settle(given(&mut harness.open().await).await)
        .await
        .unwrap();
    assert_eq!(
        harness.store.identity().as_deref(),
        Some("okta-system-log https://example.okta.com"),
        "without a query as it always was"
    );
    let stored = harness.store.cursor();
    for builder in [
        harness.builder().filter(WARNINGS),
        harness.builder().q("ann"),
    ] {
        let error = builder.open().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        for part in [
            "another query",
            "checkpoint of its own",
            "restart_on_changed_query",
        ] {
            assert!(error.detail().contains(part), "{error}");
        }
    }
    assert_eq!(
        (harness.store.cursor(), harness.org.request_count()),
        (stored, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn restart_on_changed_query_reads_on_from_the_overlap() {
    let harness = Harness::new();
    append(&harness, 0..6);
    let mut source = harness.builder().filter(WARNINGS).open().await.unwrap();
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [0, 3]);
    remember(&source, delivery).await;
    drop(source);

    tokio::time::advance(Duration::from_secs(3 * 3600)).await;
    append(&harness, 6..9);
    let changed = || harness.builder().q("jones").restart_on_changed_query(true);
    let mut source = changed().open().await.unwrap();
    let delivery = given(&mut source).await;
    assert!(
        harness
            .last_request()
            .contains("since=2026-11-22T09:50:00.000Z&")
    );
    assert_eq!(numbers(&delivery), [1, 2, 4, 5, 7, 8]);
    drop(delivery);
    assert_eq!(harness.store.cursor(), None, "nothing is settled yet");
    let delivery = given(&mut source).await;
    assert!(
        harness
            .last_request()
            .contains("since=2026-11-22T09:50:00.000Z&"),
        "handed back: the same start"
    );
    remember(&source, delivery).await;
    assert!(harness.store.identity().unwrap().contains("jones"));
    drop(source);

    let source = changed().open().await.unwrap();
    assert!(source.dedup_window().contains("0") && source.dedup_window().contains("8"));
    let other_org = harness
        .builder()
        .org_url("other.okta.com")
        .restart_on_changed_query(true);
    assert_eq!(
        other_org.open().await.unwrap_err().kind(),
        ErrorKind::Corrupt,
        "never another org"
    );
}

#[tokio::test(start_paused = true)]
async fn since_older_than_180_days_is_refused() {
    let harness = Harness::new();
    let ago = |days| harness.clock.now() - TimeDelta::days(days);
    let error = harness.builder().since(ago(181)).open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.detail().starts_with("since: ") && error.detail().contains("90 days"),
        "{error}"
    );
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    assert!(harness.builder().since(days(181)).open().await.is_err());
    let mut source = harness.builder().since(ago(179)).open().await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    drop(source);
    // A checkpoint needs no start.
    harness.builder().since(ago(300)).open().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn settings_out_of_range_are_named() {
    let harness = Harness::new();
    let day = Duration::from_secs(24 * 3600);
    for (builder, field) in [
        (harness.builder().filter(""), "filter"),
        (harness.builder().overlap(Duration::ZERO), "overlap"),
        (harness.builder().overlap(day * 2), "overlap"),
        (harness.builder().catch_up(0.0, day), "catch_up"),
        (harness.builder().catch_up(f64::NAN, day), "catch_up"),
        (
            harness.builder().reread_every(Duration::ZERO),
            "reread_every",
        ),
        (
            harness.builder().silence_alarm(Some(day * 31)),
            "silence_alarm",
        ),
    ] {
        let error = builder
            .observer(Recorder::default())
            .open()
            .await
            .unwrap_err();
        assert!(error.detail().starts_with(&format!("{field}: ")), "{error}");
    }
}
