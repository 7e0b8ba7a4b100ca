//! More connections than the operating system allows.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Endpoint, Harness, envelope};
use crate::harness::{fresh, terminate};
use crate::limits::{Limit, Sample, first_number, start_limited};

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

#[tokio::test]
async fn endpoint_raises_the_limit_of_open_files_as_far_as_allowed() {
    let harness = Harness::new().await;
    let child = start_limited(
        "eventbridge_http",
        harness.folder.path(),
        &harness.variables(),
        &[],
        Limit::Descriptors(64, 512),
    );
    let program = Endpoint::of(child).await;
    assert_eq!(
        first_number(&program.child, "limits", "Max open files"),
        512
    );
    // More than the limit that it was started with allows.
    let mut answered = Vec::new();
    for _ in 0..100 {
        let mut connection = TcpStream::connect(&program.address).await.unwrap();
        connection
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut start = [0; 12];
        connection.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        answered.push(connection);
    }
    if let Some(sample) = Sample::of(program.child.id().unwrap()) {
        assert!(sample.handles > 100, "all of them are open: {sample:?}");
    }
    terminate(&program.child).await;
    assert_eq!(program.ended().await.code, Some(0));
}
