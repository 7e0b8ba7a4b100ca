//! Writes entries into one request body, counted to the byte.

use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use okta_coralogix_core::LogEntry;
use okta_coralogix_core::sink::{Batch, BatchLimits, ContentEncoding, EncodeError};

use crate::compress::{Compression, Compressor};
use crate::truncate::truncate;

/// Bytes of an entry beside its text, for reserving memory.
const TYPICAL_OVERHEAD: usize = 256;

/// Buffers kept for reuse, each about as large as a request: one is written while another is compressed.
const MAX_SPARE_BUFFERS: usize = 2;

/// Encodes entries as `[entry,entry,…]`, each written once, directly into the body.
pub(crate) struct Encoder {
    limits: BatchLimits,
    /// `None`: bodies are sent uncompressed.
    compressor: Option<Compressor>,
    /// Bytes of an entry, above which it is truncated.
    max_entry_bytes: Option<usize>,
    /// Buffers of bodies that have been compressed.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// The counts of a body.
struct Framed {
    count: usize,
    /// Truncated entries.
    truncated: usize,
}

impl Encoder {
    pub(crate) fn new(
        limits: BatchLimits,
        compression: Compression,
        max_entry_bytes: Option<usize>,
    ) -> Self {
        Self {
            limits,
            compressor: match compression {
                Compression::Off => None,
                Compression::Gzip(level) => Some(Compressor::new(level)),
            },
            max_entry_bytes,
            spare: Mutex::default(),
        }
    }

    pub(crate) fn limits(&self) -> BatchLimits {
        self.limits
    }

    /// Encodes as many of the first entries as fit. An entry that cannot be sent ends the batch; if it is the first one, it is an error.
    pub(crate) fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        let mut body = self.spare().pop().unwrap_or_default();
        let framed = self.frame(entries, &mut body);
        let Framed { count, truncated } = match framed {
            Ok(framed) => framed,
            Err(error) => {
                self.keep(body);
                return Err(error);
            }
        };
        let mut batch = Batch::new(&entries[..count], Bytes::from(body));
        batch.truncated = truncated;
        Ok(batch)
    }

    /// Compresses the body of the batch, if compression is on.
    pub(crate) fn compress(&self, batch: Batch) -> Batch {
        match &self.compressor {
            Some(compressor) if batch.content_encoding == ContentEncoding::Identity => {
                let body = compressor.compress(&batch.body);
                let mut batch = batch;
                let plain = mem::take(&mut batch.body);
                if plain.is_unique() {
                    self.keep(plain.into());
                }
                batch.compressed(body, ContentEncoding::Gzip)
            }
            _ => batch,
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a buffer for the next body.
    fn keep(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut spare = self.spare();
        // An entry that was too large for any request may have grown it.
        if spare.len() < MAX_SPARE_BUFFERS && buffer.capacity() <= 2 * self.limits.bytes {
            spare.push(buffer);
        }
    }

    fn frame(&self, entries: &[LogEntry], body: &mut Vec<u8>) -> Result<Framed, EncodeError> {
        let Some(first) = entries.first() else {
            return Err(EncodeError::Invalid("there is no entry to send".into()));
        };
        let BatchLimits {
            entries: most,
            bytes: limit,
            ..
        } = self.limits;
        first.check()?;
        body.reserve(expected_len(entries).min(limit));
        body.push(b'[');
        let (mut count, mut truncated) = (0, 0);
        for entry in entries.iter().take(most) {
            let before = body.len();
            if count > 0 {
                let cannot_fit = before + entry.text.document().len() >= limit;
                if cannot_fit || entry.check().is_err() {
                    break;
                }
                body.push(b',');
            }
            let written = self.write(entry, body).and_then(|smaller| {
                let bytes = body.len() + 1;
                if bytes > limit {
                    return Err(EncodeError::TooLarge { bytes, limit });
                }
                Ok(smaller)
            });
            match written {
                Ok(smaller) => truncated += usize::from(smaller),
                Err(error) if count == 0 => return Err(error),
                Err(_) => {
                    body.truncate(before);
                    break;
                }
            }
            count += 1;
        }
        body.push(b']');
        Ok(Framed { count, truncated })
    }

    /// Appends the entry, truncated if it is above the limit. True if it was truncated.
    fn write(&self, entry: &LogEntry, body: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let start = body.len();
        entry.write_json(body);
        let bytes = body.len() - start;
        let Some(limit) = self.max_entry_bytes.filter(|limit| bytes > *limit) else {
            return Ok(false);
        };
        let smaller = smaller(entry, bytes, limit).ok_or(EncodeError::TooLarge { bytes, limit })?;
        body.truncate(start);
        smaller.write_json(body);
        Ok(true)
    }
}

/// Truncates the text of the entry so that the entry has at most `limit` bytes, if that is possible.
fn smaller(entry: &LogEntry, bytes: usize, limit: usize) -> Option<LogEntry> {
    let text = &entry.text;
    let around = bytes - text.written_len(text.document());
    let document = std::str::from_utf8(text.document()).ok()?;
    let truncated = truncate(document, |document| {
        around + text.written_len(document.as_bytes()) <= limit
    })?;
    let mut smaller = entry.clone();
    smaller.text = text.with_document(truncated.into());
    Some(smaller)
}

/// An estimate: each quote in the text takes two bytes.
fn expected_len(entries: &[LogEntry]) -> usize {
    let texts: usize = entries
        .iter()
        .map(|entry| entry.text.document().len())
        .sum();
    texts + texts / 5 + entries.len() * TYPICAL_OVERHEAD
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("limits", &self.limits)
            .field("gzip", &self.compressor.as_ref().map(Compressor::level))
            .field("max_entry_bytes", &self.max_entry_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use okta_coralogix_core::{EntryText, Names};

    use super::*;

    fn entry(text: &'static str) -> LogEntry {
        let names = Names::new("a", "s");
        LogEntry::new(Arc::new(names), EntryText::Embedded(text.into()))
    }

    fn encoder(entries: usize, bytes: usize) -> Encoder {
        Encoder::new(BatchLimits::new(entries, bytes), Compression::Off, None)
    }

    #[test]
    fn request_size_limit_is_exact_to_the_byte() {
        let entries = [entry("1"), entry("22"), entry("333")];
        let whole = encoder(10, 10_000).encode(&entries).unwrap();
        assert_eq!(
            (whole.entries, whole.uncompressed_len),
            (3, whole.body.len())
        );
        let exact = encoder(10, whole.uncompressed_len)
            .encode(&entries)
            .unwrap();
        assert_eq!(exact.entries, 3);
        let less = encoder(10, whole.uncompressed_len - 1)
            .encode(&entries)
            .unwrap();
        assert_eq!(less.entries, 2);
        assert!(less.body.ends_with(b"22}]"));
    }

    #[test]
    fn entries_per_request_are_limited() {
        let entries = [entry("1"), entry("2"), entry("3")];
        assert_eq!(encoder(2, 10_000).encode(&entries).unwrap().entries, 2);
    }

    #[test]
    fn too_large_error_tells_the_size_of_the_first_entry() {
        let one = encoder(9, 10_000).encode(&[entry("12345")]).unwrap();
        let limit = one.uncompressed_len - 1;
        let error = encoder(9, limit).encode(&[entry("12345")]).unwrap_err();
        let bytes = one.uncompressed_len;
        assert_eq!(error, EncodeError::TooLarge { bytes, limit });
    }

    #[test]
    fn invalid_entry_ends_the_batch_and_fails_when_first() {
        let entries = [entry("1"), entry(""), entry("3")];
        let encoder = encoder(9, 10_000);
        assert_eq!(encoder.encode(&entries).unwrap().entries, 1);
        let error = encoder.encode(&entries[1..]).unwrap_err();
        assert!(matches!(error, EncodeError::Invalid(_)));
    }

    #[test]
    fn request_without_entries_is_refused() {
        assert!(matches!(
            encoder(9, 99).encode(&[]),
            Err(EncodeError::Invalid(_))
        ));
    }
}
