//! gzip, done once per body, so that a retry sends the very same bytes.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::{Compress, FlushCompress, Status};

/// Whether, and how hard, bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Bodies go out as they are.
    Off,
    /// Bodies go out as gzip.
    Gzip(GzipLevel),
}

impl Default for Compression {
    fn default() -> Self {
        Self::Gzip(GzipLevel::default())
    }
}

impl Compression {
    /// Level 0 is off, 1 (fast) to 9 (small) is gzip; `None` for any other number.
    #[must_use]
    pub fn from_level(level: u32) -> Option<Self> {
        match level {
            0 => Some(Self::Off),
            _ => GzipLevel::new(level).map(Self::Gzip),
        }
    }
}

/// A gzip level from 1 (fast) to 9 (small).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GzipLevel(u32);

impl GzipLevel {
    /// A level from 1 to 9.
    #[must_use]
    pub fn new(level: u32) -> Option<Self> {
        (1..=9).contains(&level).then_some(Self(level))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Level 1, by measurement: compression takes more CPU time per event than everything else together, and higher levels take far more. The
/// figures are in this crate's README.
impl Default for GzipLevel {
    fn default() -> Self {
        Self(1)
    }
}

/// The largest window of gzip: 32 KiB.
const WINDOW_BITS: u8 = 15;

/// Compresses bodies, several at a time if need be.
pub(crate) struct Compressor {
    level: GzipLevel,
    /// Idle compressors. Each keeps its buffers from body to body.
    idle: Mutex<Vec<Worker>>,
}

struct Worker {
    deflate: Compress,
    out: Vec<u8>,
}

impl Compressor {
    pub(crate) fn new(level: GzipLevel) -> Self {
        Self {
            level,
            idle: Mutex::default(),
        }
    }

    pub(crate) fn level(&self) -> GzipLevel {
        self.level
    }

    /// `plain` as one gzip member.
    pub(crate) fn compress(&self, plain: &[u8]) -> Bytes {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = idle().pop();
        let mut worker = worker.unwrap_or_else(|| Worker::new(self.level));
        let body = worker.compress(plain);
        idle().push(worker);
        body
    }
}

impl Worker {
    fn new(level: GzipLevel) -> Self {
        Self {
            deflate: Compress::new_gzip(flate2::Compression::new(level.get()), WINDOW_BITS),
            out: Vec::new(),
        }
    }

    fn compress(&mut self, plain: &[u8]) -> Bytes {
        self.deflate.reset();
        self.out.clear();
        // Okta's JSON shrinks to a fifth or so.
        self.out.reserve(plain.len() / 4 + 64);
        let mut rest = plain;
        loop {
            let read = self.deflate.total_in();
            let status = self
                .deflate
                .compress_vec(rest, &mut self.out, FlushCompress::Finish);
            if status.expect("deflate refuses no bytes") == Status::StreamEnd {
                return Bytes::copy_from_slice(&self.out);
            }
            rest = &rest[(self.deflate.total_in() - read) as usize..];
            self.out.reserve(rest.len() / 4 + 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gzip_levels_are_zero_to_nine() {
        assert_eq!(Compression::from_level(0), Some(Compression::Off));
        assert_eq!(GzipLevel::new(9).map(GzipLevel::get), Some(9));
        assert_eq!(Compression::from_level(10), None);
        assert_eq!(GzipLevel::new(0), None);
    }

    proptest! {
        #[test]
        fn gzip_output_decompresses_to_the_input(plain in any::<Vec<u8>>(), level in 1..=9_u32) {
            let compressor = Compressor::new(GzipLevel::new(level).unwrap());
            // The second one reuses the buffers of the first.
            for plain in [&plain[..], &plain[plain.len() / 2..]] {
                let wire = compressor.compress(plain);
                let mut back = Vec::new();
                GzDecoder::new(&wire[..]).read_to_end(&mut back).unwrap();
                prop_assert_eq!(back, plain);
            }
        }
    }
}
