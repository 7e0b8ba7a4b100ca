//! The object with the window of uuids: written once, under a name that is never used again. Its content is a checkpoint file, so that it can
//! be downloaded and used as one.

use super::objects::PutIf;
use super::place::Place;
use super::record::Position;
use crate::checkpoint::{Checkpoint, record};
use crate::text::sanitize;
use crate::{Error, ErrorKind, Result};

pub(super) async fn write(place: &Place, name: &str, checkpoint: &Checkpoint) -> Result<()> {
    let body = record::write_body(checkpoint);
    let bytes = body.and_then(|body| record::write(1, body));
    let bytes = bytes.map_err(|error| place.failed("write", &error))?;
    let put = place.within(place.objects.put(name, bytes.clone(), PutIf::Absent));
    let Err(error) = put.await else {
        return Ok(());
    };
    // No error is evidence.
    match place.within(place.objects.get(name)).await {
        Ok(Some(found)) if found.bytes == bytes => Ok(()),
        _ => Err(error),
    }
}

/// The checkpoint of a position, with the window that it names.
pub(super) async fn read(place: &Place, position: &Position) -> Result<Checkpoint> {
    let name = &position.window;
    let corrupt = |what: &str| {
        let detail = format!(
            "{} names the object {} with the window of uuids, which {what}: restore it from a version that the bucket has kept, or \
             write the name of another window into the record, whose events may then be sent again",
            place.location(),
            sanitize(name),
        );
        Error::new(ErrorKind::Corrupt, detail)
    };
    // It is removed once there are later ones: no file of anything else, in a folder or beside it.
    if !name.starts_with(&place.window_prefix()) || name.contains(['/', '\\']) {
        return Err(corrupt("is no window of this log"));
    }
    let found = place.within(place.objects.get(name)).await?;
    let found = found.ok_or_else(|| corrupt("is missing"))?;
    let (_, stored) =
        record::read(&found.bytes).map_err(|what| corrupt(&format!("is none ({what})")))?;
    Ok(position.checkpoint(stored.dedup))
}
