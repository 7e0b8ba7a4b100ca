//! From log entries to one request body: writing it, by the form of the text, the route and the size of the events, and
//! compressing it at several levels.

#![expect(
    clippy::print_stdout,
    reason = "the bytes are half of what this bench is for"
)]

use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::write::DeflateEncoder;
use miniz_oxide::deflate::compress_to_vec;
use okta_coralogix_benches::{Ours, PAGE_EVENTS, Shape, envelopes, pages};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_core::{LogEntry, LogSink};

const FORMS: [(&str, TextForm); 2] = [
    ("escaped", TextForm::Escaped),
    ("embedded", TextForm::Embedded),
];

/// 0 is off.
const LEVELS: [u32; 5] = [0, 1, 2, 3, 6];

fn sink(gzip_level: u32) -> CoralogixSink {
    CoralogixSink::builder()
        .domain("EU2")
        .api_key("not-a-key")
        .gzip_level(gzip_level)
        .build()
        .expect("region, key and level are valid")
}

/// More entries than fit one request.
fn entries(form: TextForm) -> Vec<LogEntry> {
    let ours = Ours::new(form, 0);
    let pages = pages(2);
    pages
        .iter()
        .flat_map(|page| ours.map(&ours.split(page)))
        .collect()
}

/// Writing and framing only. The bytes of the throughput are those of the body.
fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (name, form) in FORMS {
        let entries = entries(form);
        let sink = sink(0);
        let batch = sink.encode(&entries).expect("an entry fits");
        println!(
            "{name}: {} entries make {} bytes",
            batch.entries, batch.uncompressed_len
        );
        group.throughput(Throughput::Bytes(batch.uncompressed_len as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(sink.encode(black_box(&entries))));
        });
    }
    group.finish();
}

/// The same for entries that hold a whole envelope of EventBridge.
fn encode_envelopes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode_envelope");
    for (name, form) in FORMS {
        let ours = Ours::new(form, 0);
        let entries = ours.map(&ours.receive(&envelopes(PAGE_EVENTS)));
        let sink = sink(0);
        let batch = sink.encode(&entries).expect("an entry fits");
        group.throughput(Throughput::Bytes(batch.uncompressed_len as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(sink.encode(black_box(&entries))));
        });
    }
    group.finish();
}

/// The same by size and script of the events. Escaping is the part that depends on what stands in them.
fn encode_shapes(criterion: &mut Criterion) {
    for (name, form) in FORMS {
        let ours = Ours::new(form, 0);
        let sink = sink(0);
        let mut group = criterion.benchmark_group(format!("encode_shape/{name}"));
        for shape in Shape::all() {
            let entries = ours.map(&ours.split(&shape.page(shape.usual_count())));
            let batch = sink.encode(&entries).expect("an entry fits");
            group.throughput(Throughput::Bytes(batch.uncompressed_len as u64));
            group.bench_function(shape.to_string(), |bencher| {
                bencher.iter(|| black_box(sink.encode(black_box(&entries))));
            });
        }
        group.finish();
    }
}

/// The whole step that the sink takes, by level; level 0 is the same without compression.
fn compress(criterion: &mut Criterion) {
    for (name, form) in FORMS {
        let entries = entries(form);
        let mut group = criterion.benchmark_group(format!("compress/{name}"));
        for level in LEVELS {
            let sink = sink(level);
            let whole = || sink.compress(sink.encode(black_box(&entries)).expect("an entry fits"));
            let batch = whole();
            println!(
                "{name}, level {level}: {} bytes become {} ({:.1} %)",
                batch.uncompressed_len,
                batch.body.len(),
                100.0 * batch.body.len() as f64 / batch.uncompressed_len as f64
            );
            group.throughput(Throughput::Bytes(batch.uncompressed_len as u64));
            group.bench_function(BenchmarkId::from_parameter(level), |bencher| {
                bencher.iter(|| black_box(whole()));
            });
        }
        group.finish();
    }
}

/// Raw deflate of one body: the back end in the tree, and the one that flate2 has by default. The second is called
/// directly, since the features of flate2 that choose between them hold for the whole build.
fn backends(criterion: &mut Criterion) {
    let entries = entries(TextForm::Escaped);
    let plain = sink(0).encode(&entries).expect("an entry fits").body;
    let zlib_rs = |level| {
        let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder
            .write_all(&plain)
            .and_then(|()| encoder.finish())
            .expect("writing to memory does not fail")
    };
    let miniz_oxide = |level: u32| compress_to_vec(&plain, level as u8);
    let mut group = criterion.benchmark_group("backend");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    for level in &LEVELS[1..] {
        println!(
            "level {level}: zlib-rs {} bytes, miniz_oxide {} bytes",
            zlib_rs(*level).len(),
            miniz_oxide(*level).len()
        );
        group.bench_function(BenchmarkId::new("zlib-rs", level), |bencher| {
            bencher.iter(|| black_box(zlib_rs(*level)));
        });
        group.bench_function(BenchmarkId::new("miniz_oxide", level), |bencher| {
            bencher.iter(|| black_box(miniz_oxide(*level)));
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
    targets = encode, encode_envelopes, encode_shapes, compress, backends
}
criterion_main!(benches);
