//! Which connection a request uses, and when another one replaces it.
//!
//! reqwest has no control over a single connection of its pool. So each *slot* has an HTTP client of its own, which one request at a time
//! uses: it has one connection at most, and a request that fails has failed on that connection. A new client opens a new connection,
//! and asks for the addresses of the host anew. A slot is
//!
//! * *leased* from the request until its response is complete;
//! * *idle* after that, unless two responses in a row failed, or it is five minutes old: then it is dropped, and its connection closed.
//!
//! A request takes the idle slot of its origin that was used last, or else a new one. So a server that fails for hours sees one new
//! connection per two failures, beside those that the failures themselves end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row on one connection, at most.
const MAX_FAILURES: u32 = 2;

/// A connection takes no request after this time: DNS may name other addresses by then.
const MAX_AGE: Duration = Duration::from_secs(300);

/// The idle slots of clients `C` for origins `O`.
#[derive(Debug)]
pub(super) struct Connections<O, C>(Mutex<Vec<Slot<O, C>>>);

#[derive(Debug)]
struct Slot<O, C> {
    origin: O,
    client: C,
    created: Instant,
    /// Failures since the last success.
    failures: u32,
}

impl<O, C> Slot<O, C> {
    fn is_usable(&self) -> bool {
        self.failures < MAX_FAILURES && self.created.elapsed() < MAX_AGE
    }
}

impl<O, C> Default for Connections<O, C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<O: PartialEq, C> Connections<O, C> {
    /// A slot for a request to `origin`.
    ///
    /// # Errors
    /// The error of `create`, which makes the client of a new slot.
    pub(super) fn lease<E>(
        self: &Arc<Self>,
        origin: O,
        create: impl FnOnce(&O) -> Result<C, E>,
    ) -> Result<Lease<O, C>, E> {
        let slot = match self.take_idle(&origin) {
            Some(slot) => slot,
            None => Slot {
                client: create(&origin)?,
                origin,
                created: Instant::now(),
                failures: 0,
            },
        };
        Ok(Lease {
            slot: Some(slot),
            connections: Arc::clone(self),
        })
    }

    fn take_idle(&self, origin: &O) -> Option<Slot<O, C>> {
        let mut idle = self.idle();
        idle.retain(Slot::is_usable);
        let last = idle.iter().rposition(|slot| slot.origin == *origin)?;
        Some(idle.remove(last))
    }
}

impl<O, C> Connections<O, C> {
    /// No request is sent on the present connections any more, but those that are on their way.
    pub(super) fn forget(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Slot<O, C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right of one request to use a slot. Dropped before [`succeeded`](Self::succeeded), it counts as a failure: its caller has stopped
/// waiting, or the connection broke.
#[derive(Debug)]
pub(super) struct Lease<O, C> {
    /// `None` once it was given back.
    slot: Option<Slot<O, C>>,
    connections: Arc<Connections<O, C>>,
}

impl<O, C> Lease<O, C> {
    pub(super) fn client(&self) -> &C {
        let slot = self.slot.as_ref();
        &slot.expect("a lease has its slot until it ends").client
    }

    /// The server has given a complete response that is no failure.
    pub(super) fn succeeded(mut self) {
        self.give_back(|_| 0);
    }

    fn give_back(&mut self, failures: impl FnOnce(u32) -> u32) {
        let Some(mut slot) = self.slot.take() else {
            return;
        };
        slot.failures = failures(slot.failures);
        if slot.is_usable() {
            self.connections.idle().push(slot);
        }
    }
}

impl<O, C> Drop for Lease<O, C> {
    fn drop(&mut self) {
        self.give_back(|failures| failures + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::advance;

    use super::*;

    /// Clients are numbered as they are made.
    #[derive(Default)]
    struct Numbered {
        connections: Arc<Connections<&'static str, u32>>,
        made: u32,
    }

    impl Numbered {
        fn lease(&mut self, origin: &'static str) -> Lease<&'static str, u32> {
            let create = |_: &&str| {
                self.made += 1;
                Ok::<_, Infallible>(self.made)
            };
            self.connections.lease(origin, create).unwrap()
        }

        /// The client of one request that ends as told.
        fn request(&mut self, succeeds: bool) -> u32 {
            let lease = self.lease("a");
            let client = *lease.client();
            if succeeds {
                lease.succeeded();
            }
            client
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connection_is_replaced_after_two_failures_in_a_row() {
        let mut clients = Numbered::default();
        let outcomes = [true, false, true, false, false, false, true, false, false];
        let used = outcomes.map(|succeeds| clients.request(succeeds));
        assert_eq!(used, [1, 1, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!(clients.request(true), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn connection_takes_no_request_after_five_minutes() {
        let mut clients = Numbered::default();
        assert_eq!(clients.request(true), 1);
        advance(MAX_AGE - Duration::from_secs(1)).await;
        assert_eq!(clients.request(true), 1);
        let lease = clients.lease("a");
        advance(Duration::from_secs(1)).await;
        assert_eq!(*lease.client(), 1, "a request in flight is not interrupted");
        lease.succeeded();
        assert_eq!(clients.request(true), 2);
        clients.lease("b").succeeded();
        advance(MAX_AGE).await;
        clients.lease("c").succeeded();
        assert_eq!(clients.connections.idle().len(), 1, "none is kept for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn connection_that_fails_is_replaced_although_others_succeed() {
        let mut clients = Numbered::default();
        for _ in 0..2 {
            let [stuck, healthy] = [clients.lease("a"), clients.lease("a")];
            assert_eq!((*stuck.client(), *healthy.client()), (1, 2));
            // The next request takes the slot that came back last.
            healthy.succeeded();
            drop(stuck);
        }
        assert_eq!(clients.request(true), 2);
        let pair = [clients.lease("a"), clients.lease("a")];
        assert_eq!(pair.map(|lease| *lease.client()), [2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn outage_opens_one_connection_per_two_failures() {
        let mut clients = Numbered::default();
        for _ in 0..100 {
            let leases = [(); 8].map(|()| clients.lease("a"));
            drop(leases);
        }
        assert_eq!(clients.made, 400);
        assert_eq!(clients.connections.idle().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_kept_per_origin() {
        let mut clients = Numbered::default();
        for _ in 0..2 {
            clients.lease("a").succeeded();
            clients.lease("b").succeeded();
        }
        assert_eq!(clients.made, 2);
    }
}
