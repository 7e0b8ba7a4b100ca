//! An org that has one event, and any `Link` header.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use http::header::LINK;
use http::{HeaderValue, Request, Response};
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::transport::{Body, Transport, TransportError};

/// Its address.
pub const ORG: &str = "https://example.okta.com";

/// The path of its log.
pub const LOGS: &str = "/api/v1/logs";

const PAGE: &[u8] = br#"[{"uuid":"a","published":"2026-11-22T09:59:00Z"}]"#;

/// Clones are the same org.
#[derive(Debug, Clone)]
pub struct Org(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    links: Vec<HeaderValue>,
    asked: Vec<String>,
    store: MemoryCheckpoint,
}

impl Org {
    /// Answers with those of the lines that HTTP can carry.
    pub fn answering_with(lines: &[String]) -> Self {
        let links = lines
            .iter()
            .flat_map(|line| HeaderValue::from_str(line))
            .collect();
        Self(Arc::new(Mutex::new(State {
            links,
            asked: Vec::new(),
            store: MemoryCheckpoint::default(),
        })))
    }

    /// The URLs it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// Keeps a checkpoint for the next source.
    pub fn store(&self, store: MemoryCheckpoint) {
        self.state().store = store;
    }

    /// The checkpoint that was kept.
    pub fn stored(&self) -> MemoryCheckpoint {
        self.state().store.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Org {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let url = request.uri().to_string();
        let path = url
            .strip_prefix(ORG)
            .unwrap_or_else(|| panic!("{url} is not the org"));
        let behind = path
            .strip_prefix(LOGS)
            .unwrap_or_else(|| panic!("{url} is not the log"));
        assert!(
            matches!(behind.bytes().next(), None | Some(b'?')),
            "{url} is not the log"
        );
        let mut state = self.state();
        state.asked.push(url);
        let body: Body = Box::pin(stream::iter([Ok(Bytes::from_static(PAGE))]));
        let mut response = Response::new(body);
        for link in &state.links {
            response.headers_mut().append(LINK, link.clone());
        }
        Ok(response)
    }
}
