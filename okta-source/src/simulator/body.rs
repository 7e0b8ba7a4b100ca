//! Response bodies that break off, stall, are slow or never end.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response};

/// Half of the body, then an error, which breaks the connection.
pub(super) fn half(response: Response<Bytes>) -> Response<Body> {
    cut(response, |half| {
        let broken = stream::iter([
            Ok(half),
            Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        ]);
        Body::from_stream(broken)
    })
}

/// Half of the body, then nothing.
pub(super) fn stalled(response: Response<Bytes>) -> Response<Body> {
    cut(response, |half| {
        let start = stream::iter([Ok::<_, Infallible>(half)]);
        Body::from_stream(start.chain(stream::pending()))
    })
}

/// The whole body, a byte at a time, with a wait before each.
pub(super) fn slow(response: Response<Bytes>, wait: Duration) -> Response<Body> {
    response.map(|whole| {
        let bytes = stream::iter(0..whole.len()).then(move |at| {
            let byte = whole.slice(at..=at);
            async move {
                tokio::time::sleep(wait).await;
                Ok::<_, Infallible>(byte)
            }
        });
        Body::from_stream(bytes)
    })
}

/// An array of events without an end.
pub(super) fn endless(mut response: Response<Bytes>) -> Response<Body> {
    let event = r#"{"uuid":"endless","published":"2026-11-22T10:00:00.000Z"},"#;
    let events = Bytes::from(event.repeat(1_000));
    response.headers_mut().remove(CONTENT_LENGTH);
    response.map(|_| {
        let start = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"["))]);
        Body::from_stream(start.chain(stream::repeat_with(move || Ok(events.clone()))))
    })
}

/// The beginning of a gzip stream: its header, and a part of a stored block.
pub(super) const TRUNCATED_GZIP: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x00\xe8\x03\x17\xfc[{\"uuid\":";

/// A page in UTF-16, whatever was asked for.
pub(super) fn utf16(page: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(page);
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_be_bytes).collect()
}

fn cut(response: Response<Bytes>, body: impl FnOnce(Bytes) -> Body) -> Response<Body> {
    let (mut head, whole) = response.into_parts();
    // The length of the whole, so that the client knows that it got a part.
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Response::from_parts(head, body(whole.slice(..whole.len() / 2)))
}
