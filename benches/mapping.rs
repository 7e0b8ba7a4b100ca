//! From a page of 1,000 events to request bodies, whole and by step, against the naive way in the same run.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use okta_coralogix_benches::{Naive, Ours, PAGE_EVENTS, assert_same, envelopes, pages};
use okta_coralogix_core::mapping::TextForm;

/// Several pages, so that no run works on what the one before left in the cache.
const PAGES: usize = 8;

const FORMS: [(&str, TextForm); 2] = [
    ("escaped", TextForm::Escaped),
    ("embedded", TextForm::Embedded),
];

fn whole_path(criterion: &mut Criterion) {
    for (name, form) in FORMS {
        let pages = pages(PAGES);
        let ours = Ours::new(form, 0);
        let naive = Naive::new(form);
        for page in &pages {
            let entries = assert_same(&ours.bodies(page), &naive.bodies(page), "naive");
            assert!(entries > PAGE_EVENTS / 2, "most events are young enough");
        }
        let mut group = criterion.benchmark_group(format!("page_to_bodies/{name}"));
        group.throughput(Throughput::Elements(PAGE_EVENTS as u64));
        let mut next = pages.iter().cycle();
        group.bench_function("ours", |bencher| {
            bencher.iter_batched(
                || next.next().expect("a cycle does not end"),
                |page| black_box(ours.bodies(page)),
                BatchSize::PerIteration,
            );
        });
        group.bench_function("naive", |bencher| {
            bencher.iter_batched(
                || next.next().expect("a cycle does not end"),
                |page| black_box(naive.bodies(page)),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

/// The same for envelopes of EventBridge that come one a message.
fn envelopes_to_bodies(criterion: &mut Criterion) {
    let messages = envelopes(PAGE_EVENTS);
    for (name, form) in FORMS {
        let ours = Ours::new(form, 0);
        let naive = Naive::new(form);
        assert_same(
            &ours.envelopes(&messages),
            &naive.envelopes(&messages),
            "naive",
        );
        let mut group = criterion.benchmark_group(format!("envelopes_to_bodies/{name}"));
        group.throughput(Throughput::Elements(PAGE_EVENTS as u64));
        group.bench_function("ours", |bencher| {
            bencher.iter_with_large_drop(|| ours.envelopes(black_box(&messages)));
        });
        group.bench_function("naive", |bencher| {
            bencher.iter_with_large_drop(|| naive.envelopes(black_box(&messages)));
        });
        group.finish();
    }
}

fn steps(criterion: &mut Criterion) {
    let pages = pages(PAGES);
    let mut next = pages.iter().cycle();
    let page = &pages[0];
    let escaped = Ours::new(TextForm::Escaped, 0);
    let embedded = Ours::new(TextForm::Embedded, 0);
    let gzip = Ours::new(TextForm::Escaped, 2);
    let events = escaped.split(page);

    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements(PAGE_EVENTS as u64));
    group.bench_function("split", |bencher| {
        bencher.iter_batched(
            || next.next().expect("a cycle does not end"),
            |page| black_box(escaped.split(page)),
            BatchSize::PerIteration,
        );
    });
    let messages = envelopes(PAGE_EVENTS);
    group.bench_function("receive_envelopes", |bencher| {
        bencher.iter_with_large_drop(|| escaped.receive(black_box(&messages)));
    });
    group.bench_function("age", |bencher| {
        bencher.iter(|| black_box(escaped.count_young(black_box(&events))));
    });
    group.bench_function("age_and_map", |bencher| {
        bencher.iter(|| black_box(escaped.map(black_box(&events))));
    });
    for (name, ours) in [
        ("encode_escaped", &escaped),
        ("encode_embedded", &embedded),
        ("encode_escaped_gzip_2", &gzip),
    ] {
        let entries = ours.map(&events);
        group.throughput(Throughput::Elements(entries.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(ours.encode(black_box(&entries))));
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
    targets = whole_path, envelopes_to_bodies, steps
}
criterion_main!(benches);
