//! From bytes to events: a page, one event, its head, its time.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use okta_coralogix_benches::{PAGE_HOST, Shape, corpus_page};
use okta_coralogix_core::event::split_page;
use okta_coralogix_core::testing::reference;
use okta_coralogix_core::{Origin, RawEvent};

/// Takes a page apart and tells how many events it found.
type Split = fn(&Bytes, &Arc<Origin>) -> usize;

/// Who splits. Another way of doing the same takes its place here.
const SPLITTERS: [(&str, Split); 2] = [
    ("split", split),
    ("split_by_serde_json", split_by_serde_json),
];

/// What the scanner is held to, and has to be faster than.
fn split_by_serde_json(page: &Bytes, origin: &Arc<Origin>) -> usize {
    let events = reference::split_page(page, origin).expect("a page is an array");
    black_box(&events).iter().flatten().count()
}

fn split(page: &Bytes, origin: &Arc<Origin>) -> usize {
    let events = split_page(page, origin).expect("a page is an array");
    black_box(&events).iter().flatten().count()
}

/// Events of a page.
const LENGTHS: [usize; 3] = [1, 100, 1_000];

fn pages(criterion: &mut Criterion) {
    let origin = Arc::new(Origin::org(PAGE_HOST));
    for (name, split) in SPLITTERS {
        for length in LENGTHS {
            let mut group = criterion.benchmark_group(format!("{name}/{length}"));
            group.sampling_mode(SamplingMode::Flat);
            for shape in Shape::all() {
                let page = shape.page(length);
                group.throughput(Throughput::Bytes(page.len() as u64));
                group.bench_function(shape.to_string(), |bencher| {
                    bencher.iter(|| split(black_box(&page), &origin));
                });
            }
            group.finish();
        }
        corpus(criterion, name, split, &origin);
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what was left out must be seen beside the figures"
)]
fn corpus(criterion: &mut Criterion, name: &str, split: Split, origin: &Arc<Origin>) {
    let Some((page, events)) = corpus_page() else {
        println!(
            "SKIPPED: no corpus of public events; OKTA_CORPUS names the folder of events.ndjson"
        );
        return;
    };
    println!("corpus: {events} public events, over and over");
    let mut group = criterion.benchmark_group(format!("{name}/corpus"));
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("1000", |bencher| {
        bencher.iter(|| split(black_box(&page), origin));
    });
    group.finish();
}

fn one_event(criterion: &mut Criterion) {
    let origin = Arc::new(Origin::org(PAGE_HOST));
    let mut group = criterion.benchmark_group("event");
    for shape in Shape::all() {
        let event = shape.events(1).swap_remove(0).json;
        group.throughput(Throughput::Bytes(event.len() as u64));
        group.bench_function(shape.to_string(), |bencher| {
            bencher.iter(|| RawEvent::parse(black_box(event.clone()), Arc::clone(&origin)));
        });
    }
    group.finish();
}

/// Events with no more than the head reads. What the time alone costs is what one adds to the next.
fn head(criterion: &mut Criterion) {
    let origin = Arc::new(Origin::org(PAGE_HOST));
    let events = [
        ("no_object", "0"),
        ("no_published", "{}"),
        ("published", r#"{"published":"2026-05-04T12:00:00.123Z"}"#),
        (
            "published_with_offset",
            r#"{"published":"2026-05-04T14:00:00.123456+02:00"}"#,
        ),
        (
            "whole_head",
            concat!(
                r#"{"eventType":"user.session.start","published":"2026-05-04T12:00:00.123Z","#,
                r#""severity":"INFO","uuid":"4ab6d852-09e9-1036-fc04-2e22004b3c3f"}"#
            ),
        ),
    ];
    let mut group = criterion.benchmark_group("head");
    for (name, event) in events {
        let event = Bytes::from_static(event.as_bytes());
        group.bench_function(name, |bencher| {
            bencher.iter(|| RawEvent::parse(black_box(event.clone()), Arc::clone(&origin)));
        });
    }
    for (name, time) in [
        ("utc", "2026-05-04T12:00:00.123Z"),
        ("offset", "2026-05-04T14:00:00.123456+02:00"),
    ] {
        group.bench_function(BenchmarkId::new("chrono_alone", name), |bencher| {
            bencher.iter(|| DateTime::parse_from_rfc3339(black_box(time)));
        });
    }
    group.finish();
}

/// Short enough that all targets together take a few minutes.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_200))
}

criterion_group! {
    name = benches;
    config = short();
    targets = pages, one_event, head
}
criterion_main!(benches);
