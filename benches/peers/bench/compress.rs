//! The request bodies of a page by compressor and level.

use std::hint::black_box;
use std::io::Write;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use flate2::write::GzEncoder;
use libdeflater::{CompressionLvl, Compressor};
use okta_coralogix_benches::{Ours, PAGE_EVENTS, pages};
use okta_coralogix_core::mapping::TextForm;

/// A body and a level in, a compressed body out.
type Compress = fn(&[u8], u8) -> Vec<u8>;

/// Some that an ingress need not accept, for comparison.
const BACKENDS: &[(&str, &[u8], Compress)] = &[
    ("flate2, zlib-rs", &[1, 2, 3, 6], zlib_rs),
    ("miniz_oxide", &[1, 6], miniz),
    ("libdeflate", &[1, 2, 3, 6], libdeflate),
    ("zstd (not gzip)", &[1, 3], zstd),
    #[cfg(feature = "isal")]
    ("ISA-L", &[0, 1, 3], isal),
];

const ROUNDS: u32 = 3;

/// The text is an escaped string, which is the default.
pub(super) fn backends(criterion: &mut Criterion) {
    let bodies = Ours::new(TextForm::Escaped, 0).bodies(&pages(1)[0]);
    let plain: usize = bodies.iter().map(Bytes::len).sum();
    let mut group = criterion.benchmark_group("peers_compress");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(PAGE_EVENTS as u64));
    for round in 1..=ROUNDS {
        for &(name, levels, compress) in BACKENDS {
            for level in levels {
                let name = format!("{name} {level}");
                group.bench_function(BenchmarkId::new(&name, round), |bencher| {
                    bencher.iter(|| all(black_box(&bodies), compress, *level));
                });
                if round == 1 {
                    let small = all(&bodies, compress, *level);
                    println!("{name}: {:.2} times smaller", plain as f64 / small as f64);
                }
            }
        }
    }
    group.finish();
}

/// Compresses each body on its own. How many bytes they make together.
fn all(bodies: &[Bytes], compress: Compress, level: u8) -> usize {
    bodies
        .iter()
        .map(|body| black_box(compress(body, level)).len())
        .sum()
}

const ROOM: &str = "writing to memory does not fail";

fn zlib_rs(body: &[u8], level: u8) -> Vec<u8> {
    let out = Vec::with_capacity(body.len() / 4);
    let mut encoder = GzEncoder::new(out, flate2::Compression::new(level.into()));
    encoder.write_all(body).expect(ROOM);
    encoder.finish().expect(ROOM)
}

/// Without the frame of gzip, which takes 18 bytes and a checksum.
fn miniz(body: &[u8], level: u8) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(body, level)
}

fn libdeflate(body: &[u8], level: u8) -> Vec<u8> {
    let level = CompressionLvl::new(level.into()).expect("a level of libdeflate");
    let mut compressor = Compressor::new(level);
    let mut out = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor
        .gzip_compress(body, &mut out)
        .expect("it has room");
    out.truncate(length);
    out
}

fn zstd(body: &[u8], level: u8) -> Vec<u8> {
    zstd::bulk::compress(body, level.into()).expect(ROOM)
}

#[cfg(feature = "isal")]
fn isal(body: &[u8], level: u8) -> Vec<u8> {
    let level = match level {
        0 => isal::CompressionLevel::Zero,
        1 => isal::CompressionLevel::One,
        _ => isal::CompressionLevel::Three,
    };
    let mut encoder = isal::write::GzipEncoder::new(Vec::with_capacity(body.len() / 4), level);
    encoder.write_all(body).expect(ROOM);
    encoder.finish().expect(ROOM)
}
