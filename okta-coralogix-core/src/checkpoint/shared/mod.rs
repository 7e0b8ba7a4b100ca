//! A checkpoint that several replicas share in an object store, and the lease by which one of them holds it.
//!
//! One process per log is a single point of failure. Here each log has a *record*, a small object that says who holds the log, and where
//! reading goes on. Whoever holds it reads the log, and saves the position in the same object, under the condition that nobody else has
//! written it: a holder that was paused, or whose request comes late, can move no position. So the record fences by itself, and the
//! lease only keeps two from sending at once.
//!
//! # Time
//! No clock of another machine is believed. A replica takes a log whose record it has seen unchanged for the whole TTL by its own
//! monotonic clock. The holder counts from before it sent its last write that was stored, and sends nothing after 0.65 of the TTL: what is
//! left covers a request that is underway, and clocks of which one runs a fifth faster or slower than it should.
//!
//! # The store is away
//! Nothing is sent once the lease has run out, and nothing ends: the holder goes on as soon as it can write the record, if it is still its
//! own, with the window of uuids that it has in memory.
//!
//! # Objects of a log
//! * `<name>`: the record, JSON of less than 4 KB but for a long query;
//! * `<name>.window-<term>-<number>`: the window of recent uuids, written before the record that names it, at most once a minute and at
//!   the release; the last two stay.

mod change;
#[cfg(feature = "object-store")]
mod cloud;
mod folder;
mod held;
mod objects;
mod record;
mod replica;
mod self_test;
mod standby;
mod window;
mod writer;

#[cfg(feature = "object-store")]
pub use cloud::CloudObjects;
pub use folder::FolderObjects;
pub use held::HeldCheckpoint;
pub use objects::{Objects, PutIf, StoredObject};
pub use replica::{LogStatus, Replica, ReplicaStatus};

use std::fmt::Display;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::text::quote;
use crate::{Error, ErrorKind, Result};

/// Shorter, and a store that is slow for a moment loses the lease.
const MIN_TTL: Duration = Duration::from_secs(10);

/// Longer, and nobody would read a log for as long after a death.
const MAX_TTL: Duration = Duration::from_secs(3600);

const MIN_POLL: Duration = Duration::from_millis(100);

/// A name is an object's, and the beginning of others'.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_fine = !name.is_empty()
        && name.len() <= 200
        && name.bytes().all(is_plain)
        && !name.starts_with('.')
        && !name.ends_with(".tmp")
        && !name.contains(".window-");
    if is_fine {
        return Ok(());
    }
    let detail = format!(
        "{} cannot be the name of a shared checkpoint; write letters, digits, -, _ and ., such as acme or acme-prod",
        quote(name)
    );
    Err(Error::config("integration", detail))
}

/// The place of shared checkpoints, as one replica uses it.
///
/// ```
/// # use okta_coralogix_core::checkpoint::shared::{Objects, SharedStore};
/// # use okta_coralogix_core::{EventSource, Result};
/// # async fn run(objects: impl Objects) -> Result<()> {
/// let store = SharedStore::new(objects);
/// store.check().await?;
/// // Waits until no other replica holds it.
/// let checkpoint = store.acquire("acme").await?;
/// // … a source with this checkpoint, and at the end:
/// checkpoint.release().await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SharedStore {
    objects: Arc<dyn Objects>,
    ttl: Duration,
    poll: Duration,
    holder: String,
    random: Arc<Mutex<fastrand::Rng>>,
    clock_rate: f64,
}

impl SharedStore {
    /// How long the others wait for a holder that does not write.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(30);
    /// How often they look.
    pub const DEFAULT_POLL: Duration = Duration::from_secs(5);

    /// This place, under a random name for this process: after a restart it is another replica.
    #[must_use]
    pub fn new(objects: impl Objects) -> Self {
        Self {
            objects: Arc::new(objects),
            ttl: Self::DEFAULT_TTL,
            poll: Self::DEFAULT_POLL,
            holder: String::new(),
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(unlike_any_other()))),
            clock_rate: 1.0,
        }
        .named("")
    }

    /// Begins the name of this replica with `hint`, such as the name of its machine: for people who read the records.
    #[must_use]
    pub fn named(mut self, hint: &str) -> Self {
        let random = self.random_text();
        self.holder = match hint {
            "" => random,
            hint => format!("{hint}-{random}"),
        };
        self
    }

    /// Draws names and pauses from this seed, for tests. Two replicas with one seed take themselves for one.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        self.named("")
    }

    /// A clock that runs this much faster than it should, for tests.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn clock_rate(mut self, rate: f64) -> Self {
        self.clock_rate = rate;
        self
    }

    /// How long the others wait for a holder that does not write; 60 to 120 s where the store may be away for that long. Twice the time
    /// between two looks at least.
    ///
    /// # Errors
    /// `Config` below 10 s and above an hour.
    pub fn ttl(mut self, ttl: Duration) -> Result<Self> {
        if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
            let detail = format!(
                "is {} s, and a lease is at least {} s long, so that a store that is slow for a moment does not lose it, and {} s at most",
                ttl.as_secs_f64(),
                MIN_TTL.as_secs(),
                MAX_TTL.as_secs()
            );
            return Err(Error::config("ttl", detail));
        }
        self.ttl = ttl;
        Ok(self)
    }

    /// How often a replica looks at a log that another one holds: each look is a request.
    #[must_use]
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// The name of this replica.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Shows that the store does what leases rest on, with an object that is removed again: that it refuses a second object of one name and
    /// a put over a version that is not the last, and that a put takes less than a sixth of the TTL.
    ///
    /// # Errors
    /// `Config` with what the store lacks, or its own error.
    pub async fn check(&self) -> Result<()> {
        self.check_times()?;
        let name = format!("self-test-{}", self.random_text());
        self_test::run(&self.place(&name)).await
    }

    /// Waits until no other replica holds the log of this name, and takes it. A store that is away is waited for.
    ///
    /// # Cancel safety
    /// Dropped while it takes the log, it may leave a record of its own: the others then wait for the TTL.
    ///
    /// # Errors
    /// `Corrupt` if the record is none, of a later version, or was removed. `Config` for a name that no object can have: it has letters,
    /// digits, `-`, `_` and `.`, and neither begins with `.`, nor ends in `.tmp`, nor has `.window-` in it.
    pub async fn acquire(&self, name: &str) -> Result<HeldCheckpoint> {
        self.check_times()?;
        check_name(name)?;
        standby::acquire(Arc::new(self.place(name))).await
    }

    fn check_times(&self) -> Result<()> {
        if self.poll < MIN_POLL || self.poll * 2 > self.ttl {
            let detail = format!(
                "is {} s, and is to be at least {} s and half of the lease ({} s) at most",
                self.poll.as_secs_f64(),
                MIN_POLL.as_secs_f64(),
                self.ttl.as_secs_f64()
            );
            return Err(Error::config("poll", detail));
        }
        Ok(())
    }

    fn place(&self, name: &str) -> Place {
        Place {
            objects: Arc::clone(&self.objects),
            name: name.to_owned(),
            holder: self.holder.clone(),
            ttl: self.ttl,
            poll: self.poll,
            random: Arc::clone(&self.random),
            clock_rate: self.clock_rate,
        }
    }

    fn random_text(&self) -> String {
        random_text(&self.random)
    }
}

fn random_text(random: &Mutex<fastrand::Rng>) -> String {
    let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
    format!("{:016x}", random.u64(..))
}

/// A seed from the operating system's random numbers, with which std keys its maps: machines that start alike draw different names.
fn unlike_any_other() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// One log in a store, as this replica uses it.
#[derive(Debug)]
struct Place {
    objects: Arc<dyn Objects>,
    name: String,
    holder: String,
    ttl: Duration,
    poll: Duration,
    random: Arc<Mutex<fastrand::Rng>>,
    /// How many seconds this replica's clock counts in one.
    clock_rate: f64,
}

impl Place {
    fn nonce(&self) -> String {
        random_text(&self.random)
    }

    /// Until the next look: the replicas are not to look at one time.
    fn pause(&self) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        self.by_own_clock(self.poll.mul_f64(0.8 + 0.4 * random.f64()))
    }

    /// How long it takes until this replica's clock has counted so much.
    fn by_own_clock(&self, time: Duration) -> Duration {
        time.div_f64(self.clock_rate)
    }

    fn location(&self) -> String {
        format!("{}/{}", self.objects.location(), self.name)
    }

    fn window_prefix(&self) -> String {
        format!("{}.window-", self.name)
    }

    /// Names sort as they were given.
    fn window_name(&self, term: u64, number: u64) -> String {
        // A name is never used again, also after the records were removed.
        let nonce = self.nonce();
        format!("{}{term:010}-{number:010}-{nonce}", self.window_prefix())
    }

    fn failed(&self, action: &str, error: &dyn Display) -> Error {
        let detail = format!("cannot {action} {} ({error})", self.location());
        Error::new(ErrorKind::Storage, detail)
    }
}
