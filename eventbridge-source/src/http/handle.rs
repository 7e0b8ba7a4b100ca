//! A look at the endpoint from outside.

use std::fmt;
use std::sync::Arc;

use super::service::HttpService;

/// Shows what the endpoint of an [`HttpSource`](super::HttpSource) holds. It can be kept and cloned while a pipeline has the
/// source.
#[derive(Clone)]
pub struct EndpointHandle(Arc<HttpService>);

/// What an endpoint holds at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStatus {
    /// Open connections of [`serve`](super::HttpSource::serve).
    pub connections: usize,
    /// Bytes of bodies that are being read or wait for their outcome, each rounded up to KiB.
    pub buffered_bytes: usize,
    /// The bound of these bytes: more are answered 503.
    pub max_buffered_bytes: usize,
    /// True if it takes events: it is not closed, its pipeline has not ended, and there is room for one more.
    pub takes_events: bool,
}

impl EndpointHandle {
    pub(super) fn new(service: Arc<HttpService>) -> Self {
        Self(service)
    }

    /// What the endpoint holds now.
    #[must_use]
    pub fn status(&self) -> EndpointStatus {
        let (buffered_bytes, max_buffered_bytes) = self.0.buffered();
        EndpointStatus {
            connections: self.0.connections(),
            buffered_bytes,
            max_buffered_bytes,
            takes_events: !self.0.is_closed() && self.0.has_room(),
        }
    }
}

impl fmt::Debug for EndpointHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EndpointHandle")
            .field(&self.status())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::HttpSource;

    #[tokio::test]
    async fn handle_shows_connections_and_the_bytes_that_are_held() {
        let source = HttpSource::builder().api_key("key").build().unwrap();
        let handle = source.handle();
        let room = source.service.reserve(Some(5000));
        let connections = [(); 2].map(|()| source.service.open_connection());
        let status = handle.status();
        assert_eq!((status.connections, status.buffered_bytes), (2, 5 << 10));
        assert_eq!(status.max_buffered_bytes, 256 << 20);
        assert!(status.takes_events);
        drop((room, connections));
        source.service.close();
        let status = handle.status();
        assert_eq!((status.connections, status.buffered_bytes), (0, 0));
        assert!(!status.takes_events);
    }
}
