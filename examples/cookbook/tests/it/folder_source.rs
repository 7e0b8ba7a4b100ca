use std::sync::Arc;

use okta_coralogix_cookbook::folder_source::open;
use okta_coralogix_core::testing::conformance::{self, SourceUnderTest};
use okta_coralogix_core::testing::{MemoryCheckpoint, MemorySink};
use okta_coralogix_core::{Pipeline, Summary};

/// A folder with these events in files of `size` lines.
fn folder(lines: &[bytes::Bytes], size: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, lines) in lines.chunks(size).enumerate() {
        let path = folder.path().join(format!("{number:03}.ndjson"));
        std::fs::write(path, lines.join(&b'\n')).unwrap();
    }
    std::fs::write(folder.path().join("999.tmp"), "still being written").unwrap();
    folder
}

#[tokio::test]
async fn folder_source_keeps_the_contract() {
    let remote = || async {
        let events = super::events(30);
        let mut lines = super::json(&events);
        lines.insert(8, "no event".into());
        let folder = Arc::new(folder(&lines, 7));
        let uuids = events.into_iter().map(|event| event.uuid);
        let open = move |store| {
            let folder = Arc::clone(&folder);
            async move { open(folder.path().to_owned(), store).await }
        };
        SourceUnderTest::with_checkpoint(uuids, open).malformed(["no event"])
    };
    conformance::source(remote).await;
}

#[tokio::test]
async fn next_run_delivers_the_new_files_only() {
    let events = super::events(30);
    let folder = folder(&super::json(&events), 10);
    let (store, sink) = (Arc::new(MemoryCheckpoint::default()), MemorySink::new());
    let run = || async {
        let source = open(folder.path().to_owned(), Arc::clone(&store) as _)
            .await
            .unwrap();
        let pipeline = Pipeline::builder(source, sink.clone()).mapping(super::plain_mapping());
        pipeline
            .build()
            .unwrap()
            .run(std::future::pending())
            .await
            .unwrap()
    };
    let delivered = |summary: Summary| summary.delivered;
    assert_eq!(delivered(run().await), 30);
    let more = folder.path().join("003.ndjson");
    let late = okta_coralogix_core::testing::EventGenerator::new(8).event(super::now());
    std::fs::write(more, &late.json).unwrap();
    assert_eq!(delivered(run().await), 1);
    assert_eq!(sink.arrived().len(), 31);
}
