//! Every peer in one run: the same bytes in, equal bodies out, checked before anything is timed.
//!
//! The peers take turns: each is timed for about a second in each of several rounds, and ratios are taken within a round,
//! so that other load on the machine affects all peers alike.

mod compress;
mod run;
mod sizes;

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use okta_coralogix_benches::{PAGE_EVENTS, envelopes, pages};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_peers::allocations::Counting;
use okta_coralogix_peers::{Peer, Visit, visit_all};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const FORMS: [(&str, TextForm); 2] = [
    ("embedded", TextForm::Embedded),
    ("escaped", TextForm::Escaped),
];

/// Several pages, so that no run works on what the one before left in the cache.
const PAGES: usize = 4;

const ROUNDS: u32 = 5;

/// Prints allocations and rejected input beside the times that criterion prints.
fn check_and_count(_: &mut Criterion) {
    run::check_and_count(&FORMS, &pages(PAGES), &envelopes(PAGE_EVENTS));
}

/// A page → request bodies, not compressed.
fn page_to_bodies(criterion: &mut Criterion) {
    let pages = pages(PAGES);
    for (form, text) in FORMS {
        let mut group = group(criterion, &format!("peers_page_{form}"));
        for round in 1..=ROUNDS {
            let pages = &pages;
            let group = &mut group;
            visit_all(
                text,
                &mut TimePages {
                    group,
                    round,
                    pages,
                },
            );
        }
        group.finish();
    }
}

/// EventBridge envelopes, one a message → request bodies, not compressed.
fn envelopes_to_bodies(criterion: &mut Criterion) {
    let messages = envelopes(PAGE_EVENTS);
    for (form, text) in FORMS {
        let mut group = group(criterion, &format!("peers_envelope_{form}"));
        for round in 1..=ROUNDS {
            let messages = &messages;
            let group = &mut group;
            visit_all(
                text,
                &mut TimeEnvelopes {
                    group,
                    round,
                    messages,
                },
            );
        }
        group.finish();
    }
}

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(PAGE_EVENTS as u64));
    group
}

struct TimePages<'a, 'c> {
    group: &'a mut BenchmarkGroup<'c, WallTime>,
    round: u32,
    pages: &'a [Bytes],
}

impl Visit for TimePages<'_, '_> {
    fn visit<P: Peer>(&mut self, mut peer: P) {
        let id = BenchmarkId::new(peer.name(), self.round);
        let mut next = self.pages.iter().cycle();
        self.group.bench_function(id, |bencher| {
            // Input is made, and input and output are dropped, while the clock stands still.
            bencher.iter_batched_ref(
                || P::input(next.next().expect("a cycle does not end")),
                |page| black_box(peer.page(page)),
                BatchSize::PerIteration,
            );
        });
    }
}

struct TimeEnvelopes<'a, 'c> {
    group: &'a mut BenchmarkGroup<'c, WallTime>,
    round: u32,
    messages: &'a [Bytes],
}

impl Visit for TimeEnvelopes<'_, '_> {
    fn visit<P: Peer>(&mut self, mut peer: P) {
        let id = BenchmarkId::new(peer.name(), self.round);
        self.group.bench_function(id, |bencher| {
            bencher.iter_batched_ref(
                || {
                    self.messages
                        .iter()
                        .map(|message| P::input(message))
                        .collect::<Vec<_>>()
                },
                |messages| black_box(peer.envelopes(messages)),
                BatchSize::PerIteration,
            );
        });
    }
}

/// Many short measurements: the rounds take the place of long ones.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .without_plots()
}

criterion_group! {
    name = benches;
    config = short();
    targets = check_and_count, page_to_bodies, envelopes_to_bodies, sizes::cost_per_byte, compress::backends
}
criterion_main!(benches);
