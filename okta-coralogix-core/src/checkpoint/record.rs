//! A checkpoint as it stands in a file: with its format, generation and checksum.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt::Write;

use super::Checkpoint;

const FORMAT: &str = "okta-coralogix checkpoint";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<'a> {
    format: &'a str,
    version: u32,
    generation: u64,
    sha256: &'a str,
    #[serde(borrow)]
    checkpoint: &'a RawValue,
}

/// Writes the record. It has no line end behind it, so that a file that lost its last byte is seen to be torn.
pub(super) fn write(generation: u64, checkpoint: &RawValue) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Stored {
        format: FORMAT,
        version: VERSION,
        generation,
        sha256: &checksum(generation, checkpoint),
        checkpoint,
    })
}

/// Reads the generation and the checkpoint, or says what is wrong.
pub(super) fn read(bytes: &[u8]) -> Result<(u64, Checkpoint), String> {
    if bytes.is_empty() {
        return Err("it is empty".into());
    }
    let stored: Stored<'_> =
        serde_json::from_slice(bytes).map_err(|_| "it is torn, or something else".to_owned())?;
    if stored.format != FORMAT {
        return Err("it is something else".into());
    }
    if stored.version != VERSION {
        return Err(format!(
            "it has version {}, this program reads version {VERSION}",
            stored.version
        ));
    }
    if stored.sha256 != checksum(stored.generation, stored.checkpoint) {
        return Err("it was altered: its checksum is wrong".into());
    }
    let checkpoint = serde_json::from_str(stored.checkpoint.get())
        .map_err(|error| format!("it was written by another version of this program: {error}"))?;
    Ok((stored.generation, checkpoint))
}

/// SHA-256, in lower-case hex, over everything that stands in the record but itself.
fn checksum(generation: u64, checkpoint: &RawValue) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{FORMAT}\n{VERSION}\n{generation}\n"));
    hash.update(checkpoint.get());
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes any text");
            hex
        })
}
