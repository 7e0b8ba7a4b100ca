//! Malicious servers: the key is sent nowhere else, and reads are bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use coralogix_sink::{CoralogixSink, MAX_REQUEST_BYTES};
use okta_coralogix_core::{EntryText, ErrorKind, LogSink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::entries::{events, over_socket};

/// A listener that counts connections, and answers each with `answer`.
async fn listener(answer: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&visits);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut head = [0; 16 * 1024];
            drop(stream.read(&mut head).await);
            drop(stream.write_all(&answer).await);
        }
    });
    (url, visits)
}

#[tokio::test]
async fn redirect_is_not_followed_and_keeps_the_key_private() {
    let (trap, visits) = listener(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let ingress = CoralogixSimulator::new();
    let server = ingress.serve().await.unwrap();
    let sink = over_socket(server.base_url(), &ingress);
    let batch = sink.encode(&events(0..1)).unwrap();
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} X\r\nlocation: {trap}/x\r\ncontent-length: 0\r\n\r\n");
        let (url, asked) = listener(answer.into_bytes()).await;
        let error = over_socket(url, &ingress).send(&batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Intercepted);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
    ingress.fail_next(1, Fault::Redirect(trap));
    let error = sink.send(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Intercepted);
    assert!(error.detail().contains("127.0.0.1"), "{error}");
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn endless_answer_is_read_to_a_bound() {
    let statuses = [(500, ErrorKind::Unavailable), (200, ErrorKind::Intercepted)];
    for (status, kind) in statuses {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 9000000\r\n\r\n");
        let mut answer = head.into_bytes();
        answer.resize(1 << 20, b'x');
        let (url, _) = listener(answer).await;
        let sink = over_socket(url, &CoralogixSimulator::new());
        let error = sink.send(&sink.encode(&events(0..1)).unwrap()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.is_temporary() && error.is_ambiguous());
    }
}

#[tokio::test]
async fn non_http_answer_is_a_temporary_network_error() {
    let (url, _) = listener(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()).await;
    let sink = over_socket(url, &CoralogixSimulator::new());
    let error = sink.send(&sink.encode(&events(0..1)).unwrap()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_temporary());
}

#[tokio::test]
async fn compressed_answer_is_never_decompressed() {
    let ingress = CoralogixSimulator::new();
    let server = ingress.serve().await.unwrap();
    let sink = over_socket(server.base_url(), &ingress);
    let batch = sink.encode(&events(0..1)).unwrap();
    // 128 KB on the wire, twice as much as the sink reads, and 1 KB.
    for (uncompressed_bytes, taken) in [(1 << 27, false), (1 << 20, true)] {
        let bomb = |status| Fault::GzipBomb {
            status,
            uncompressed_bytes,
        };
        ingress.fail_next(1, bomb(200));
        assert_eq!(
            sink.send(&batch).await.is_ok(),
            taken,
            "{uncompressed_bytes}"
        );
        ingress.fail_next(1, bomb(503));
        assert!(sink.send(&batch).await.unwrap_err().is_temporary());
    }
    assert_eq!(ingress.arrivals(), 2);
}

#[tokio::test]
async fn timeout_ends_a_stalled_answer_and_an_unread_body() {
    let ingress = CoralogixSimulator::new();
    let server = ingress.serve().await.unwrap();
    let sink = CoralogixSink::builder()
        .endpoint(server.base_url())
        .api_key(ingress.key())
        .timeout(Duration::from_secs(1))
        .gzip_level(0)
        .max_request_bytes(MAX_REQUEST_BYTES)
        .build()
        .unwrap();
    let mut large = events(0..1);
    large[0].text = EntryText::Escaped("x".repeat(9_000_000).into());
    let forever = Duration::from_secs(3600);
    let cases = [
        (Fault::StalledAnswer, events(0..1), 1),
        (Fault::Slow(forever), events(0..1), 2),
        (Fault::SlowReading(forever), large, 2),
    ];
    for (fault, entries, arrivals) in cases {
        ingress.fail_next(1, fault.clone());
        let error = sink
            .send(&sink.encode(&entries).unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{fault:?}");
        assert!(error.is_temporary() && error.is_ambiguous(), "{fault:?}");
        assert_eq!(ingress.arrivals(), arrivals, "{fault:?}");
    }
}
