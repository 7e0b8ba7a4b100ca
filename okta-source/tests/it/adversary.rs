//! An org that tries to send the token to another host. A real listener on this machine records each request that reaches it; for
//! host names that do not resolve, a transport records the requests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::transport::{Body, ReqwestTransport, Transport, TransportError};
use okta_coralogix_core::{Error, ErrorKind, EventSource};
use okta_source::simulator::{Fault, OktaSimulator};
use okta_source::{OktaSource, OktaSourceBuilder};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Harness, MemoryStore, ORG, TOKEN, given, settle};

/// A listener that records requests and sends a fixed answer.
#[derive(Debug, Clone)]
struct Listener {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    answers: Arc<Mutex<VecDeque<String>>>,
}

impl Listener {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = Self {
            address: socket.local_addr().unwrap(),
            heard: Arc::default(),
            connections: Arc::default(),
            answers: Arc::default(),
        };
        let served = listener.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                *served.connections.lock().unwrap() += 1;
                tokio::spawn(served.clone().serve(stream));
            }
        });
        listener
    }

    async fn serve(self, stream: TcpStream) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut buffer = [0; 4096];
            stream.readable().await.unwrap();
            match stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => request.extend_from_slice(&buffer[..read]),
                Err(_) => {}
            }
        }
        self.heard
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(&request).into_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        let mut rest = answer.unwrap_or_else(|| page("")).into_bytes();
        while !rest.is_empty() {
            stream.writable().await.unwrap();
            match stream.try_write(&rest) {
                Ok(written) => drop(rest.drain(..written)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn answer(&self, answer: String) {
        self.answers.lock().unwrap().push_back(answer);
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// A page with one event and these further headers.
fn page(headers: &str) -> String {
    let body = r#"[{"uuid":"1","published":"2026-11-22T10:00:00.000Z"}]"#;
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

fn redirect(status: u16, to: &str) -> String {
    format!(
        "HTTP/1.1 {status} Over There\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

fn builder(org: &Listener) -> OktaSourceBuilder {
    OktaSource::builder()
        .org_url(org.url())
        .api_token(TOKEN)
        .checkpoint(Arc::new(MemoryStore::default()))
        .transport(Arc::new(ReqwestTransport::new()))
}

/// Asks three times: no answer of the org may lead the source to another host.
async fn ask(builder: OktaSourceBuilder) -> Option<Error> {
    let mut source = builder.open().await.unwrap();
    let mut first = None;
    for _ in 0..3 {
        match source.next().await {
            Ok(delivery) => settle(delivery.unwrap()).await.unwrap(),
            Err(error) => first = first.or(Some(error)),
        }
    }
    first
}

fn mentions_the_token(text: &str) -> bool {
    text.to_ascii_lowercase()
        .contains(&TOKEN[2..].to_ascii_lowercase())
}

#[tokio::test]
async fn api_token_follows_no_link_or_redirect_to_another_listener() {
    let trap = Listener::start().await;
    let (evil, port) = (trap.address, trap.address.port());
    let links = [
        format!("http://{evil}/api/v1/logs?after=1"),
        format!("//{evil}/api/v1/logs?after=1"),
        format!("\\\\{evil}\\api\\v1\\logs"),
        format!("http://{TOKEN}@{evil}/api/v1/logs"),
        format!("https://{evil}/api/v1/logs"),
        format!("http://localhost:{port}/api/v1/logs"),
        format!("http://127.1:{port}/api/v1/logs"),
        format!("http://2130706433:{port}/api/v1/logs"),
        format!("http://0x7f.1:{port}/api/v1/logs"),
        format!("http://[::ffff:127.0.0.1]:{port}/api/v1/logs"),
    ];
    for link in &links {
        let org = Listener::start().await;
        for _ in 0..3 {
            org.answer(page(&format!("link: <{link}>; rel=\"next\"\r\n")));
        }
        let error = ask(builder(&org)).await.unwrap();
        assert_eq!(error.kind(), ErrorKind::HostileLink, "{link}");
        assert!(
            !mentions_the_token(&format!("{error} {error:?}")),
            "{error}"
        );
        assert_eq!(org.heard().len(), 3, "only the org is asked");
        assert!(
            org.heard()
                .iter()
                .all(|request| mentions_the_token(request))
        );
    }
    for to in &links {
        for status in [301, 302, 303, 307, 308] {
            let org = Listener::start().await;
            org.answer(redirect(status, to));
            let error = builder(&org).check().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Intercepted, "{status} {to}");
            assert!(
                !mentions_the_token(&format!("{error} {error:?}")),
                "{error}"
            );
        }
    }
    assert_eq!(
        trap.heard(),
        Vec::<String>::new(),
        "requests that reached the other listener"
    );
    assert_eq!(*trap.connections.lock().unwrap(), 0, "nobody even called");
}

#[tokio::test]
async fn trap_listener_records_a_request() {
    let trap = Listener::start().await;
    let error = builder(&trap).check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "no next link");
    let heard = trap.heard();
    assert_eq!((heard.len(), *trap.connections.lock().unwrap()), (1, 1));
    assert!(
        heard[0].contains(&format!("authorization: SSWS {TOKEN}")),
        "{heard:?}"
    );
}

/// Passes requests to the org on, and records those to another host.
#[derive(Debug)]
struct Network {
    org: OktaSimulator,
    elsewhere: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Network {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let place = format!(
            "{}://{}",
            request.uri().scheme_str().unwrap(),
            request.uri().authority().unwrap()
        );
        if place != ORG {
            self.elsewhere.lock().unwrap().push(place);
            return Err(TransportError::Connect("elsewhere".into()));
        }
        self.org.call(request).await
    }
}

fn hostile_targets() -> impl Iterator<Item = String> {
    [
        "https://evil.example/api/v1/logs?after=1",
        "http://example.okta.com/api/v1/logs?after=1",
        "https://example.okta.com:8443/api/v1/logs?after=1",
        "https://example.okta.com:80/api/v1/logs",
        "https://example.okta.com.evil.example/api/v1/logs",
        "https://example.okta.com@evil.example/api/v1/logs",
        "https://example.okta.com%2f@evil.example/api/v1/logs",
        "https://example.okta.com\\@evil.example/api/v1/logs",
        "https://user@example.okta.com/api/v1/logs",
        "https://:password@example.okta.com/api/v1/logs",
        "https://example-okta.com/api/v1/logs",
        "https://example.okta.corn/api/v1/logs",
        "https://exarnple.okta.com/api/v1/logs",
        "https://\u{435}xample.okta.com/api/v1/logs",
        "https://example.okta.com./api/v1/logs",
        "https://example-admin.okta.com/api/v1/logs",
        "https://sub.example.okta.com/api/v1/logs",
        "https://okta.com/api/v1/logs",
        "//evil.example/api/v1/logs",
        "///evil.example/api/v1/logs",
        "/\\evil.example/api/v1/logs",
        "https:evil.example/api/v1/logs",
        "https:/\\evil.example/api/v1/logs",
        "HTTPS://EVIL.EXAMPLE/api/v1/logs",
        "ftp://example.okta.com/api/v1/logs",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://[::1]/api/v1/logs",
        "https://169.254.169.254/latest/meta-data",
        "/api/v1/users",
        "/api/v1/logs/../users",
        "/oauth2/v1/token",
        "@evil.example/",
        "",
    ]
    .into_iter()
    .map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn next_link_of_any_text_stays_in_the_org_log() {
    for target in hostile_targets() {
        for way in ["poll", "backfill", "again"] {
            let harness = Harness::new();
            harness.append(0..3);
            let network = Arc::new(Network {
                org: harness.org.clone(),
                elsewhere: Mutex::default(),
            });
            let carried = Arc::clone(&network) as Arc<dyn Transport>;
            let builder = harness.builder().transport(carried);
            let now = harness.clock.now();
            let mut source: Box<dyn EventSource> = match way {
                "poll" => Box::new(builder.open().await.unwrap()),
                "backfill" => {
                    let range = now - chrono::TimeDelta::hours(1)..now;
                    Box::new(builder.open_backfill(range).await.unwrap())
                }
                _ => {
                    let every = std::time::Duration::from_secs(60);
                    let mut source = builder.reread_every(every).open().await.unwrap();
                    settle(given(&mut source).await).await.unwrap();
                    Box::new(source)
                }
            };
            harness.org.script_times(3, Fault::NextLink(target.clone()));
            for _ in 0..3 {
                match source.next().await {
                    Ok(Some(delivery)) => settle(delivery).await.unwrap(),
                    Ok(None) => break,
                    Err(_) => {}
                }
            }
            assert_eq!(
                *network.elsewhere.lock().unwrap(),
                Vec::<String>::new(),
                "{way}: {target}"
            );
            let asked = harness.org.requests();
            assert!(
                asked
                    .iter()
                    .all(|request| request.path_and_query.starts_with("/api/v1/logs?")),
                "{way}: {target}: {asked:?}"
            );
            let stored = harness.store.cursor().unwrap_or_default();
            assert!(
                stored.is_empty() || stored.starts_with("/api/v1/logs?after="),
                "{stored}"
            );
        }
    }
}
