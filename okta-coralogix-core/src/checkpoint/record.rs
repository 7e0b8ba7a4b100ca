//! The format of a checkpoint in a file: a line that says what it is, a line with the position, and the window packed.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, record_v1};
use crate::filter::{DedupSnapshot, NonUuidIds};
use crate::text::sanitize;

pub(super) const FORMAT: &str = "okta-coralogix checkpoint";
const VERSION: u32 = 2;

/// No first line is as long as this: the generation can be read without the rest.
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

/// The second line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position<'a> {
    #[serde(rename = "owner")]
    identity: Cow<'a, str>,
    cursor: Cow<'a, str>,
    published_ms: Option<i64>,
    /// The ids in the window that are no UUIDs, with their positions.
    #[serde(default, skip_serializing_if = "others_are_none")]
    others: Cow<'a, NonUuidIds>,
}

/// The members that every version of the record begins with.
#[derive(Deserialize)]
struct Kind<'a> {
    format: &'a str,
    version: u32,
    /// The first version of the programs that reads it, in a record of a later version than this.
    needs: Option<Cow<'a, str>>,
}

fn others_are_none(others: &NonUuidIds) -> bool {
    others.is_empty()
}

/// What follows the first line, behind room for that.
pub(super) struct Body(Vec<u8>);

/// Writes what follows the first line. The window is packed, since it is written for each page: as JSON it would take a third more
/// bytes and several times the work.
pub(super) fn write_body(checkpoint: &Checkpoint) -> serde_json::Result<Body> {
    let (packed, others) = checkpoint.dedup.parts();
    let position = Position {
        identity: Cow::Borrowed(&checkpoint.identity),
        cursor: Cow::Borrowed(&checkpoint.cursor),
        published_ms: checkpoint.published_ms,
        others: Cow::Borrowed(others),
    };
    let mut body = vec![0; HEAD_BYTES as usize];
    serde_json::to_writer(&mut body, &position)?;
    body.reserve_exact(1 + packed.len());
    body.push(b'\n');
    body.extend_from_slice(packed);
    Ok(Body(body))
}

/// Writes the record: the first line into the room before what [`write_body`] wrote.
pub(super) fn write(generation: u64, Body(mut record): Body) -> serde_json::Result<Bytes> {
    let (room, body) = record.split_at_mut(HEAD_BYTES as usize);
    let head = Head {
        format: FORMAT,
        version: VERSION,
        generation,
        crc32: &checksum(generation, body),
    };
    let mut line = serde_json::to_vec(&head)?;
    line.push(b'\n');
    let start = room.len() - line.len();
    room[start..].copy_from_slice(&line);
    Ok(Bytes::from(record).slice(start..))
}

/// Reads the generation and the checkpoint, or says what is wrong.
pub(super) fn read(record: &[u8]) -> Result<(u64, Checkpoint), String> {
    if record_v1::generation(record).is_some() {
        return record_v1::read(record);
    }
    let (head, body) = split(record)?;
    if head.crc32 != checksum(head.generation, body) {
        return Err("it was altered, or cut off: its checksum is wrong".into());
    }
    let checkpoint = read_body(body)
        .map_err(|error| format!("it was written by another version of this program: {error}"))?;
    Ok((head.generation, checkpoint))
}

fn read_body(body: &[u8]) -> Result<Checkpoint, String> {
    let (position, packed) = first_line(body).ok_or("it has no window")?;
    let position: Position<'_> =
        serde_json::from_slice(position).map_err(|error| error.to_string())?;
    let dedup = DedupSnapshot::from_parts(packed.to_vec(), position.others.into_owned())?;
    let mut checkpoint = Checkpoint::new(position.identity, position.cursor, dedup);
    checkpoint.published_ms = position.published_ms;
    Ok(checkpoint)
}

/// The generation of the record that begins with these bytes, or what is wrong with them. The rest is not read.
pub(super) fn generation(beginning: &[u8]) -> Result<u64, String> {
    match record_v1::generation(beginning) {
        Some(generation) => Ok(generation),
        None => Ok(split(beginning)?.0.generation),
    }
}

fn split(record: &[u8]) -> Result<(Head<'_>, &[u8]), String> {
    if record.is_empty() {
        return Err("it is empty".into());
    }
    let foreign = || "it is torn, or something else".to_owned();
    let lines = first_line(record);
    // The kind comes first: another version may have other fields, and no lines.
    let head = lines.map_or(record, |(head, _)| head);
    let kind: Kind<'_> = serde_json::from_slice(head).map_err(|_| foreign())?;
    if kind.format != FORMAT {
        return Err("it is something else".into());
    }
    if kind.version != VERSION {
        return Err(other_version(&kind));
    }
    let (head, body) = lines
        .filter(|(head, _)| (head.len() as u64) < HEAD_BYTES)
        .ok_or_else(foreign)?;
    let head = serde_json::from_slice(head).map_err(|_| foreign())?;
    Ok((head, body))
}

fn other_version(kind: &Kind<'_>) -> String {
    let (version, program) = (kind.version, env!("CARGO_PKG_VERSION"));
    let needed = match &kind.needs {
        Some(needed) => format!(
            "version {} of this program or a later one",
            sanitize(needed)
        ),
        None => "a later version of this program, the one that wrote it".to_owned(),
    };
    match version > VERSION {
        true => format!(
            "its format has version {version}, which needs {needed}: this one ({program}) reads up to version {VERSION}. Start \
             that one, and nothing is lost"
        ),
        false => format!(
            "its format has version {version}, of which no program is known: this one ({program}) reads {VERSION}"
        ),
    }
}

/// The first line, and what follows it.
fn first_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// CRC-32, in lower-case hex, over everything in the record but itself.
///
/// It finds damage by disks and editors, at the speed of memory: a whole record is written for each page. Against intent no
/// checksum without a key would help.
fn checksum(generation: u64, body: &[u8]) -> String {
    let mut hash = crc32fast::Hasher::new();
    hash.update(format!("{FORMAT}\n{VERSION}\n{generation}\n").as_bytes());
    hash.update(body);
    format!("{:08x}", hash.finalize())
}
