//! Reads the body of a request, in bounded memory.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// The bytes kept of a body that is too large.
pub(super) const MAX_KEPT_BYTES: usize = 64 * 1024;

/// The bytes read and dropped of a body that is too large, so that the client can read the response instead of seeing a reset connection.
const MAX_DISCARDED_BYTES: u64 = 32 << 20;

#[derive(Debug)]
pub(super) enum RequestBody {
    Complete(Bytes),
    TooLarge {
        start: Bytes,
        /// Its `Content-Length`; else how many bytes of it were read.
        length: u64,
    },
    /// The connection broke.
    Interrupted,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, declared: Option<u64>, limit: usize) -> RequestBody {
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::new();
    let mut is_too_large = declared.is_some_and(|length| length > limit as u64);
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return RequestBody::Interrupted;
        };
        whole.extend_from_slice(&chunk);
        is_too_large |= whole.len() > limit;
        if is_too_large && whole.len() >= MAX_KEPT_BYTES {
            break;
        }
    }
    if !is_too_large {
        return RequestBody::Complete(whole.freeze());
    }
    let read = whole.len() as u64 + drop_rest(stream).await;
    whole.truncate(MAX_KEPT_BYTES);
    RequestBody::TooLarge {
        // A copy, since the buffer may be thirty times as large.
        start: Bytes::copy_from_slice(&whole),
        length: declared.unwrap_or(read),
    }
}

/// Reads a body without keeping it, so that the client can read the response.
pub(super) async fn discard(body: Body) {
    drop_rest(body.into_data_stream()).await;
}

async fn drop_rest(mut stream: BodyDataStream) -> u64 {
    let mut read = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        read += chunk.len() as u64;
        if read > MAX_DISCARDED_BYTES {
            break;
        }
    }
    read
}
