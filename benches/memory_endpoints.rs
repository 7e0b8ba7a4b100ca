//! A source and a sink in memory that cost as little as possible, so that a bench measures the pipeline between them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use coralogix_sink::{CoralogixSink, CoralogixSinkBuilder};
use futures::StreamExt;
use futures::stream;
use http::{Request, Response};
use okta_coralogix_core::event::split_page;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{AckOrder, Acker, Delivery, EventSource, Origin, Outcome, Result};

use crate::PAGE_HOST;

/// Pages in memory as a source: each is split as it is taken, and settling one costs nothing.
#[derive(Debug)]
pub struct MemoryPages {
    pages: std::vec::IntoIter<Bytes>,
    origin: Arc<Origin>,
    dedup: DedupWindow,
}

impl MemoryPages {
    /// A source that ends behind the last of them.
    #[must_use]
    pub fn new(pages: Vec<Bytes>) -> Self {
        Self {
            pages: pages.into_iter(),
            origin: Arc::new(Origin::org(PAGE_HOST)),
            dedup: DedupWindow::default(),
        }
    }
}

#[async_trait]
impl EventSource for MemoryPages {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn dedup_window(&self) -> DedupWindow {
        self.dedup.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        let Some(page) = self.pages.next() else {
            return Ok(None);
        };
        let items = split_page(&page, &self.origin).expect("a generated page is an array");
        Ok(Some(Delivery::new(items, Box::new(NoCursor))))
    }
}

#[derive(Debug)]
struct NoCursor;

#[async_trait]
impl Acker for NoCursor {
    async fn settle(self: Box<Self>, _: &[Outcome]) -> Result<()> {
        Ok(())
    }
}

/// The real sink, before an ingress that takes everything and keeps nothing.
pub fn memory_sink() -> CoralogixSinkBuilder {
    CoralogixSink::builder()
        .domain("EU2")
        .api_key("not-a-key")
        .transport(Arc::new(TakesAll))
}

#[derive(Debug)]
struct TakesAll;

#[async_trait]
impl Transport for TakesAll {
    async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok(Response::new(stream::empty().boxed()))
    }
}
