//! Writing a body entry by entry within limits.

use super::{Batch, BatchLimits, EncodeError};
use crate::LogEntry;

impl Batch {
    /// As many of the first `entries` as the limits allow, each appended to the body by `write`: an [`encode`](super::LogSink::encode)
    /// for a body that is nothing but its entries, one after the other. The sink may still compress it.
    ///
    /// # Errors
    /// That of `write`, or [`EncodeError::TooLarge`], if it is the first entry that cannot be sent; and `Invalid` if there is none.
    pub fn fill(
        entries: &[LogEntry],
        limits: BatchLimits,
        mut write: impl FnMut(&LogEntry, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let limit = limits.bytes;
        let mut body = Vec::new();
        let mut taken = 0;
        for entry in entries.iter().take(limits.entries) {
            let start = body.len();
            let written = write(entry, &mut body).and_then(|()| {
                let bytes = body.len() - start;
                match body.len() > limit {
                    true => Err(EncodeError::TooLarge { bytes, limit }),
                    false => Ok(()),
                }
            });
            match written {
                Ok(()) => taken += 1,
                Err(error) if taken == 0 => return Err(error),
                Err(_) => {
                    body.truncate(start);
                    break;
                }
            }
        }
        match taken {
            0 => Err(EncodeError::Invalid("there is no entry to write".into())),
            _ => Ok(Self::new(&entries[..taken], body.into())),
        }
    }
}
