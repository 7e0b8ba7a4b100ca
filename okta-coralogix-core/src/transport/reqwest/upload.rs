//! The body of a request, in parts of which each tells when the socket has taken it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::transport::upload::UploadProgress;

/// Bytes of a part: a connection of 1 KB/s takes one in time, and a body of 2 MB has no more than 128.
const PART: usize = 16 * 1024;

/// A body that is sent in parts. Its length is known, so that it goes out with a `Content-Length`.
#[derive(Debug)]
pub(super) struct Upload {
    rest: Bytes,
    progress: UploadProgress,
}

impl Upload {
    pub(super) fn new(body: Bytes, progress: UploadProgress) -> Self {
        Self {
            rest: body,
            progress,
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // hyper asks for the first part once it has a connection.
        self.progress.moved();
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PART);
        let part = Part {
            bytes: self.rest.split_to(length),
            progress: self.progress.clone(),
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// hyper takes some parts before the socket does, and drops each when the socket has taken it.
#[derive(Debug)]
struct Part {
    bytes: Bytes,
    progress: UploadProgress,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.progress.moved();
    }
}
