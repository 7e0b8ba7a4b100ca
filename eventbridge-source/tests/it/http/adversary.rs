//! Clients that are slow, flood the server or send malformed requests, on real sockets.

use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::simulator::Fault;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::harness::{KEY, KEY_HEADER, PATH, envelope};
use super::socket::{SOCKET_TIMEOUT, Served, events, read_all, request};

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed_and_slow_bodies_are_503() {
    let served = Served::new(|source| source.io_timeout(SOON).response_deadline(SOON)).await;
    for head in [
        "",
        "POST",
        "POST /aws/event-bridge HTTP/1.1\r\nhost: x\r\nx-a: ",
    ] {
        let response = timeout(SOCKET_TIMEOUT, served.exchange(head))
            .await
            .unwrap();
        assert!(!response.contains(" 200 "), "{response}");
    }
    // One whole request, and then silence.
    let alive = timeout(
        SOCKET_TIMEOUT,
        served.exchange("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
    )
    .await;
    assert!(alive.unwrap().ends_with("alive\n"));
    let half = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\n{KEY_HEADER}: {KEY}\r\ncontent-length: 100\r\n\r\n{{"
    );
    let response = timeout(SOCKET_TIMEOUT, served.exchange(half))
        .await
        .unwrap();
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert_eq!(served.end().await.received, 0);
}

#[tokio::test]
async fn body_of_ten_megabytes_is_answered_and_not_buffered() {
    let served = Served::new(|source| source).await;
    let body = vec![b'['; 10_000_000];
    let response = timeout(SOCKET_TIMEOUT, served.exchange(request(&body)))
        .await
        .unwrap();
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
    let wrong = String::from_utf8(request(&body))
        .unwrap()
        .replace(KEY, "marked-access-kex");
    let response = timeout(SOCKET_TIMEOUT, served.exchange(wrong))
        .await
        .unwrap();
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
    let letters = served.letters.records();
    assert_eq!((letters.len(), letters[0].bytes.len()), (1, 64 * 1024));
    assert_eq!(served.end().await.dead_lettered, 1);
}

#[tokio::test]
async fn heads_without_end_are_refused() {
    let served = Served::new(|source| source).await;
    let many = "x-a: b\r\n".repeat(10_000);
    let long = format!("x-a: {}\r\n", "b".repeat(1 << 20));
    for headers in [many, long] {
        let mut stream = served.connect().await;
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        // It may be cut while it is still writing.
        stream.write_all(head.as_bytes()).await.ok();
        let response = timeout(SOCKET_TIMEOUT, read_all(&mut stream))
            .await
            .unwrap();
        assert!(
            response.is_empty() || response.starts_with("HTTP/1.1 431 "),
            "{response}"
        );
    }
    assert_eq!(served.end().await.received, 0);
}

#[tokio::test]
async fn nesting_and_bytes_of_any_kind_harm_nothing() {
    let served = Served::new(|source| source).await;
    let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let event = format!(
        r#"{{"detail":{{"published":"2999-01-01T00:00:00Z","a":{}}}}}"#,
        nested(1000)
    );
    for (body, status) in [
        (event.into_bytes(), 200),
        (nested(10_000).into_bytes(), 400),
        ("[".repeat(1_000_000).into_bytes(), 400),
        (b"{\"detail\":{\"published\":\"\xff\"}}".to_vec(), 400),
        (vec![0; 1000], 400),
    ] {
        let response = timeout(SOCKET_TIMEOUT, served.exchange(request(&body)))
            .await
            .unwrap();
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
    }
    assert_eq!(served.letters.records().len(), 4);
    assert_eq!(served.end().await.delivered, 1);
}

#[tokio::test]
async fn client_that_reads_no_response_is_disconnected() {
    let served = Served::new(|source| source.io_timeout(SOON)).await;
    let mut stream = served.connect().await;
    let requests = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    let flood = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(SOCKET_TIMEOUT, flood).await.unwrap();
    assert!(
        served
            .exchange(request(b"7"))
            .await
            .starts_with("HTTP/1.1 400 ")
    );
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_their_turn() {
    let served = Served::new(|source| {
        let source = source.response_deadline(SOCKET_TIMEOUT);
        source.max_connections(2)
    })
    .await;
    // Two requests whose bodies are still arriving.
    let whole = request(b"7");
    let (start, end) = whole.split_at(whole.len() - 1);
    let (mut first, mut second) = (served.connect().await, served.connect().await);
    for stream in [&mut first, &mut second] {
        stream.write_all(start).await.unwrap();
    }
    let mut third = served.connect().await;
    third.write_all(&whole).await.unwrap();
    let early = timeout(SOON, third.read_u8()).await;
    assert!(
        early.is_err(),
        "it was answered while two others were there"
    );
    for stream in [&mut first, &mut second] {
        stream.write_all(end).await.unwrap();
    }
    for mut stream in [first, second, third] {
        let response = timeout(SOCKET_TIMEOUT, read_all(&mut stream))
            .await
            .unwrap();
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    }
}

#[tokio::test]
async fn idle_connections_at_the_bound_make_room_for_an_event() {
    // With time-outs that end none of them in time.
    let served = Served::new(|source| {
        let source = source.io_timeout(SOCKET_TIMEOUT);
        source.max_connections(16)
    })
    .await;
    // A load balancer's connection, on which one event was sent already.
    let mut known = served.connect().await;
    let post = String::from_utf8(request(b"7")).unwrap();
    let reusing = post.replace("connection: close\r\n", "");
    for round in 0..3 {
        if round > 0 {
            let mut idle = Vec::new();
            for _ in 0..100 {
                idle.push(served.connect().await);
            }
            let response = timeout(SOCKET_TIMEOUT / 2, served.exchange(&post)).await;
            assert!(response.unwrap().starts_with("HTTP/1.1 400 "));
            let first = timeout(SOCKET_TIMEOUT / 2, idle[0].read_u8()).await;
            assert!(first.unwrap().is_err(), "the first of them is closed");
        }
        known.write_all(reusing.as_bytes()).await.unwrap();
        let mut status = [0; 13];
        let read = timeout(SOCKET_TIMEOUT / 2, known.read_exact(&mut status));
        read.await.unwrap().unwrap();
        assert_eq!(&status, b"HTTP/1.1 400 ");
        let mut rest = Vec::new();
        while !rest.ends_with(b"their `detail`\n") {
            let byte = timeout(SOCKET_TIMEOUT / 2, known.read_u8()).await;
            rest.push(byte.unwrap().unwrap());
        }
    }
}

#[tokio::test]
async fn wrong_path_loses_nothing() {
    let served = Served::new(|source| source).await;
    let elsewhere = |body: &[u8]| {
        let request = String::from_utf8(request(body)).unwrap();
        request.replace(PATH, "/aws/eventbridge")
    };
    let response = served.exchange(elsewhere(b"{}")).await;
    assert!(
        response.starts_with("HTTP/1.1 503 ") && response.contains("retry-after: 5"),
        "{response}"
    );
    let stranger = served.exchange(elsewhere(b"{}").replace(KEY, "")).await;
    assert!(stranger.starts_with("HTTP/1.1 401 "), "{stranger}");
}

/// Most of them without a key, and one in a thousand with an event.
async fn tiny_requests_on_one_connection(count: usize) {
    let served = Served::new(|source| source.linger(Duration::from_millis(1))).await;
    let good = events(count / 1000);
    let before = resident_kib();
    let (read, mut write) = served.connect().await.into_split();
    let bodies: Vec<Bytes> = good.iter().map(envelope).collect();
    let writer = async move {
        for body in bodies {
            let tiny =
                format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").repeat(999);
            write.write_all(tiny.as_bytes()).await.unwrap();
            let request = String::from_utf8(request(&body)).unwrap();
            let request = request.replace("connection: close\r\n", "");
            write.write_all(request.as_bytes()).await.unwrap();
        }
        write
    };
    let reader = async move {
        let mut lines = BufReader::new(read).lines();
        let (mut taken, mut refused) = (0, 0);
        while taken + refused < count {
            let line = lines.next_line().await.unwrap().unwrap();
            match line.strip_prefix("HTTP/1.1 ") {
                Some(status) if status.starts_with("200") => taken += 1,
                Some(status) if status.starts_with("401") => refused += 1,
                Some(other) => panic!("{other}"),
                None => {}
            }
        }
        (taken, refused)
    };
    let (_open, (taken, refused)) = tokio::join!(writer, reader);
    let grown = resident_kib().saturating_sub(before);
    println!(
        "{count} requests on one connection: the whole process, with the ingress and its ledger, grew by {grown} KiB"
    );
    assert_eq!((taken, refused), (count / 1000, count - count / 1000));
    let ledger = served.ingress.ledger();
    assert_eq!(
        ledger.missing(good.iter().map(|event| &*event.uuid)),
        [""; 0]
    );
    assert!(served.letters.records().is_empty());
    drop(_open);
    assert_eq!(served.end().await.delivered, good.len() as u64);
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_tiny_requests_on_one_connection() {
    tiny_requests_on_one_connection(100_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute: run it with `--ignored`"]
async fn a_million_tiny_requests_on_one_connection() {
    tiny_requests_on_one_connection(1_000_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_connections_are_all_settled() {
    let served = Served::new(|source| source).await;
    served
        .ingress
        .fail_always(Some(Fault::Slow(Duration::from_millis(80))));
    let events = events(2000);
    // Five times as fast as AWS may be, to be done in two seconds.
    let destination = served.destination().compress(5.0).build();
    let report = destination.invoke_all(events.iter().map(envelope)).await;
    assert!(
        report.undelivered.is_empty(),
        "{:?}",
        report.undelivered.first()
    );
    let ledger = served.ingress.ledger();
    assert_eq!(
        ledger.missing(events.iter().map(|event| &*event.uuid)),
        [""; 0]
    );
    println!(
        "2,000 events at 1,500/s on 2,000 connections, ingress 80 ms away: answered in {:?} (p50), {:?} (p99), {} sent again; {} Coralogix requests per 1,000 events",
        report.answered_within(0.5),
        report.answered_within(0.99),
        report.retries(),
        ledger.requests().len() / 2
    );
    assert_eq!(served.end().await.delivered, 2000);
}
