//! More connections than the operating system allows.

use tokio::net::TcpStream;

use super::harness::{Endpoint, Harness, envelope};
use crate::harness::{fresh, terminate};
use crate::limits::{Limit, Sample, start_limited};

#[tokio::test]
async fn idle_connections_beyond_the_open_files_limit_delay_no_event() {
    let harness = Harness::new().await;
    let child = start_limited(
        "eventbridge_http",
        harness.folder.path(),
        &harness.variables(),
        &[],
        Limit::Descriptors(128, 128),
    );
    let program = Endpoint::of(child).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(&program.address).await.unwrap());
    }
    let events = fresh(20);
    let envelopes = events.iter().map(|event| envelope(&event.json));
    // It is dead-lettered.
    let odd = envelope(br#"{"no":"published"}"#);
    let destination = program.destination().max_retry_attempts(0).build();
    let report = destination.invoke_all(envelopes.chain([odd])).await;
    assert_eq!(report.undelivered.len(), 0, "{report:?}");
    if let Some(sample) = Sample::of(program.child.id().unwrap()) {
        assert!(sample.handles <= 100, "{sample:?}");
    }
    terminate(&program.child).await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("could not be"), "{ended:?}");
    harness.assert_all_once(&events);
    assert_eq!(harness.dead_letters().lines().count(), 1);
}
