//! How far a request has been sent, so that a slow upload is not taken for a silent server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Since when the server is silent, which the transport of a request moves on while it sends it. States:
/// * *connecting*: silence begins when the connection would have to be there;
/// * *sending*: it begins with each part that the socket has taken;
/// * *sent*: it began with the last part.
///
/// With a transport that tells nothing it begins with the request.
///
/// The last part is taken before it has arrived: the kernel and proxies on the way hold up to a few megabytes, which cannot be told from
/// here. A time limit must leave time for them. Where it does not, requests time out, and are made smaller until it does.
#[derive(Debug, Clone)]
pub(super) struct UploadProgress(Arc<Mutex<Instant>>);

impl UploadProgress {
    pub(super) fn begin() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// A connection may have to be opened first, which has a time limit of its own.
    #[cfg(any(test, feature = "reqwest"))]
    pub(super) fn connecting(&self, limit: Duration) {
        self.set(Instant::now() + limit);
    }

    /// A connection is there, or has taken a part of the request.
    #[cfg(any(test, feature = "reqwest"))]
    pub(super) fn moved(&self) {
        self.set(Instant::now());
    }

    /// When the server will have been silent for so long, unless something moves before.
    pub(super) fn silent_for(&self, limit: Duration) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) + limit
    }

    #[cfg(any(test, feature = "reqwest"))]
    fn set(&self, since: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}
