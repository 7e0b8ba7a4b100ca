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
//! # Many logs
//! [`SharedStore::join`] makes a process one of those that share the logs: each takes as many as the others, give or take one.
//!
//! # Objects of a log
//! * `<name>`: the record, JSON of less than 4 KB but for a long query;
//! * `<name>.window-<term>-<number>`: the window of recent uuids, written before the record that names it, at most once a minute and at
//!   the release; the last two stay.
//!
//! Of each replica that has joined there is one `.replica-<name>`, by which the others know that it is there. Dead letters that are kept
//! here are `.letters-…` ([`ObjectDeadLetters`](crate::dead_letter::ObjectDeadLetters)).

mod change;
#[cfg(feature = "object-store")]
mod cloud;
mod folder;
mod group;
mod held;
mod look;
mod objects;
mod place;
mod placement;
mod presence;
mod record;
mod replay;
mod replica;
mod self_test;
mod standby;
mod state;
mod status;
mod window;
mod writer;

#[cfg(feature = "object-store")]
pub use cloud::CloudObjects;
pub use folder::FolderObjects;
pub use held::HeldCheckpoint;
pub use look::LogRecord;
pub use objects::{Objects, PutIf, StoredObject};
pub use replica::Replica;
pub use status::{LogStatus, ReplicaStatus};

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use self::group::Group;
use self::place::{Place, random_text};
use self::status::StoreHealth;
use crate::text::quote;
use crate::{Error, Result};

/// Shorter, and a store that is slow for a moment loses the lease.
const MIN_TTL: Duration = Duration::from_secs(10);

/// Longer, and nobody would read a log for as long after a death.
const MAX_TTL: Duration = Duration::from_secs(3600);

const MIN_POLL: Duration = Duration::from_millis(100);

fn checked_ttl(setting: &'static str, ttl: Duration) -> Result<Duration> {
    if (MIN_TTL..=MAX_TTL).contains(&ttl) {
        return Ok(ttl);
    }
    let detail = format!(
        "is {} s, and a lease is at least {} s long, so that a store that is slow for a moment does not lose it, and {} s at most",
        ttl.as_secs_f64(),
        MIN_TTL.as_secs(),
        MAX_TTL.as_secs()
    );
    Err(Error::config(setting, detail))
}

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
    idle_ttl: Option<Duration>,
    poll: Duration,
    holder: String,
    random: Arc<Mutex<fastrand::Rng>>,
    health: Arc<StoreHealth>,
    clock_rate: f64,
}

impl SharedStore {
    /// How long the others wait for a holder that does not write.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(30);
    /// How long they wait for a holder whose log saves nothing for five minutes.
    pub const DEFAULT_IDLE_TTL: Duration = Duration::from_secs(120);
    /// How often they look.
    pub const DEFAULT_POLL: Duration = Duration::from_secs(5);

    /// This place, under a random name for this process: after a restart it is another replica.
    #[must_use]
    pub fn new(objects: impl Objects) -> Self {
        Self {
            objects: Arc::new(objects),
            ttl: Self::DEFAULT_TTL,
            idle_ttl: None,
            poll: Self::DEFAULT_POLL,
            holder: String::new(),
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(unlike_any_other()))),
            health: Arc::default(),
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
        self.ttl = checked_ttl("ttl", ttl)?;
        Ok(self)
    }

    /// How long the others wait for a holder whose log has saved nothing for five minutes: it then renews its lease each third of this, and
    /// the others look so much more seldom. Default: 120 s, or the TTL if that is longer.
    ///
    /// # Errors
    /// `Config` below 10 s and above an hour; and for each use of the store, if it is shorter than the TTL.
    pub fn idle_ttl(mut self, idle_ttl: Duration) -> Result<Self> {
        self.idle_ttl = Some(checked_ttl("idle_ttl", idle_ttl)?);
        Ok(self)
    }

    /// How often a replica looks at a log that another one holds: each look is a request.
    #[must_use]
    pub fn poll(mut self, poll: Duration) -> Self {
        // Longer ones are refused as well, where it is used: no time of this replica overflows before.
        self.poll = poll.min(MAX_TTL);
        self
    }

    /// The name of this replica.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Within what time [`acquire`](Self::acquire) takes a log whose holder has died, if no other replica does: 1.25 · (TTL + time between
    /// two looks), for clocks that run wrong, and a put. `ttl`: as the record has it, which is [`idle_ttl`](Self::idle_ttl) for an idle log;
    /// that is looked at more seldom too.
    #[must_use]
    pub fn takeover(&self, ttl: Duration) -> Duration {
        let place = self.place("");
        (ttl.max(self.ttl) + place.look_every(ttl)).mul_f64(1.25) + self.ttl / 6
    }

    /// Within what time one of the replicas that have [joined](Self::join) takes a log whose holder has died, however many others live or
    /// seem to: they try one after the other, so that it is [`takeover`](Self::takeover) and 12.5 times the time between two looks.
    #[must_use]
    pub fn takeover_by_group(&self, ttl: Duration) -> Duration {
        let wait = placement::longest_wait(self.place("").look_every(ttl));
        self.takeover(ttl) + wait.mul_f64(1.25)
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
        self.acquire_in(name, None).await
    }

    async fn acquire_in(&self, name: &str, group: Option<&Arc<Group>>) -> Result<HeldCheckpoint> {
        self.check_times()?;
        check_name(name)?;
        let mut place = self.place(name);
        place.group = group.map(Arc::clone);
        standby::acquire(Arc::new(place)).await
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
        if let Some(idle_ttl) = self.idle_ttl.filter(|idle_ttl| *idle_ttl < self.ttl) {
            let detail = format!(
                "is {} s, and is to be at least as long as the lease of a log that is not idle ({} s)",
                idle_ttl.as_secs_f64(),
                self.ttl.as_secs_f64()
            );
            return Err(Error::config("idle_ttl", detail));
        }
        Ok(())
    }

    fn place(&self, name: &str) -> Place {
        Place {
            objects: Arc::clone(&self.objects),
            name: name.to_owned(),
            holder: self.holder.clone(),
            ttl: self.ttl,
            idle_ttl: self
                .idle_ttl
                .unwrap_or(Self::DEFAULT_IDLE_TTL)
                .max(self.ttl),
            poll: self.poll,
            health: Arc::clone(&self.health),
            group: None,
            random: Arc::clone(&self.random),
            clock_rate: self.clock_rate,
        }
    }

    fn random_text(&self) -> String {
        random_text(&self.random)
    }
}

/// A seed from the operating system's random numbers, with which std keys its maps: machines that start alike draw different names.
fn unlike_any_other() -> u64 {
    RandomState::new().build_hasher().finish()
}
