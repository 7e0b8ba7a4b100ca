//! Until when a lease is held.

use std::time::Duration;

use tokio::time::Instant;

/// A lease as its holder knows it.
///
/// * *held* until the deadline: counted from before the last write that was stored was sent; and no later than a write with a shorter TTL
///   gives that was sent since, since it may be stored;
/// * past the deadline: nothing is sent; the next write that is stored makes it held again, since nobody else has written then;
/// * ended: another record is there, or it was released. It stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Until(Instant),
    Ended,
}

impl State {
    pub(super) fn time_left(self) -> Option<Duration> {
        match self {
            Self::Until(deadline) => Some(deadline.saturating_duration_since(Instant::now())),
            Self::Ended => None,
        }
    }
}
