//! The pipeline around the path: between endpoints in memory, and between the simulators on real sockets.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator};
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use okta_coralogix_benches::{MemoryPages, Ours, PAGE_EVENTS, mapping, memory_sink, now, pages};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_core::testing::{EventGenerator, MemoryCheckpoint, TestClock};
use okta_coralogix_core::{EventSource, LogSink, Pipeline, Summary};
use okta_source::OktaSource;
use okta_source::simulator::{OktaServer, OktaSimulator};
use tokio::runtime::{Builder, Runtime};

const PAGES: usize = 8;
const EVENTS: usize = PAGES * PAGE_EVENTS;
const ROUNDS: u32 = 3;
const TOKEN: &str = "00not-a-token";

/// The bare path and the pipeline by turns, on one thread.
fn memory(criterion: &mut Criterion) {
    let pages = pages(PAGES);
    let runtime = on_one_thread();
    for (name, level) in [("plain", Some(0)), ("gzip", None)] {
        let mut group = criterion.benchmark_group(format!("pipeline_{name}"));
        group.sampling_mode(SamplingMode::Flat);
        group.throughput(Throughput::Elements(EVENTS as u64));
        let ours = match level {
            Some(level) => Ours::new(TextForm::Escaped, level),
            None => Ours::compressing(TextForm::Escaped),
        };
        for round in 1..=ROUNDS {
            group.bench_function(BenchmarkId::new("bare", round), |bencher| {
                bencher.iter(|| {
                    for page in &pages {
                        black_box(ours.bodies(page));
                    }
                });
            });
            group.bench_function(BenchmarkId::new("memory", round), |bencher| {
                bencher.iter(|| {
                    let sink = match level {
                        Some(level) => memory_sink().gzip_level(level),
                        None => memory_sink(),
                    };
                    let sink = sink.build().expect("the settings are valid");
                    runtime.block_on(run(MemoryPages::new(pages.clone()), sink))
                });
            });
        }
        group.finish();
    }
}

/// Source and sink on one thread, both simulators on another; the time is that of all of them.
fn sockets(criterion: &mut Criterion) {
    let simulators = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let runtime = on_one_thread();
    let events = EventGenerator::new(42).batch(EVENTS, now());
    let events: Vec<Bytes> = events.into_iter().map(|event| event.json).collect();
    let mut group = criterion.benchmark_group("pipeline_sockets");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("gzip", |bencher| {
        bencher.iter_batched(
            || simulators.block_on(Harness::new(&events)),
            |harness| {
                runtime.block_on(async {
                    let (source, sink) = harness.open().await;
                    run(source, sink).await;
                });
                harness
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Simulators of an org with a backlog and of an empty ingress.
struct Harness {
    org: OktaServer,
    ingress: CoralogixServer,
}

impl Harness {
    async fn new(events: &[Bytes]) -> Self {
        let clock = Arc::new(TestClock::starting_at(now()));
        let org = OktaSimulator::builder()
            .token(TOKEN)
            .clock(Arc::clone(&clock))
            .rate_limit(1_000_000)
            .build();
        org.append_all(events.iter().cloned());
        let ingress = CoralogixSimulator::builder().clock(clock).key("k").build();
        Self {
            org: org.serve().await.expect("there is a port"),
            ingress: ingress.serve().await.expect("there is a port"),
        }
    }

    async fn open(&self) -> (OktaSource, CoralogixSink) {
        let source = OktaSource::builder()
            .org_url(self.org.base_url())
            .api_token(TOKEN)
            .once(true)
            .checkpoint(Arc::new(MemoryCheckpoint::default()))
            .clock(Arc::new(TestClock::starting_at(now())))
            .open()
            .await
            .expect("the settings are valid");
        let sink = CoralogixSink::builder()
            .endpoint(self.ingress.base_url())
            .api_key("k")
            .build()
            .expect("the settings are valid");
        (source, sink)
    }
}

async fn run(source: impl EventSource, sink: impl LogSink) -> Summary {
    let summary = Pipeline::builder(source, sink)
        .mapping(mapping(TextForm::Escaped))
        .clock(Arc::new(TestClock::starting_at(now())))
        .seed(1)
        .build()
        .expect("the settings are valid")
        .run(std::future::pending())
        .await
        .expect("nothing fails");
    assert_eq!(summary.delivered + summary.too_old, EVENTS as u64);
    summary
}

fn on_one_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

/// Short enough that all targets together take a few minutes.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = short();
    targets = memory, sockets
}
criterion_main!(benches);
