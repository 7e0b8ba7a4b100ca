//! Ten hours without an ingress hold no more memory than the first of them.
//!
//! The pipeline, the sink and its requests are the real ones; time is injected, and every connection is refused. Every
//! byte on the heap of the process counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use http::{Request, Response};
use okta_coralogix_benches::now;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::testing::{EventGenerator, TestClock};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{
    AckOrder, Acker, Delivery, EventSource, Origin, Outcome, Pipeline, RawEvent, Result,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const HOURS: usize = 10;
const PAGE: usize = 1_000;

/// An ingress to which there is no connection.
#[derive(Debug, Default)]
struct Down {
    attempts: AtomicU64,
}

#[async_trait]
impl Transport for Down {
    async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Err(TransportError::Connect("refused".into()))
    }
}

/// An org that always has another page.
#[derive(Debug)]
struct Endless {
    generator: EventGenerator,
    origin: Arc<Origin>,
    dedup: DedupWindow,
}

#[derive(Debug)]
struct NoCursor;

#[async_trait]
impl Acker for NoCursor {
    async fn settle(self: Box<Self>, _: &[Outcome]) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl EventSource for Endless {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn dedup_window(&self) -> DedupWindow {
        self.dedup.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        let event = |_| {
            let json = self.generator.event(now()).json;
            RawEvent::parse(json, Arc::clone(&self.origin))
        };
        let items = (0..PAGE).map(event).collect();
        Ok(Some(Delivery::new(items, Box::new(NoCursor))))
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing");
    let _profiler = dhat::Profiler::builder().testing().build();
    runtime.block_on(outage());
}

async fn outage() {
    let down = Arc::new(Down::default());
    let sink = CoralogixSink::builder()
        .domain("EU2")
        .api_key("not-a-key")
        .transport(Arc::clone(&down))
        .build()
        .expect("region and key are valid");
    let source = Endless {
        generator: EventGenerator::new(7),
        origin: Arc::new(Origin::org("acme")),
        dedup: DedupWindow::default(),
    };
    let pipeline = Pipeline::builder(source, sink)
        .clock(Arc::new(TestClock::starting_at(now())))
        .seed(7)
        .build()
        .expect("the defaults are valid");
    let samples = async {
        let mut samples = Vec::new();
        for _ in 0..HOURS {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            samples.push(dhat::HeapStats::get().curr_bytes);
        }
        samples
    };
    let samples = tokio::select! {
        ended = pipeline.run(std::future::pending()) => panic!("the run ended: {ended:?}"),
        samples = samples => samples,
    };
    let attempts = down.attempts.load(Ordering::Relaxed);
    println!("heap during {HOURS} hours without an ingress ({attempts} attempts), in bytes:");
    for (hour, bytes) in samples.iter().enumerate() {
        println!("  after {:>2} h  {bytes}", hour + 1);
    }
    println!("  at most     {}", dhat::HeapStats::get().max_bytes);
    let (least, most) = (samples.iter().min(), samples.iter().max());
    let (least, most) = (*least.expect("ten"), *most.expect("ten"));
    dhat::assert!(attempts > 1_000, "the ingress was tried all the time");
    dhat::assert!(
        most - least < least / 50,
        "memory is not flat: from {least} to {most} bytes"
    );
    dhat::assert!(most < LIMIT, "{most} bytes are held");
}

/// What four pages of 1,000 events of about 2 KB, their entries and their requests may take.
const LIMIT: usize = 40 * 1024 * 1024;
