//! Checkpoints as version 0.1.0 wrote them stay readable.

use okta_coralogix_core::EventSource;
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore};
use okta_coralogix_core::filter::DedupSnapshot;

use crate::harness::*;

const CURSOR: &str = "/api/v1/logs?after=0_0&limit=1000";
const POLLING: &str = "okta-system-log https://example.okta.com";
const QUERY: &str =
    r#"okta-system-log https://example.okta.com {"filter":"severity eq \"WARN\"","q":"ann"}"#;
const BACKFILL: &str = "okta-system-log-backfill https://example.okta.com 2026-11-20T00:00:00.000Z/2026-11-21T00:00:00.000Z {}";

async fn stored(identity: &str, cursor: &str) -> Harness {
    let harness = Harness::new();
    let mut record = Checkpoint::new(identity, cursor, DedupSnapshot::default());
    record.published_ms = Some(1_795_341_000_000);
    harness.store.create(&record).await.saved().unwrap();
    harness
}

#[tokio::test(start_paused = true)]
async fn checkpoint_of_version_0_1_0_is_resumed() {
    let harness = stored(POLLING, CURSOR).await;
    harness.append(0..3);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    assert_eq!(harness.last_request(), CURSOR);
    settle(delivery).await.unwrap();
    assert_eq!(harness.store.identity().as_deref(), Some(POLLING));
}

#[tokio::test(start_paused = true)]
async fn checkpoint_of_version_0_1_0_with_query_is_resumed() {
    let harness = stored(QUERY, CURSOR).await;
    harness.append(0..3);
    let builder = harness.builder().filter("severity eq \"WARN\"").q("ann");
    let mut source = builder.open().await.unwrap();
    let delivery = given(&mut source).await;
    assert_eq!(harness.last_request(), CURSOR);
    settle(delivery).await.unwrap();
    assert_eq!(harness.store.identity().as_deref(), Some(QUERY));
}

#[tokio::test(start_paused = true)]
async fn checkpoint_of_version_0_1_0_backfill_is_resumed() {
    let range = || {
        let time = |text: &str| text.parse().unwrap();
        time("2026-11-20T00:00:00Z")..time("2026-11-21T00:00:00Z")
    };
    let harness = stored(BACKFILL, CURSOR).await;
    let mut source = harness.builder().open_backfill(range()).await.unwrap();
    settle(source.next().await.unwrap().unwrap()).await.unwrap();
    assert_eq!(harness.org.requests()[0].path_and_query, CURSOR);
    assert_eq!(harness.store.identity().as_deref(), Some(BACKFILL));
    let finished = stored(BACKFILL, "end").await;
    let mut source = finished.builder().open_backfill(range()).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
    assert_eq!(finished.org.request_count(), 0);
}
