//! An endpoint, a pipeline and an ingress, all in memory under paused time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body as AxumBody;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use coralogix_sink::simulator::{CoralogixSimulator, CoralogixSimulatorBuilder};
use coralogix_sink::{CoralogixSink, CoralogixSinkBuilder};
use eventbridge_source::http::{HttpSource, HttpSourceBuilder};
use eventbridge_source::simulator::{ApiDestination, ApiDestinationBuilder, Authorization};
use futures::{StreamExt, TryStreamExt};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use okta_coralogix_core::pipeline::{PipelineBuilder, RunError};
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, MemoryDeadLetters, TestClock};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Clock, SharedClockOffset, Summary};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const KEY_HEADER: &str = "x-amz-event-bridge-access-key";
pub(crate) const KEY: &str = "marked-access-key";
pub(crate) const PATH: &str = "/aws/event-bridge";

pub(crate) struct Harness {
    pub(crate) router: Router,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) letters: MemoryDeadLetters,
    /// The clock of the ingress, which is right.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) host: Arc<TestClock>,
    pub(crate) sink: Arc<CoralogixSink>,
    stop: oneshot::Sender<()>,
    pipeline: JoinHandle<Result<Summary, RunError>>,
}

pub(crate) fn ingress() -> CoralogixSimulatorBuilder {
    CoralogixSimulator::builder().key("k")
}

pub(crate) fn sink(ingress: &CoralogixSimulator) -> CoralogixSinkBuilder {
    let builder = CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("k");
    builder.transport(Arc::new(ingress.clone()))
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with("2026-11-22T12:00:00Z", |source| source, |pipeline| pipeline)
    }

    pub(crate) fn of(source: impl FnOnce(HttpSourceBuilder) -> HttpSourceBuilder) -> Self {
        Self::with("2026-11-22T12:00:00Z", source, |pipeline| pipeline)
    }

    pub(crate) fn with(
        now: &str,
        source: impl FnOnce(HttpSourceBuilder) -> HttpSourceBuilder,
        pipeline: impl FnOnce(PipelineBuilder<HttpSource>) -> PipelineBuilder<HttpSource>,
    ) -> Self {
        let now: DateTime<Utc> = now.parse().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TestClock::starting_at(now));
        let ingress = ingress().clock(Arc::clone(&clock)).build();
        let letters = MemoryDeadLetters::default();
        let host = Arc::new(TestClock::starting_at(now));
        let offset = SharedClockOffset::unknown();
        let sink = sink(&ingress).clock_offset(offset.clone(), Arc::clone(&host));
        let sink = Arc::new(sink.build().unwrap());
        let asked = Arc::clone(&sink);
        let builder = HttpSource::builder()
            .api_key(KEY)
            .clock_offset(offset)
            .sink_check(move || {
                let sink = Arc::clone(&asked);
                async move { sink.check().await }
            });
        let source = source(builder);
        let source = source.build().unwrap();
        let router = source.router();
        let builder = source
            .pipeline(Arc::clone(&sink))
            .clock(Arc::clone(&host))
            .dead_letters(letters.clone())
            .seed(1);
        let pipeline = pipeline(builder).build().unwrap();
        let (stop, stopped) = oneshot::channel();
        let pipeline = tokio::spawn(pipeline.run(async {
            stopped.await.ok();
        }));
        Self {
            router,
            ingress,
            letters,
            clock,
            host,
            sink,
            stop,
            pipeline,
        }
    }

    /// Ends the pipeline as a shutdown does.
    pub(crate) async fn end(self) -> Summary {
        self.stop.send(()).ok();
        let summary = self.pipeline.await.unwrap().unwrap();
        assert!(summary.is_balanced(), "{summary:?}");
        summary
    }

    /// Waits until the pipeline ends by itself.
    pub(crate) async fn ended(self) -> Result<Summary, RunError> {
        self.pipeline.await.unwrap()
    }

    pub(crate) fn destination(&self) -> ApiDestinationBuilder {
        let endpoint = format!("http://localhost{PATH}").parse().unwrap();
        ApiDestination::builder(endpoint)
            .authorization(Authorization::api_key(KEY_HEADER, KEY))
            .transport(Arc::new(InMemory(self.router.clone())))
    }

    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> HttpResponse {
        self.ask(
            Request::post(PATH)
                .header(KEY_HEADER, KEY)
                .body(body.into()),
        )
        .await
    }

    pub(crate) async fn ask(&self, request: http::Result<Request<Bytes>>) -> HttpResponse {
        let limits = ExchangeLimits::new(Duration::from_secs(60), 1 << 20);
        let transport = InMemory(self.router.clone());
        let response = exchange(&transport, request.unwrap(), limits)
            .await
            .unwrap();
        HttpResponse {
            status: response.status(),
            headers: response.headers().clone(),
            text: String::from_utf8(response.into_body().into()).unwrap(),
        }
    }

    /// Events of now.
    pub(crate) fn events(&self, count: usize) -> Vec<GeneratedEvent> {
        let mut generator = EventGenerator::new(3);
        (0..count)
            .map(|_| generator.event(self.clock.now()))
            .collect()
    }

    /// Every one of `events` is in the ingress, exactly once.
    pub(crate) fn assert_all_once(&self, events: &[GeneratedEvent]) {
        let ledger = self.ingress.ledger();
        let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
        assert_eq!(missing, [""; 0]);
        assert_eq!(
            (ledger.repeats(), ledger.entries().len()),
            (0, events.len())
        );
    }
}

#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// The envelope of an event, as EventBridge makes it.
pub(crate) fn envelope(event: &GeneratedEvent) -> Bytes {
    let detail = std::str::from_utf8(&event.json).unwrap();
    let envelope = format!(
        r#"{{"version":"0","id":"e-{}","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","account":"123456789012","time":"2026-11-22T12:00:00Z","region":"eu-west-1","resources":[],"detail":{detail}}}"#,
        event.uuid
    );
    envelope.into()
}

/// A router without a socket.
#[derive(Debug)]
pub(crate) struct InMemory(pub(crate) Router);

#[async_trait]
impl Transport for InMemory {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let service = TowerToHyperService::new(self.0.clone());
        let response = service.call(request.map(AxumBody::from)).await;
        let response = response.unwrap_or_else(|never| match never {});
        let broken = |error: axum::Error| TransportError::Interrupted(error.to_string().into());
        Ok(response.map(|body| body.into_data_stream().map_err(broken).boxed()))
    }
}
