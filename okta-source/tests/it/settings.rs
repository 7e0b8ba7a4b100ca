use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::{Clock, ErrorKind, EventSource};
use okta_source::{OktaSource, OktaSourceBuilder};

use crate::harness::{Harness, given, settle};

async fn refused(builder: OktaSourceBuilder, field: &str) {
    let error = builder.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.detail().starts_with(&format!("{field}: ")), "{error}");
    assert!(!error.detail().contains('\n'));
}

#[tokio::test]
async fn source_setting_error_names_the_setting() {
    let harness = Harness::new();
    refused(harness.builder().org_url(""), "org_url").await;
    refused(
        harness.builder().org_url("http://example.okta.com"),
        "org_url",
    )
    .await;
    refused(
        harness.builder().org_url("https://example-admin.okta.com"),
        "org_url",
    )
    .await;
    refused(harness.builder().api_token(""), "api_token").await;
    refused(harness.builder().page_size(0), "page_size").await;
    refused(harness.builder().page_size(1001), "page_size").await;
    refused(
        harness.builder().poll_interval(Duration::ZERO),
        "poll_interval",
    )
    .await;
    let now = harness.clock.now();
    refused(harness.builder().since(now + TimeDelta::days(1)), "since").await;
    for share in [0.0, -1.0, 1.1, f64::NAN, f64::INFINITY] {
        refused(harness.builder().rate_share(share), "rate_share").await;
    }
    let transport = || Arc::new(harness.org.clone());
    let bare = || OktaSource::builder().transport(transport());
    refused(
        bare().org_url("example.okta.com").api_token("00x"),
        "checkpoint",
    )
    .await;
    let checkpoint = Arc::clone(&harness.store);
    refused(
        bare().org_url("example.okta.com").checkpoint(checkpoint),
        "api_token",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn org_url_path_is_dropped_when_pasted() {
    let harness = Harness::new();
    let pasted = "https://example.okta.com/api/v1/logs?limit=5";
    let mut source = harness.builder().org_url(pasted).open().await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    assert!(harness.last_request().starts_with("/api/v1/logs?since="));
}

#[tokio::test(start_paused = true)]
async fn checkpoint_of_another_org_is_refused_and_unchanged() {
    let harness = Harness::new();
    settle(given(&mut harness.open().await).await)
        .await
        .unwrap();
    let stored = harness.store.cursor();
    let error = harness
        .builder()
        .org_url("other.okta.com")
        .open()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    for part in ["https://example.okta.com", "https://other.okta.com"] {
        assert!(error.detail().contains(part), "{error}");
    }
    assert_eq!(
        (harness.store.cursor(), harness.org.request_count()),
        (stored, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn stored_position_outside_the_org_is_corrupt() {
    let harness = Harness::new();
    settle(given(&mut harness.open().await).await)
        .await
        .unwrap();
    for cursor in ["", "@evil.example/", "https://evil.example/"] {
        harness.store.write(cursor);
        let error = harness.builder().open().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{cursor}");
    }
}

#[test]
fn okta_source_can_be_boxed_and_sent() {
    fn sent<T: Send + std::fmt::Debug + 'static>() {}
    sent::<OktaSource>();
    sent::<Box<dyn EventSource>>();
    sent::<OktaSourceBuilder>();
}
