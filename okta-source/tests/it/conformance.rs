//! The source keeps the contract of sources.

use std::sync::Arc;

use chrono::TimeDelta;
use okta_coralogix_core::testing::conformance::{SourceUnderTest, source};

use crate::harness::Harness;

const MALFORMED: &str = r#"{"uuid":"no time of it"}"#;

/// Events of several pages, and what is no event among them.
fn harness(malformed: Option<&'static str>) -> (Arc<Harness>, Vec<String>) {
    let harness = Harness::new();
    harness.append(0..150);
    harness.org.append_all(malformed);
    harness.append(150..350);
    let uuids = (0..350).map(|number: u32| number.to_string()).collect();
    (Arc::new(harness), uuids)
}

#[tokio::test(start_paused = true)]
async fn okta_source_keeps_the_contract() {
    source(|| async {
        let (harness, uuids) = harness(Some(MALFORMED));
        let open = move |store| {
            let builder = harness
                .builder()
                .page_size(100)
                .once(true)
                .checkpoint(store);
            async move { builder.open().await }
        };
        SourceUnderTest::with_checkpoint(uuids, open).malformed([MALFORMED])
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn backfill_keeps_the_source_contract() {
    source(|| async {
        let (harness, uuids) = harness(None);
        let now = harness.clock.now();
        let range = now - TimeDelta::hours(1)..now;
        let open = move |store| {
            let builder = harness.builder().page_size(100).checkpoint(store);
            let range = range.clone();
            async move { builder.open_backfill(range).await }
        };
        // Nothing is in a range of the simulator of which the time cannot be read.
        SourceUnderTest::with_checkpoint(uuids, open).never_malformed()
    })
    .await;
}
