//! The server in memory, under paused time.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::{EventSource, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::HttpSource;
use super::listener::Listener;
use super::server::serve;

const KEY: &str = "x-amz-event-bridge-access-key: key\r\n";
const EVENT: &str = r#"{"uuid":"u","published":"2999-01-01T00:00:00Z","eventType":"a"}"#;
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

struct Accepted(mpsc::UnboundedReceiver<io::Result<DuplexStream>>);

impl Listener for Accepted {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        match self.0.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }
}

struct Server {
    accepted: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    stop: watch::Sender<bool>,
    /// While it is set, no event is settled.
    hold: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    fn start(max_connections: usize) -> Self {
        let source = HttpSource::builder().api_key("key");
        let mut source = source.max_connections(max_connections).build().unwrap();
        let (accepted, accepting) = mpsc::unbounded_channel();
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
        let service = Arc::clone(&source.service);
        let task = tokio::spawn(serve(Accepted(accepting), service, stopped));
        let hold = watch::Sender::new(false);
        let mut held = hold.subscribe();
        tokio::spawn(async move {
            while let Some(delivery) = source.next().await.unwrap() {
                held.wait_for(|hold| !hold).await.unwrap();
                let outcomes = vec![Outcome::Settled; delivery.items.len()];
                delivery.acker.settle(&outcomes).await.unwrap();
            }
        });
        Self {
            accepted,
            stop,
            hold,
            task,
        }
    }

    fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(64);
        self.accepted.send(Ok(server)).unwrap();
        client
    }

    /// New connections that have had their first request answered.
    async fn authenticated(&self, count: usize) -> Vec<DuplexStream> {
        let mut streams: Vec<_> = (0..count).map(|_| self.connect()).collect();
        for stream in &mut streams {
            assert_eq!(post(stream).await, "200");
        }
        streams
    }
}

async fn send(stream: &mut DuplexStream, bytes: &str) {
    stream.write_all(bytes.as_bytes()).await.unwrap();
}

fn request(credential: &str) -> String {
    let length = EVENT.len();
    format!(
        "POST /aws/event-bridge HTTP/1.1\r\nhost: x\r\n{credential}content-length: {length}\r\n\r\n{EVENT}"
    )
}

/// The head of the next response.
async fn head(stream: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Sends an event, and reads the status of the answer.
async fn post(stream: &mut DuplexStream) -> String {
    send(stream, &request(KEY)).await;
    head(stream).await["HTTP/1.1 ".len()..][..3].to_owned()
}

/// Waits until the server closes the connection; the time that it took, in seconds.
async fn closed(stream: &mut DuplexStream) -> u64 {
    let start = Instant::now();
    while stream.read_u8().await.is_ok() {}
    start.elapsed().as_secs()
}

/// True if the server has closed the connection by now.
async fn is_closed(stream: &mut DuplexStream) -> bool {
    let read = timeout(Duration::from_millis(1), stream.read_u8()).await;
    matches!(read, Ok(Err(_)))
}

#[tokio::test(start_paused = true)]
async fn idle_connections_with_a_credential_outlive_a_load_balancer() {
    let server = Server::start(64);
    let mut reused = server.authenticated(40).await;
    for _ in 0..3 {
        sleep(Duration::from_secs(60)).await;
        for stream in &mut reused {
            assert_eq!(post(stream).await, "200");
        }
    }
    for stream in &mut reused {
        assert!(closed(stream).await <= 75);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connections_without_a_credential_end_after_five_seconds() {
    let server = Server::start(64);
    assert_eq!(closed(&mut server.connect()).await, 5);
    for first in [
        HEALTH,
        &request(""),
        &request("authorization: Bearer no\r\n"),
    ] {
        let mut stream = server.connect();
        send(&mut stream, first).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(closed(&mut stream).await, 5, "after {first}");
    }
    let mut known = server.authenticated(1).await.remove(0);
    assert_eq!(closed(&mut known).await, 75);
}

#[tokio::test(start_paused = true)]
async fn head_byte_by_byte_is_given_five_seconds() {
    let server = Server::start(64);
    let known = server.authenticated(1).await.remove(0);
    for mut stream in [server.connect(), known] {
        let start = Instant::now();
        for byte in request(KEY).chars() {
            sleep(Duration::from_millis(900)).await;
            if stream.write_all(&[byte as u8]).await.is_err() {
                break;
            }
        }
        assert!((5..=6).contains(&start.elapsed().as_secs()));
    }
}

#[tokio::test(start_paused = true)]
async fn slow_body_and_unread_response_end_their_connections() {
    let server = Server::start(64);
    let mut slow = server.connect();
    send(&mut slow, &request(KEY)[..100]).await;
    sleep(Duration::from_millis(3900)).await;
    send(&mut slow, &request(KEY)[100..101]).await;
    assert!(head(&mut slow).await.starts_with("HTTP/1.1 503 "));
    assert_eq!(closed(&mut slow).await, 0);

    // A client that takes a byte a second.
    let mut reader = server.connect();
    let start = Instant::now();
    send(&mut reader, HEALTH).await;
    let mut read = 0;
    while reader.read_u8().await.is_ok() {
        read += 1;
        sleep(Duration::from_secs(1)).await;
        assert!(read < 100, "the whole response was waited for");
    }
    assert!(start.elapsed() > Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn connections_at_the_bound_make_room_for_an_event() {
    let server = Server::start(8);
    let start = Instant::now();
    let mut strangers: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    let mut known = server.connect();
    assert_eq!(post(&mut known).await, "200");
    assert!(start.elapsed() < Duration::from_millis(1));
    for stream in &mut strangers[..993] {
        assert!(
            is_closed(stream).await,
            "it was idle for longer than others"
        );
    }
    for stream in &mut strangers[993..] {
        assert!(!is_closed(stream).await, "there is a place for it");
    }
    // Later ones do not end a connection on which a credential was accepted.
    let more: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(post(&mut known).await, "200");
    drop(more);
}

#[tokio::test(start_paused = true)]
async fn connections_without_credential_hold_no_place_in_any_phase() {
    let server = Server::start(6);
    let refused = request("")[..80].to_owned();
    let phases = [String::new(), "POST ".into(), refused, HEALTH.repeat(20)];
    for phase in phases.iter().cycle().take(24) {
        let (phase, mut stream) = (phase.clone(), server.connect());
        tokio::spawn(async move {
            stream.write_all(phase.as_bytes()).await.ok();
            sleep(Duration::from_secs(60)).await;
        });
        sleep(Duration::from_millis(1)).await;
    }
    let start = Instant::now();
    assert_eq!(post(&mut server.connect()).await, "200");
    assert!(start.elapsed() < Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn authenticated_connection_idle_longest_makes_room() {
    let server = Server::start(3);
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.append(&mut server.authenticated(1).await);
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(post(&mut idle[0]).await, "200");
    let mut new = server.connect();
    let start = Instant::now();
    assert_eq!(post(&mut new).await, "200");
    assert!(start.elapsed() < Duration::from_millis(1));
    assert!(is_closed(&mut idle[1]).await);
    drop(idle.remove(1));
    for stream in idle.iter_mut().chain([&mut new]) {
        assert!(!is_closed(stream).await);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_in_progress_at_the_bound_are_answered() {
    let server = Server::start(2);
    server.hold.send_replace(true);
    let mut busy = [server.connect(), server.connect()];
    for stream in &mut busy {
        send(stream, &request(KEY)).await;
    }
    let mut third = server.connect();
    let mut third = pin!(post(&mut third));
    let early = timeout(Duration::from_secs(2), &mut third).await;
    assert!(early.is_err(), "it was served beyond the bound");
    server.hold.send_replace(false);
    for stream in &mut busy {
        assert!(head(stream).await.starts_with("HTTP/1.1 200 "));
    }
    // Now one of the two is idle, and gives its place.
    assert_eq!(third.await, "200");
}

#[tokio::test(start_paused = true)]
async fn request_that_has_arrived_saves_its_idle_connection() {
    let server = Server::start(1);
    let mut known = server.authenticated(1).await.remove(0);
    server.hold.send_replace(true);
    let _next = server.connect();
    send(&mut known, &request(KEY)).await;
    sleep(Duration::from_secs(1)).await;
    server.hold.send_replace(false);
    assert!(head(&mut known).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(start_paused = true)]
async fn accept_errors_end_nothing_and_do_not_spin() {
    let server = Server::start(64);
    let mut stranger = server.connect();
    let mut known = server.authenticated(1).await.remove(0);
    let start = Instant::now();
    // EINTR, ECONNABORTED, EPERM, EINVAL, ENFILE, EMFILE.
    let errors = [4, 103, 1, 22, 23, 24];
    for error in errors.iter().cycle().take(60) {
        let error = io::Error::from_raw_os_error(*error);
        server.accepted.send(Err(error)).unwrap();
    }
    let mut new = server.connect();
    assert_eq!(post(&mut new).await, "200");
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(40 * 50), "{waited:?}");
    for idle in [&mut stranger, &mut known] {
        assert!(is_closed(idle).await, "it gave its descriptor back");
    }
    assert!(!server.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_what_has_begun_and_closes_the_rest() {
    let server = Server::start(64);
    let mut idle = server.authenticated(2).await;
    let mut arriving = idle.pop().unwrap();
    let mut fresh = server.connect();
    for stream in [&mut arriving, &mut fresh] {
        send(stream, &request(KEY)[..20]).await;
    }
    server.hold.send_replace(true);
    let mut busy = server.connect();
    send(&mut busy, &request(KEY)).await;
    sleep(Duration::from_secs(1)).await;
    server.stop.send_replace(true);
    assert_eq!(closed(&mut idle[0]).await, 0);
    server.hold.send_replace(false);
    let answer = head(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    sleep(Duration::from_secs(1)).await;
    for stream in [&mut arriving, &mut fresh] {
        send(stream, &request(KEY)[20..]).await;
        let answer = head(stream).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.contains("retry-after: 5"), "{answer}");
    }
    let ended = timeout(Duration::from_millis(1), server.task).await;
    assert!(ended.is_ok(), "nothing is left to wait for");
}

/// A listener whose second connection arrives together with a request on the first.
struct Race {
    accepted: Vec<TcpStream>,
    request: Option<std::net::TcpStream>,
}

impl Listener for Race {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        let Some(stream) = self.accepted.pop() else {
            return std::future::pending().await;
        };
        if self.accepted.is_empty()
            && let Some(mut client) = self.request.take()
        {
            // Once the first is served and idle; tokio does not look at its socket after that.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            io::Write::write_all(&mut client, HEALTH.as_bytes())?;
            self.request = Some(client);
        }
        Ok(stream)
    }
}

#[tokio::test]
async fn request_that_reaches_the_socket_saves_its_idle_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || {
        let client = std::net::TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        (client, TcpStream::from_std(server).unwrap())
    };
    let ((first, first_server), (_second, second_server)) = (connect(), connect());
    let client = first.try_clone().unwrap();
    let race = Race {
        accepted: vec![second_server, first_server],
        request: Some(first),
    };
    let source = HttpSource::builder().api_key("key");
    let source = source.max_connections(1).build().unwrap();
    let server = serve(race, Arc::clone(&source.service), std::future::pending());
    let server = tokio::spawn(server);
    client.set_nonblocking(true).unwrap();
    let mut client = TcpStream::from_std(client).unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    server.abort();
}
