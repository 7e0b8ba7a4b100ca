//! Bodies that were compressed although nobody asked for it.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Response};

use super::TransportError;
use super::framing::{is_complete, values};

/// How gzip begins.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Decodes a body with `Content-Encoding: gzip` into at most `max_body_bytes`. The headers then describe the decoded body.
///
/// A body in another encoding, or in a broken one, stays as it is, with its `Content-Encoding`: its status still counts, and
/// the reader of the body can name what is wrong.
pub(super) fn decode(
    response: Response<Bytes>,
    max_body_bytes: usize,
) -> Result<Response<Bytes>, TransportError> {
    if !is_gzip(response.headers()) || !response.body().starts_with(&GZIP) {
        return Ok(response);
    }
    let mut plain = Vec::new();
    let end = MultiGzDecoder::new(&response.body()[..])
        .take((max_body_bytes as u64).saturating_add(1))
        .read_to_end(&mut plain);
    if plain.len() > max_body_bytes {
        return Err(TransportError::TooLong(max_body_bytes));
    }
    if end.is_err() {
        return Ok(response);
    }
    let length = is_complete(&response).then(|| HeaderValue::from(plain.len()));
    let mut response = response.map(|_| Bytes::from(plain));
    let headers = response.headers_mut();
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.extend(length.map(|length| (CONTENT_LENGTH, length)));
    Ok(response)
}

/// True if gzip is the one encoding.
fn is_gzip(headers: &HeaderMap) -> bool {
    let mut encodings = values(headers, CONTENT_ENCODING)
        .filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    let first = encodings.next().unwrap_or_default();
    let is_gzip = first.eq_ignore_ascii_case("gzip") || first.eq_ignore_ascii_case("x-gzip");
    is_gzip && encodings.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(encoding: &'static str, body: &[u8]) -> Result<Response<Bytes>, TransportError> {
        let mut response = Response::new(Bytes::copy_from_slice(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        decode(response, 10_000)
    }

    #[test]
    fn gzip_is_decoded_and_its_headers_follow() {
        let two = [gzip(b"[1,"), gzip(b"2]")].concat();
        for encoding in ["gzip", "x-gzip", "GZIP", "identity, gzip"] {
            let response = decoded(encoding, &two).unwrap();
            assert_eq!(response.body(), "[1,2]");
            assert!(!response.headers().contains_key(CONTENT_ENCODING));
            assert!(is_complete(&response));
        }
    }

    #[test]
    fn gzip_bomb_is_decoded_up_to_the_limit() {
        let bomb = gzip(&[b' '; 100_000]);
        assert!(matches!(
            decoded("gzip", &bomb),
            Err(TransportError::TooLong(10_000))
        ));
        let exact = gzip(&[b' '; 10_000]);
        assert!(decoded("gzip", &exact).is_ok());
    }

    #[test]
    fn body_that_cannot_be_decoded_keeps_its_content_encoding() {
        let broken = &gzip(b"[1,2]")[..20];
        for (encoding, body) in [
            ("br", &b"\x0b\x02\x80"[..]),
            ("gzip, gzip", broken),
            ("gzip", broken),
            ("gzip", b"[1,2]"),
            ("identity", b"[1,2]"),
        ] {
            let response = decoded(encoding, body).unwrap();
            assert_eq!(response.body(), body, "{encoding}");
            assert!(response.headers().contains_key(CONTENT_ENCODING));
        }
    }
}
