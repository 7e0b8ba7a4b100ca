//! One log in a store: its objects, and the times of its lease.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::group::Group;
use super::objects::Objects;
use super::record::Record;
use super::status::StoreHealth;
use crate::checkpoint::Version;
use crate::{Error, ErrorKind, Result};

/// What stays behind the deadline of the holder, of its TTL: others count from when they saw the record, which was later. The rest allows
/// for clocks of different speed, and for a request that is underway.
const HOLDS: f64 = 0.65;

pub(super) fn random_text(random: &Mutex<fastrand::Rng>) -> String {
    let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
    format!("{:016x}", random.u64(..))
}

/// One log in a store, as this replica uses it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) name: String,
    pub(super) holder: String,
    pub(super) ttl: Duration,
    /// That of a log that saves nothing. No shorter.
    pub(super) idle_ttl: Duration,
    pub(super) poll: Duration,
    /// Of this process, and of all its logs.
    pub(super) health: Arc<StoreHealth>,
    /// The replica that shares the log with others, if it does.
    pub(super) group: Option<Arc<Group>>,
    pub(super) random: Arc<Mutex<fastrand::Rng>>,
    /// How many seconds this replica's clock counts in one.
    pub(super) clock_rate: f64,
}

impl Place {
    pub(super) fn nonce(&self) -> String {
        random_text(&self.random)
    }

    /// Until the next look: the replicas are not to look at one time.
    pub(super) fn pause(&self) -> Duration {
        self.pause_for(self.ttl)
    }

    /// Until the next look at a log that is held with this TTL.
    pub(super) fn pause_for(&self, ttl: Duration) -> Duration {
        self.look_every(ttl).mul_f64(0.8 + 0.4 * self.jitter())
    }

    /// Between two looks at a log that is held with this TTL: so much longer as it takes until the log may be taken.
    pub(super) fn look_every(&self, ttl: Duration) -> Duration {
        let longer = (ttl.as_secs_f64() / self.ttl.as_secs_f64()).max(1.0);
        self.by_own_clock(self.poll.mul_f64(longer))
    }

    /// After so long without a look at a log that is held with this TTL, it counts as not seen before.
    pub(super) fn longest_gap(&self, ttl: Duration) -> Duration {
        self.by_own_clock(ttl / 2).max(self.look_every(ttl) * 2)
    }

    /// From 0 to 1.
    pub(super) fn jitter(&self) -> f64 {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.f64()
    }

    /// Between two writes of this replica's presence.
    pub(super) fn beat(&self) -> Duration {
        self.by_own_clock(self.idle_ttl / 2)
    }

    /// How long it takes until this replica's clock has counted so much.
    pub(super) fn by_own_clock(&self, time: Duration) -> Duration {
        time.div_f64(self.clock_rate)
    }

    /// Until when a write that was sent then is trusted.
    pub(super) fn deadline(&self, sent: Instant, ttl: Duration) -> Instant {
        sent + self.by_own_clock(ttl.mul_f64(HOLDS))
    }

    /// When a write that was sent then is to be followed by the next one.
    pub(super) fn renewal(&self, sent: Instant, ttl: Duration) -> Instant {
        sent + self.by_own_clock(ttl / 3)
    }

    pub(super) fn location(&self) -> String {
        format!("{}/{}", self.objects.location(), self.name)
    }

    pub(super) fn window_prefix(&self) -> String {
        format!("{}.window-", self.name)
    }

    /// Names sort as they were given.
    pub(super) fn window_name(&self, term: u64, number: u64) -> String {
        // A name is never used again, also after the records were removed.
        let nonce = self.nonce();
        format!("{}{term:010}-{number:010}-{nonce}", self.window_prefix())
    }

    pub(super) fn failed(&self, action: &str, error: &dyn Display) -> Error {
        let detail = format!("cannot {action} {} ({error})", self.location());
        Error::new(ErrorKind::Storage, detail)
    }

    /// The record that is there.
    pub(super) async fn look(&self) -> Result<Option<(Record, Version)>> {
        let found = self.within(self.objects.get(&self.name)).await?;
        found
            .map(|found| Ok((Record::read(&found.bytes, &self.location())?, found.version)))
            .transpose()
    }

    /// An answer that comes in a sixth of the TTL.
    pub(super) async fn within<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.ttl / 6;
        let ended = timeout(self.by_own_clock(limit), call).await.unwrap_or_else(|_| {
            let detail = format!(
                "{} has not answered in {} ms, a sixth of the lease's time; take a longer lease, or see why the store is slow",
                self.location(),
                limit.as_millis()
            );
            Err(Error::temporary(ErrorKind::Storage, detail))
        });
        self.health.note(&ended);
        ended
    }
}
