//! The whole path, from the bytes of a page to compressed request bodies.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use okta_coralogix_benches::{Ours, PAGE_EVENTS, SCRIPTS, Shape, corpus_page, pages};
use okta_coralogix_core::mapping::TextForm;

const FORMS: [(&str, TextForm); 2] = [
    ("embedded", TextForm::Embedded),
    ("escaped", TextForm::Escaped),
];

const ROUNDS: u32 = 3;

/// Plain and compressed by turns: the compressor takes the difference.
fn compression(criterion: &mut Criterion) {
    let pages = pages(4);
    for (form, text) in FORMS {
        let mut group = criterion.benchmark_group(format!("path_{form}"));
        group.sampling_mode(SamplingMode::Flat);
        group.throughput(Throughput::Elements(PAGE_EVENTS as u64));
        let ways = [
            ("plain", Ours::new(text, 0)),
            ("gzip", Ours::compressing(text)),
        ];
        for round in 1..=ROUNDS {
            for (name, ours) in &ways {
                let mut next = pages.iter().cycle();
                group.bench_function(BenchmarkId::new(*name, round), |bencher| {
                    bencher.iter_batched(
                        || next.next().expect("a cycle does not end"),
                        |page| black_box(ours.bodies(page)),
                        BatchSize::PerIteration,
                    );
                });
            }
        }
        group.finish();
    }
}

/// Compressed, by size and script of the events, about 2 MB a page.
fn shapes(criterion: &mut Criterion) {
    let ours = Ours::compressing(TextForm::Escaped);
    let mut group = criterion.benchmark_group("path_shape");
    for shape in Shape::all() {
        bodies(
            &mut group,
            &shape.to_string(),
            &ours,
            &shape.page(shape.usual_count()),
        );
    }
    if let Some((page, _)) = corpus_page() {
        bodies(&mut group, "corpus", &ours.of_any_age(), &page);
    }
    group.finish();
}

/// Compressed, by the number of events in a page. A page of one pays for a request of its own.
fn lengths(criterion: &mut Criterion) {
    let ours = Ours::compressing(TextForm::Escaped);
    let mut group = criterion.benchmark_group("path_length");
    for script in SCRIPTS {
        let shape = Shape {
            bytes: 2_048,
            script,
        };
        for length in [1, 100, 1_000] {
            bodies(
                &mut group,
                &format!("{shape}-{length}"),
                &ours,
                &shape.page(length),
            );
        }
    }
    group.finish();
}

fn bodies(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, ours: &Ours, page: &Bytes) {
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_with_large_drop(|| ours.bodies(black_box(page)));
    });
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
    targets = compression, shapes, lengths
}
criterion_main!(benches);
