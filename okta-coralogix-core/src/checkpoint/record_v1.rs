//! Version 1 of the format, which was written before 0.1.0: one JSON object with the checkpoint in it, and a SHA-256. Read only: the next
//! save writes the present version.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Checkpoint;
use super::record::FORMAT;

pub(super) const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<'a> {
    format: &'a str,
    version: u32,
    generation: u64,
    sha256: &'a str,
    #[serde(borrow)]
    checkpoint: &'a RawValue,
}

/// Reads the generation and the checkpoint, or says what is wrong.
pub(super) fn read(record: &[u8]) -> Result<(u64, Checkpoint), String> {
    let stored: Stored<'_> =
        serde_json::from_slice(record).map_err(|_| "it is torn, or something else".to_owned())?;
    if (stored.format, stored.version) != (FORMAT, VERSION) {
        return Err("it is something else".into());
    }
    if stored.sha256 != checksum(stored.generation, stored.checkpoint) {
        return Err("it was altered: its checksum is wrong".into());
    }
    let checkpoint = serde_json::from_str(stored.checkpoint.get())
        .map_err(|error| format!("it was written by another version of this program: {error}"))?;
    Ok((stored.generation, checkpoint))
}

/// The generation of a record of this version that begins with these bytes; `None`: it is of another one.
pub(super) fn generation(beginning: &[u8]) -> Option<u64> {
    let head = format!("{{\"format\":\"{FORMAT}\",\"version\":{VERSION},\"generation\":");
    let rest = beginning.strip_prefix(head.as_bytes())?;
    let digits = rest.split(|byte| *byte == b',').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// SHA-256, in lower-case hex, over everything in the record but itself.
fn checksum(generation: u64, checkpoint: &RawValue) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{FORMAT}\n{VERSION}\n{generation}\n"));
    hash.update(checkpoint.get());
    let digest = hash.finalize();
    let mut hex = String::with_capacity(64);
    for byte in digest {
        write!(hex, "{byte:02x}").expect("a string takes any text");
    }
    hex
}
