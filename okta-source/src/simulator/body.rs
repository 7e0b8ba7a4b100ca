//! Response bodies: whole, broken and stalled ones.

use std::convert::Infallible;
use std::io;

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

fn cut(response: Response<Bytes>, body: impl FnOnce(Bytes) -> Body) -> Response<Body> {
    let (mut head, whole) = response.into_parts();
    // The length of the whole, so that the client knows that it got a part.
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Response::from_parts(head, body(whole.slice(..whole.len() / 2)))
}
