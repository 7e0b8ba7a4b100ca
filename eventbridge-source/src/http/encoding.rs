//! Bodies in gzip, decoded in bounded memory.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The encoding that a request states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    /// One that is not taken, or several.
    Other,
}

/// What a body in gzip holds.
pub(super) enum Decoded {
    Complete(Bytes),
    /// More than the limit.
    TooLarge,
    /// It is not gzip, or ends early.
    Broken,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut stated = headers
            .get_all(CONTENT_ENCODING)
            .into_iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        match (stated.next(), stated.next()) {
            (None, _) => Self::Identity,
            (Some(name), None)
                if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") =>
            {
                Self::Gzip
            }
            _ => Self::Other,
        }
    }
}

/// Decodes a body into at most `limit` bytes.
pub(super) fn gunzip(body: &[u8], limit: usize) -> Decoded {
    let mut plain = Vec::new();
    let end = MultiGzDecoder::new(body)
        .take((limit as u64).saturating_add(1))
        .read_to_end(&mut plain);
    match end {
        _ if plain.len() > limit => Decoded::TooLarge,
        Ok(_) => Decoded::Complete(plain.into()),
        Err(_) => Decoded::Broken,
    }
}
