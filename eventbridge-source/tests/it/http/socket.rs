//! An endpoint on a real socket, in real time, with the ingress in memory.

use std::net::SocketAddr;
use std::time::Duration;

use coralogix_sink::simulator::CoralogixSimulator;
use eventbridge_source::http::{HttpSource, HttpSourceBuilder};
use eventbridge_source::simulator::{ApiDestination, ApiDestinationBuilder, Authorization};
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, MemoryDeadLetters};
use okta_coralogix_core::{Clock, Summary, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::harness::{KEY, KEY_HEADER, PATH, ingress, sink};

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) letters: MemoryDeadLetters,
    pub(crate) server: JoinHandle<()>,
    stop: watch::Sender<bool>,
    pipeline: JoinHandle<Summary>,
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

impl Served {
    pub(crate) async fn new(settings: impl FnOnce(HttpSourceBuilder) -> HttpSourceBuilder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ingress = ingress().build();
        let letters = MemoryDeadLetters::default();
        let source = settings(HttpSource::builder().api_key(KEY))
            .build()
            .unwrap();
        let (stop, stopping) = watch::channel(false);
        let server = tokio::spawn(source.serve(listener, stopped(stopping.clone())));
        let pipeline = source
            .pipeline(sink(&ingress).build().unwrap())
            .dead_letters(letters.clone());
        let pipeline = pipeline.build().unwrap();
        let pipeline = async move { pipeline.run(stopped(stopping)).await.unwrap() };
        Self {
            address,
            ingress,
            letters,
            server,
            stop,
            pipeline: tokio::spawn(pipeline),
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops, and waits for the end.
    pub(crate) async fn end(self) -> Summary {
        self.stop();
        self.server.await.unwrap();
        let summary = self.pipeline.await.unwrap();
        assert!(summary.is_balanced(), "{summary:?}");
        summary
    }

    pub(crate) fn destination(&self) -> ApiDestinationBuilder {
        let endpoint = format!("http://{}{PATH}", self.address).parse().unwrap();
        ApiDestination::builder(endpoint).authorization(Authorization::api_key(KEY_HEADER, KEY))
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Writes bytes to a new connection and reads until its end.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        read_all(&mut stream).await
    }
}

pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    // A connection that is cut may have sent a response before.
    stream.read_to_end(&mut response).await.ok();
    String::from_utf8(response).unwrap()
}

/// A request with the right key, on a connection of its own.
pub(crate) fn request(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\n{KEY_HEADER}: {KEY}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Events of now.
pub(crate) fn events(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(4);
    let now = SystemClock.now();
    (0..count).map(|_| generator.event(now)).collect()
}

/// The timeout of each exchange in these tests: long, since the machine may be busy.
pub(crate) const SOCKET_TIMEOUT: Duration = Duration::from_secs(60);
