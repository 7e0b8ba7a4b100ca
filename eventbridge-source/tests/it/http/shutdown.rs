//! The shutdown of a server answers every request in flight.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::harness::envelope;
use super::socket::{SOCKET_TIMEOUT, Served, events, read_all, request};

#[tokio::test]
async fn shutdown_answers_requests_in_flight() {
    let served = Served::new(|source| source).await;
    served
        .ingress
        .fail_always(Some(Fault::Slow(Duration::from_millis(500))));
    let events = events(20);
    let mut waiting = Vec::new();
    for event in &events {
        let mut stream = served.connect().await;
        stream.write_all(&request(&envelope(event))).await.unwrap();
        waiting.push(stream);
    }
    // All of them are on the wire, none is answered.
    while served.ingress.arrivals() < events.len() {
        tokio::task::yield_now().await;
    }
    served.stop();
    for stream in &mut waiting {
        let response = timeout(SOCKET_TIMEOUT, read_all(stream)).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    }
    let address = served.address;
    assert_eq!(served.end().await.delivered, 20);
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nothing listens any more"
    );
}

#[tokio::test]
async fn shutdown_answers_503_at_the_deadline() {
    let served = Served::new(|source| source.response_deadline(Duration::from_millis(500))).await;
    served.ingress.set_down(true);
    let mut stream = served.connect().await;
    let request = request(&envelope(&events(1)[0]));
    let head = request
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap();
    stream.write_all(&request[..head]).await.unwrap();
    stream
        .write_all(b"\r\nexpect: 100-continue\r\n\r\n")
        .await
        .unwrap();
    // It has been let in when it is told to go on.
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&request[head + 4..]).await.unwrap();
    served.stop();
    let response = timeout(SOCKET_TIMEOUT, read_all(&mut stream))
        .await
        .unwrap();
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    timeout(SOCKET_TIMEOUT, served.server)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_idle_connections() {
    let served = Served::new(|source| {
        source
            .response_deadline(SOCKET_TIMEOUT)
            .io_timeout(SOCKET_TIMEOUT)
    })
    .await;
    let mut idle = served.connect().await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    idle.write_all(request).await.unwrap();
    idle.readable().await.unwrap();
    served.stop();
    timeout(SOCKET_TIMEOUT / 2, served.server)
        .await
        .unwrap()
        .unwrap();
}
