//! What a byte costs us, by the size of the event. A path that is flat here has no cost per event worth naming.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput};
use okta_coralogix_benches::{Ours, Shape};

use crate::{FORMS, ROUNDS};

/// Pages of about 2 MB each, but for the smallest events: Okta hands out no more than 1,000.
pub(super) fn cost_per_byte(criterion: &mut Criterion) {
    let pages: Vec<(Shape, Bytes)> = Shape::all()
        .map(|shape| (shape, shape.page(shape.usual_count())))
        .collect();
    for (form, text) in FORMS {
        let ours = Ours::new(text, 0);
        let mut group = criterion.benchmark_group(format!("peers_size_{form}"));
        group.sampling_mode(SamplingMode::Flat);
        for round in 1..=ROUNDS {
            for (shape, page) in &pages {
                group.throughput(Throughput::Bytes(page.len() as u64));
                group.bench_function(BenchmarkId::new(shape.to_string(), round), |bencher| {
                    bencher.iter_batched_ref(
                        || Bytes::copy_from_slice(page),
                        |page| black_box(ours.bodies(page)),
                        BatchSize::PerIteration,
                    );
                });
            }
        }
        group.finish();
    }
}
