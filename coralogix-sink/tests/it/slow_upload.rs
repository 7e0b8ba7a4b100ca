//! An upload over a real socket that takes longer than the time-out.

use std::time::Duration;

use coralogix_sink::{CoralogixSink, MAX_REQUEST_BYTES};
use okta_coralogix_core::{EntryText, ErrorKind, LogSink, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::entries::events;

const TIMEOUT: Duration = Duration::from_secs(2);
const BODY: usize = 9_500_000;

/// Bytes that the server reads a second: the whole body takes longer than the time-out, and the 4 MB that the buffers of the kernel may hide
/// take less.
const RATE: usize = 3_000_000;

/// What the server does after it has read so many bytes.
#[derive(Debug, Clone, Copy)]
enum Then {
    Answer,
    Stall,
}

/// Reads a request slowly: up to `most` bytes. Returns the head.
async fn read_slowly(stream: &mut TcpStream, most: usize) -> String {
    let began = Instant::now();
    let mut read = Vec::new();
    let mut step = vec![0; 64 * 1024];
    while read.len() < most {
        let Ok(count @ 1..) = stream.read(&mut step).await else {
            break;
        };
        read.extend_from_slice(&step[..count]);
        if read.len() > BODY {
            break;
        }
        let due = Duration::from_secs_f64(read.len() as f64 / RATE as f64);
        sleep_until(began + due).await;
    }
    let head = read.split(|byte| *byte == b'{').next().unwrap();
    String::from_utf8_lossy(head).to_lowercase()
}

/// Sends a request of [`BODY`] bytes and more to a slow server. Returns what came of it, the time it took, and the head that was read.
async fn send(most: usize, then: Then) -> (Result<()>, Duration, String) {
    let socket = TcpSocket::new_v4().unwrap();
    // So that the kernel of the server hides little of its slowness.
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_slowly(&mut stream, most).await;
        if let Then::Answer = then {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
        (head, stream)
    });
    let sink = CoralogixSink::builder()
        .endpoint(url)
        .api_key("key")
        .gzip_level(0)
        .max_request_bytes(MAX_REQUEST_BYTES)
        .timeout(TIMEOUT)
        .build()
        .unwrap();
    let mut entries = events(0..1);
    entries[0].text = EntryText::Escaped("x".repeat(BODY).into());
    let batch = sink.encode(&entries).unwrap();
    let began = Instant::now();
    let sent = sink.send(&batch).await;
    let took = began.elapsed();
    let (head, _stream) = server.await.unwrap();
    if sent.is_ok() {
        let length = format!("content-length: {}\r\n", batch.body.len());
        assert!(head.contains(&length), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
    (sent, took, head)
}

#[tokio::test]
async fn upload_that_goes_on_may_outlast_the_timeout() {
    let (sent, took, head) = send(usize::MAX, Then::Answer).await;
    sent.unwrap();
    assert!(took > TIMEOUT + TIMEOUT / 4, "{took:?}");
    assert!(head.starts_with("post /logs/v1/singles http/1.1\r\n"));
}

#[tokio::test]
async fn upload_that_stalls_ends_after_the_timeout() {
    let (sent, took, _) = send(BODY / 3, Then::Stall).await;
    let error = sent.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.is_temporary() && error.is_ambiguous());
    assert!(took >= TIMEOUT, "{took:?}");
}
