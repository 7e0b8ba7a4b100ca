//! A request's body, from a sink that must keep its contract.

use super::{Batch, EncodeError, LogSink};
use crate::{Error, ErrorKind, LogEntry, Result};

/// The request for as many of the first entries as fit it, at most `ceiling` plain bytes unless it is one entry alone.
///
/// # Errors
/// `UnexpectedAnswer` if the sink takes none, or more than there are: going on would send nothing for ever, or events that
/// nobody gave.
pub(crate) fn encode(
    sink: &dyn LogSink,
    entries: &[LogEntry],
    ceiling: usize,
) -> Result<Result<Batch, EncodeError>> {
    let mut given = entries.len();
    loop {
        let batch = match sink.encode(&entries[..given]) {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(error)),
        };
        if batch.entries == 0 || batch.entries > given {
            let detail = format!(
                "the sink took {} of {given} entries into a request",
                batch.entries
            );
            return Err(Error::new(ErrorKind::UnexpectedAnswer, detail));
        }
        if batch.uncompressed_len <= ceiling || batch.entries == 1 {
            return Ok(Ok(batch));
        }
        let fewer = batch.entries.saturating_mul(ceiling) / batch.uncompressed_len;
        given = fewer.clamp(1, batch.entries - 1);
    }
}
