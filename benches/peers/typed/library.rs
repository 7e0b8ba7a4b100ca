//! The libraries that read and write structs.

use std::cell::RefCell;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads and writes JSON through serde.
pub(crate) trait Library: Debug {
    /// As benches/README.md and criterion's output name it.
    const NAME: &'static str;

    /// The value of one JSON document, which is not needed any more.
    fn read<T: DeserializeOwned>(json: &mut [u8]) -> T;

    /// Appends the value's JSON.
    fn write<T: Serialize>(to: &mut Vec<u8>, value: &T);

    /// The value's JSON.
    fn to_string<T: Serialize>(value: &T) -> String;
}

const READS: &str = "a generated document fits the structs";
const WRITES: &str = "structs always serialise";

/// The usual one.
#[derive(Debug)]
pub(crate) struct SerdeJson;

impl Library for SerdeJson {
    const NAME: &'static str = "serde_json, structs";

    fn read<T: DeserializeOwned>(json: &mut [u8]) -> T {
        serde_json::from_slice(json).expect(READS)
    }

    fn write<T: Serialize>(to: &mut Vec<u8>, value: &T) {
        serde_json::to_writer(to, value).expect(WRITES);
    }

    fn to_string<T: Serialize>(value: &T) -> String {
        serde_json::to_string(value).expect(WRITES)
    }
}

/// ByteDance's, with SIMD for reading and writing.
#[derive(Debug)]
pub(crate) struct SonicRs;

impl Library for SonicRs {
    const NAME: &'static str = "sonic-rs, structs";

    fn read<T: DeserializeOwned>(json: &mut [u8]) -> T {
        sonic_rs::from_slice(json).expect(READS)
    }

    fn write<T: Serialize>(to: &mut Vec<u8>, value: &T) {
        sonic_rs::to_writer(to, value).expect(WRITES);
    }

    fn to_string<T: Serialize>(value: &T) -> String {
        sonic_rs::to_string(value).expect(WRITES)
    }
}

/// The port of simdjson. It unescapes in place and keeps its buffers.
#[derive(Debug)]
pub(crate) struct SimdJson;

thread_local! {
    static BUFFERS: RefCell<simd_json::Buffers> = RefCell::new(simd_json::Buffers::new(1 << 22));
}

impl Library for SimdJson {
    const NAME: &'static str = "simd-json, structs";

    fn read<T: DeserializeOwned>(json: &mut [u8]) -> T {
        BUFFERS.with_borrow_mut(|buffers| {
            simd_json::serde::from_slice_with_buffers(json, buffers).expect(READS)
        })
    }

    fn write<T: Serialize>(to: &mut Vec<u8>, value: &T) {
        simd_json::serde::to_writer(to, value).expect(WRITES);
    }

    fn to_string<T: Serialize>(value: &T) -> String {
        simd_json::serde::to_string(value).expect(WRITES)
    }
}
