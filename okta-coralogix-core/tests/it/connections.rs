//! Connections of the HTTP client, over sockets: reuse, and replacement of one that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use okta_coralogix_core::transport::{ReqwestTransport, TransportError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a server answers to the n-th request of its n-th connection, both from 0; `None` for nothing.
type Script = fn(connection: usize, request: usize) -> Option<u16>;

/// A server that keeps each connection open, whatever it has answered.
struct Server {
    url: String,
    opened: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            opened: Arc::default(),
            open: Arc::default(),
        };
        let (opened, open) = (server.opened.clone(), server.open.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection = opened.fetch_add(1, Ordering::SeqCst);
                let open = open.clone();
                open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    serve(stream, connection, script).await.ok();
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    async fn ask(&self, client: &ReqwestTransport) -> Result<u16, TransportError> {
        let request = Request::post(&self.url).body(Bytes::new()).unwrap();
        let limits = ExchangeLimits::new(Duration::from_millis(500), 1024);
        exchange(client, request, limits)
            .await
            .map(|response: Response<Bytes>| response.status().as_u16())
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Waits until so many connections are open.
    async fn until_open(&self, count: usize) {
        while self.open.load(Ordering::SeqCst) != count {
            tokio::task::yield_now().await;
        }
    }
}

async fn serve(stream: TcpStream, connection: usize, script: Script) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    for request in 0.. {
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
        }
        let Some(status) = script(connection, request) else {
            std::future::pending().await
        };
        let response = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\nok");
        stream.write_all(response.as_bytes()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn connection_that_answers_503_for_ever_is_replaced_after_two() {
    let server = Server::start(|connection, _| Some(if connection == 0 { 503 } else { 200 })).await;
    let client = ReqwestTransport::new();
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(server.ask(&client).await.unwrap());
    }
    assert_eq!(statuses[..3], [503, 503, 200]);
    assert_eq!(statuses[3..], [200; 7]);
    assert_eq!(server.opened(), 2);
    server.until_open(1).await;
}

#[tokio::test]
async fn connection_is_reused_after_a_success_or_a_429() {
    let server = Server::start(|_, request| Some([200, 429, 404, 503][request % 4])).await;
    let client = ReqwestTransport::new();
    for _ in 0..20 {
        server.ask(&client).await.unwrap();
    }
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn outage_opens_one_connection_per_two_failures_and_leaks_none() {
    let server = Server::start(|_, request| Some([503, 408][request % 2])).await;
    let client = ReqwestTransport::new();
    for _ in 0..50 {
        server.ask(&client).await.unwrap();
    }
    assert_eq!(server.opened(), 25);
    server.until_open(0).await;
}

#[tokio::test]
async fn connection_that_fails_is_replaced_although_others_succeed() {
    let server = Server::start(|connection, _| Some(if connection == 1 { 500 } else { 200 })).await;
    let client = ReqwestTransport::new();
    let mut failures = 0;
    for _ in 0..20 {
        let [one, two] = [server.ask(&client), server.ask(&client)];
        let (one, two) = futures::join!(one, two);
        failures += [one, two]
            .iter()
            .filter(|status| *status.as_ref().unwrap() == 500)
            .count();
    }
    assert_eq!(failures, 2);
    server.until_open(2).await;
}

#[tokio::test]
async fn connection_without_an_answer_is_closed_and_replaced() {
    let server =
        Server::start(|connection, request| (connection > 0 || request == 0).then_some(200)).await;
    let client = ReqwestTransport::new();
    assert_eq!(server.ask(&client).await.unwrap(), 200);
    let silent = server.ask(&client).await.unwrap_err();
    assert!(matches!(silent, TransportError::TimedOut(_)), "{silent}");
    assert_eq!(server.ask(&client).await.unwrap(), 200);
    assert_eq!(server.opened(), 2);
}
