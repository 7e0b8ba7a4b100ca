//! A checkpoint as it stands in a file: a line that says what it is, and the checkpoint behind it.

use serde::{Deserialize, Serialize};

use super::Checkpoint;

const FORMAT: &str = "okta-coralogix checkpoint";
const VERSION: u32 = 2;

/// No first line is as long as this, so that whoever wants only the generation need not read more.
pub(super) const HEAD_BYTES: u64 = 256;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    format: &'a str,
    version: u32,
    generation: u64,
    crc32: &'a str,
}

/// What every version of the record begins with.
#[derive(Deserialize)]
struct Kind<'a> {
    format: &'a str,
    version: u32,
}

/// Writes the record. It has no line end behind it, so that a file that lost its last byte is seen to be torn.
pub(super) fn write(generation: u64, checkpoint: &[u8]) -> serde_json::Result<Vec<u8>> {
    let head = Head {
        format: FORMAT,
        version: VERSION,
        generation,
        crc32: &checksum(generation, checkpoint),
    };
    let mut record = Vec::with_capacity(HEAD_BYTES as usize + checkpoint.len());
    serde_json::to_writer(&mut record, &head)?;
    record.push(b'\n');
    record.extend_from_slice(checkpoint);
    Ok(record)
}

/// Reads the generation and the checkpoint, or says what is wrong.
pub(super) fn read(record: &[u8]) -> Result<(u64, Checkpoint), String> {
    let (head, checkpoint) = split(record)?;
    if head.crc32 != checksum(head.generation, checkpoint) {
        return Err("it was altered: its checksum is wrong".into());
    }
    let checkpoint = serde_json::from_slice(checkpoint)
        .map_err(|error| format!("it was written by another version of this program: {error}"))?;
    Ok((head.generation, checkpoint))
}

/// The generation of the record that begins with these bytes, or what is wrong with them. The rest is not looked at.
pub(super) fn generation(beginning: &[u8]) -> Result<u64, String> {
    Ok(split(beginning)?.0.generation)
}

fn split(record: &[u8]) -> Result<(Head<'_>, &[u8]), String> {
    if record.is_empty() {
        return Err("it is empty".into());
    }
    let foreign = || "it is torn, or something else".to_owned();
    let mut lines = record.splitn(2, |&byte| byte == b'\n');
    let head = lines.next().unwrap_or_default();
    // The kind comes first: another version may have other fields.
    let kind: Kind<'_> = serde_json::from_slice(head).map_err(|_| foreign())?;
    if kind.format != FORMAT {
        return Err("it is something else".into());
    }
    if kind.version != VERSION {
        return Err(format!(
            "it has version {}, this program reads version {VERSION}",
            kind.version
        ));
    }
    let head = serde_json::from_slice(head).map_err(|_| foreign())?;
    Ok((head, lines.next().ok_or_else(foreign)?))
}

/// CRC-32, in lower-case hex, over everything that stands in the record but itself.
///
/// It is to find what disks and editors do, at the speed of memory: a whole record is written for each page. Against
/// intent no checksum without a key would help.
fn checksum(generation: u64, checkpoint: &[u8]) -> String {
    let mut hash = crc32fast::Hasher::new();
    hash.update(format!("{FORMAT}\n{VERSION}\n{generation}\n").as_bytes());
    hash.update(checkpoint);
    format!("{:08x}", hash.finalize())
}
