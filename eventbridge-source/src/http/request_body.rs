//! Bodies, read no further than they may be long.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// What is kept of a body that is too large.
const KEPT_OF_TOO_LARGE: usize = 64 * 1024;

/// How much more than its limit is read of a body that is too large, so that its sender reads the answer instead of a broken connection.
const READ_AND_DROPPED: u64 = 32 << 20;

/// What was read of a body.
#[derive(Debug)]
pub(super) enum Received {
    Whole(Bytes),
    TooLarge {
        start: Bytes,
        /// How long it is, as its head says; else how much of it was read.
        length: u64,
    },
    /// The connection broke.
    Broken,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, declared: Option<u64>, limit: usize) -> Received {
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::new();
    let mut is_too_large = declared.is_some_and(|length| length > limit as u64);
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return Received::Broken;
        };
        whole.extend_from_slice(&chunk);
        is_too_large |= whole.len() > limit;
        if is_too_large && whole.len() >= KEPT_OF_TOO_LARGE {
            break;
        }
    }
    if !is_too_large {
        return Received::Whole(whole.freeze());
    }
    let read = whole.len() as u64 + drop_rest(stream).await;
    whole.truncate(KEPT_OF_TOO_LARGE);
    Received::TooLarge {
        // Of its own size, for the buffer may be thirty times that.
        start: Bytes::copy_from_slice(&whole),
        length: declared.unwrap_or(read),
    }
}

/// Reads what is not wanted, for the sake of its sender.
pub(super) async fn discard(body: Body) {
    drop_rest(body.into_data_stream()).await;
}

async fn drop_rest(mut stream: BodyDataStream) -> u64 {
    let mut read = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        read += chunk.len() as u64;
        if read > READ_AND_DROPPED {
            break;
        }
    }
    read
}
