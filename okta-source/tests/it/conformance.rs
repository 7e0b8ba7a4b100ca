//! The source keeps the contract of sources.

use chrono::TimeDelta;
use futures::FutureExt;
use okta_coralogix_core::EventSource;
use okta_coralogix_core::testing::conformance::{SourceUnderTest, source};

use crate::harness::Harness;

#[tokio::test(start_paused = true)]
async fn okta_source_keeps_the_contract() {
    let harness = Harness::new();
    harness.append(0..3500);
    let open = || {
        async {
            let source = harness.builder().once(true).open().await.unwrap();
            Box::new(source) as Box<dyn EventSource>
        }
        .boxed()
    };
    let uuids = (0..3500).map(|number| number.to_string()).collect();
    source(&SourceUnderTest { open: &open, uuids }).await;
}

#[tokio::test(start_paused = true)]
async fn backfill_keeps_the_source_contract() {
    let harness = Harness::new();
    harness.append(0..3500);
    let now = harness.clock.now();
    let range = now - TimeDelta::hours(1)..now;
    let open = || {
        async {
            let source = harness
                .builder()
                .open_backfill(range.clone())
                .await
                .unwrap();
            Box::new(source) as Box<dyn EventSource>
        }
        .boxed()
    };
    let uuids = (0..3500).map(|number| number.to_string()).collect();
    source(&SourceUnderTest { open: &open, uuids }).await;
}
