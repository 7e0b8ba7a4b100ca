//! Whether a body arrived whole, as far as HTTP tells.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Response, Version};

/// True if HTTP proves that nothing of the body is missing: it is as long as its `Content-Length` says, it came in chunks, or HTTP/2
/// ended it.
///
/// A body of HTTP/1 without any of these ends with its connection, whatever ends that. So does one with another transfer coding
/// (`identity`, or `gzip`) behind `chunked` or in its place. (RFC 9112, section 6.3.)
#[must_use]
pub fn is_complete(response: &Response<impl AsRef<[u8]>>) -> bool {
    let headers = response.headers();
    let length = announced_length(headers);
    if length.is_some_and(|length| length == response.body().as_ref().len()) {
        return true;
    }
    match response.version() {
        Version::HTTP_2 | Version::HTTP_3 => length.is_none(),
        _ => values(headers, TRANSFER_ENCODING)
            .last()
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")),
    }
}

/// The length that all `Content-Length` headers agree on.
fn announced_length(headers: &HeaderMap) -> Option<usize> {
    let mut lengths = values(headers, CONTENT_LENGTH).map(|length| length.parse().ok());
    let first = lengths.next()??;
    lengths.all(|other| other == Some(first)).then_some(first)
}

/// The comma-separated values of a header that may be there several times.
pub(super) fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_complete(version: Version, headers: &[(HeaderName, &str)]) -> bool {
        let mut response = Response::new("12345");
        *response.version_mut() = version;
        for (name, value) in headers {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        super::is_complete(&response)
    }

    #[test]
    fn body_is_complete_by_its_length_or_its_chunks() {
        let length = |length| (CONTENT_LENGTH, length);
        let coding = |coding| (TRANSFER_ENCODING, coding);
        for headers in [
            &[length("5")][..],
            &[length("5"), length("5")],
            &[length("5, 5")],
            &[coding("chunked")],
            &[coding("Chunked")],
            &[coding("gzip, chunked")],
            &[coding("gzip"), coding("chunked")],
            &[coding("identity"), length("5")],
            &[coding("chunked"), length("7")],
        ] {
            assert!(is_complete(Version::HTTP_11, headers), "{headers:?}");
        }
        for headers in [
            &[][..],
            &[length("7")],
            &[length("5"), length("7")],
            &[length("")],
            &[length("five")],
            &[coding("identity")],
            &[coding("gzip")],
            &[coding("chunked, identity")],
            &[coding("chunked"), coding("gzip")],
            &[coding("")],
            &[coding("xchunked")],
        ] {
            assert!(!is_complete(Version::HTTP_11, headers), "{headers:?}");
            assert!(!is_complete(Version::HTTP_10, headers), "{headers:?}");
        }
    }

    #[test]
    fn http_2_body_is_complete_unless_its_length_says_otherwise() {
        assert!(is_complete(Version::HTTP_2, &[]));
        assert!(is_complete(Version::HTTP_2, &[(CONTENT_LENGTH, "5")]));
        assert!(!is_complete(Version::HTTP_2, &[(CONTENT_LENGTH, "7")]));
    }
}
