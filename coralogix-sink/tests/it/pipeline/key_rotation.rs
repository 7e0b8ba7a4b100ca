//! A key that the ingress stops accepting during the run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use http::{Request, Response};
use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::time::Instant;

use super::harness::{Harness, events, run};

/// Reaches the ingress, whose key changes before the n-th request.
#[derive(Debug)]
struct KeyChanges {
    ingress: CoralogixSimulator,
    left: AtomicUsize,
}

#[async_trait]
impl Transport for KeyChanges {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.ingress.set_key("another-key");
        }
        self.ingress.call(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn key_refused_midway_loses_no_event_once_replaced() {
    for good in [0, 1, 4] {
        let harness = Harness::new(events(5_000), 1_000);
        let key = harness.ingress.key();
        let transport = KeyChanges {
            ingress: harness.ingress.clone(),
            left: AtomicUsize::new(good),
        };
        let sink = harness
            .sink()
            .transport(Arc::new(transport))
            .build()
            .unwrap();
        let failed = run(harness.pipeline_with(sink)).await.unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::Unauthorized);
        let detail = failed.error.detail();
        assert!(
            detail.contains("ingress.eu2.coralogix.com (region EU2)"),
            "{detail}"
        );
        assert!(!detail.contains(key.expose()), "{detail}");
        assert_eq!(harness.letters(), []);

        let ledger = harness.ingress.ledger();
        assert!(ledger.wrong_keys() >= 1);
        assert_eq!(failed.summary.delivered as usize, ledger.entries().len());
        assert!(harness.source.settled_events() <= ledger.entries().len());

        harness.ingress.set_key(key);
        harness.run().await;
        harness.assert_all_once();
        assert_eq!(harness.source.settled_events(), 5_000);
    }
}

/// A secret manager rewrites the key while the program runs.
#[tokio::test(start_paused = true)]
async fn changed_key_is_read_anew_and_tried_at_once() {
    let harness = Harness::new(events(50), 5);
    let stored = Arc::new(Mutex::new("old"));
    let read = Arc::clone(&stored);
    let sink = CoralogixSink::builder()
        .domain("EU2")
        .transport(Arc::new(harness.ingress.clone()))
        .api_key_from(move || Ok((*read.lock().unwrap()).into()))
        .build()
        .unwrap();
    harness.ingress.set_key("new");
    *stored.lock().unwrap() = "new";
    let began = Instant::now();
    run(harness.pipeline_with(sink)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    harness.assert_all_once();
    let ledger = harness.ingress.ledger();
    let refused = ledger.requests().iter().filter(|request| request.wrong_key);
    assert!(refused.count() <= 4, "one for each request in flight");
}

/// Reaches the ingress; a request with the first key takes longer than those before it, one with a later key hardly any time.
#[derive(Debug)]
struct CountsKeys {
    ingress: CoralogixSimulator,
    first: &'static str,
    sent: Arc<Mutex<Vec<bool>>>,
}

#[async_trait]
impl Transport for CountsKeys {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let is_first = request.headers()["authorization"] == self.first;
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(is_first);
            sent.len()
        };
        let millis = if is_first { 10 * number as u64 } else { 1 };
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.ingress.call(request).await
    }
}

/// Of several requests in flight each had tried the changed key, although one had seen it refused.
#[tokio::test(start_paused = true)]
async fn changed_key_that_is_refused_too_is_tried_once() {
    let harness = Harness::new(events(50), 5);
    let stored = Arc::new(Mutex::new("old"));
    let read = Arc::clone(&stored);
    let sent = Arc::new(Mutex::new(Vec::new()));
    let sink = CoralogixSink::builder()
        .domain("EU2")
        .max_request_entries(5)
        .transport(Arc::new(CountsKeys {
            ingress: harness.ingress.clone(),
            first: "Bearer old",
            sent: Arc::clone(&sent),
        }))
        .api_key_from(move || Ok((*read.lock().unwrap()).into()))
        .build()
        .unwrap();
    harness.ingress.set_key("another");
    *stored.lock().unwrap() = "newer";
    let running = run(harness.pipeline_with(sink));
    let rested = tokio::time::timeout(Duration::from_secs(30), running).await;
    assert!(rested.is_err(), "it rests for a minute");
    let sent = sent.lock().unwrap();
    assert!(sent.iter().filter(|is_first| **is_first).count() > 1);
    assert_eq!(sent.iter().filter(|is_first| !**is_first).count(), 1);
}
