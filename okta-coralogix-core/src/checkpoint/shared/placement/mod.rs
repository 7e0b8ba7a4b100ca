//! Which replica takes which log, and when one hands over: rules on what a replica has seen of the logs and of the others. No call of the
//! store, and no clock but the times that are passed in.
//!
//! The record of a log alone decides who holds it. What is here decides when a replica tries to write that record, so that a replica that is
//! wrong about the others costs balance, and never safety. No rule makes a log wait for longer than eight times the longest time
//! between two looks, or twice the TTL for the replica that has handed it over.
//!
//! # A log, as one replica sees it
//! * *unseen*: not looked at, or not any more;
//! * *held* by a replica: its record has changed during its TTL;
//! * *free*: without a record, released, or its holder's TTL is over;
//! * *taking*: this replica writes the record, and counts it as its own;
//! * *own*: this replica holds it, until it is released, lost or dropped.

mod balance;
mod members;
mod rank;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::balance::Balance;
pub(super) use self::members::{Members, digest};
pub(super) use self::rank::longest_wait;

/// The times of a group, as this replica's clock counts them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) ttl: Duration,
    /// Between two looks at a log.
    pub(super) poll: Duration,
    /// Between two writes of a replica's presence.
    pub(super) beat: Duration,
}

/// Since when a log is free, and how it became so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Free {
    pub(super) since: Instant,
    /// Between two looks of those that wait for it.
    pub(super) look: Duration,
    pub(super) by: FreeBy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FreeBy {
    /// It has no record yet.
    NoRecord,
    /// A holder has released it, maybe for another one to take it.
    Release {
        by: Option<String>,
        to: Option<String>,
    },
    /// The TTL of this holder is over.
    Lapse(String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum LogState {
    #[default]
    Unseen,
    Held(String),
    Free(Free),
    Taking,
    Own,
}

/// A log, as this replica sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// One of those that this replica shares.
    pub(super) is_shared: bool,
    pub(super) state: LogState,
    pub(super) term: u64,
    pub(super) seen: Option<Instant>,
    /// When it was seen to change hands.
    changed: Option<Instant>,
    pub(super) taken: u64,
    pub(super) lost: u64,
    pub(super) released: u64,
    pub(super) handed_over: u64,
}

/// What one replica has seen.
#[derive(Debug)]
pub(super) struct Placement {
    own_name: String,
    times: Times,
    logs: BTreeMap<String, Log>,
    pub(super) members: Members,
    balance: Balance,
    /// Since when the others that have begun at the same time are known.
    ready: Option<Instant>,
}

impl Placement {
    pub(super) fn new(own_name: &str, times: Times) -> Self {
        Self {
            own_name: own_name.to_owned(),
            times,
            logs: BTreeMap::new(),
            members: Members::new(times),
            balance: Balance::default(),
            ready: None,
        }
    }

    /// Shares these logs. One that this replica holds stays known until it is released.
    pub(super) fn set_logs(&mut self, names: impl IntoIterator<Item = String>) {
        for log in self.logs.values_mut() {
            log.is_shared = false;
        }
        for name in names {
            self.logs.entry(name).or_default().is_shared = true;
        }
        let is_held = |log: &Log| matches!(log.state, LogState::Own | LogState::Taking);
        self.logs.retain(|_, log| log.is_shared || is_held(log));
        let shared = self.logs.iter().filter(|(_, log)| log.is_shared);
        self.members
            .set_own_logs(digest(shared.map(|(name, _)| &**name)));
    }

    pub(super) fn ready(&mut self, now: Instant) {
        self.ready.get_or_insert(now);
    }

    pub(super) fn logs(&self) -> impl Iterator<Item = (&String, &Log)> {
        self.logs.iter()
    }

    fn log(&mut self, name: &str) -> &mut Log {
        self.logs.entry(name.to_owned()).or_default()
    }

    /// Notes what a look at a log has shown. `is_changed`: its record has changed since the look before.
    pub(super) fn saw(
        &mut self,
        name: &str,
        state: LogState,
        term: u64,
        is_changed: bool,
        now: Instant,
    ) {
        match &state {
            LogState::Held(holder) if is_changed => self.members.is_alive(holder, now),
            LogState::Free(Free {
                by: FreeBy::Lapse(holder),
                ..
            }) => self.members.suspect(holder, now),
            _ => {}
        }
        let log = self.log(name);
        log.seen = Some(now);
        // What another task of this process sees of its own log is older.
        if matches!(log.state, LogState::Own | LogState::Taking) {
            return;
        }
        if log.term != term
            || matches!(&log.state, LogState::Free(_)) != matches!(&state, LogState::Free(_))
        {
            log.changed = Some(now);
        }
        log.term = term;
        log.state = state;
    }

    /// How long this replica waits until it takes a log that is free; zero: it is to take it now, and counts it as its own from then on.
    pub(super) fn turn(&mut self, name: &str, free: &Free, now: Instant) -> Duration {
        let Some(ready) = self.ready else {
            return self.times.poll;
        };
        let wait = rank::wait(self, name, free, now);
        let left = (free.since.max(ready) + wait).saturating_duration_since(now);
        if left.is_zero() {
            self.log(name).state = LogState::Taking;
        }
        left
    }

    /// This replica holds it.
    pub(super) fn taken(&mut self, name: &str, term: u64, now: Instant) {
        self.balance.taken(name, now, self.times);
        let log = self.log(name);
        log.state = LogState::Own;
        log.term = term;
        log.seen = Some(now);
        log.changed = Some(now);
        log.taken += 1;
    }

    /// It has written the record, or read it.
    pub(super) fn wrote(&mut self, name: &str, term: u64, now: Instant) {
        if let Some(log) = self.own(name, term) {
            log.seen = Some(now);
        }
    }

    /// Another one holds it.
    pub(super) fn lost(&mut self, name: &str, term: u64) {
        if let Some(log) = self.own(name, term) {
            log.lost += 1;
            log.state = LogState::Unseen;
        }
    }

    pub(super) fn released(&mut self, name: &str, term: u64, now: Instant) {
        let to = self.target(name).map(str::to_owned);
        let is_handed_over = to.is_some();
        let by = FreeBy::Release {
            by: Some(self.own_name.clone()),
            to,
        };
        let look = self.times.poll;
        if let Some(log) = self.own(name, term) {
            log.released += 1;
            log.handed_over += u64::from(is_handed_over);
            log.state = LogState::Free(Free {
                since: now,
                look,
                by,
            });
            log.changed = Some(now);
        }
    }

    /// Its checkpoint was dropped: if that was not released, its lease runs out.
    pub(super) fn dropped(&mut self, name: &str, term: u64) {
        if let Some(log) = self.own(name, term) {
            log.state = LogState::Unseen;
        }
    }

    /// It is not looked at any more.
    pub(super) fn unseen(&mut self, name: &str) {
        let log = self.log(name);
        if log.state != LogState::Own {
            log.state = LogState::Unseen;
        }
    }

    pub(super) fn is_own(&self, name: &str) -> bool {
        self.logs
            .get(name)
            .is_some_and(|log| log.state == LogState::Own)
    }

    fn own(&mut self, name: &str, term: u64) -> Option<&mut Log> {
        let log = self.logs.get_mut(name)?;
        (log.state == LogState::Own && log.term == term).then_some(log)
    }

    /// How many of the shared logs a replica holds.
    fn count(&self, replica: &str) -> usize {
        let holds = |log: &&Log| match &log.state {
            LogState::Held(holder) => holder == replica,
            LogState::Taking | LogState::Own => replica == self.own_name,
            LogState::Unseen | LogState::Free(_) => false,
        };
        let shared = self.logs.values().filter(|log| log.is_shared);
        shared.filter(holds).count()
    }

    /// The replicas that share the same logs, and live; this one is the first.
    fn sharing(&self, now: Instant) -> Vec<&str> {
        let mut sharing = vec![&*self.own_name];
        sharing.extend(self.members.sharing(now));
        sharing
    }

    /// The most that a replica holds once all is in balance.
    pub(super) fn quota(&self, now: Instant) -> usize {
        let logs = self.logs.values().filter(|log| log.is_shared).count();
        logs.div_ceil(self.sharing(now).len())
    }

    /// The replica that the log is handed over to.
    pub(super) fn target(&self, name: &str) -> Option<&str> {
        self.balance.target(name)
    }

    /// Whether this replica is to hand over a log now: which. `jitter`: from 0 to 1.
    pub(super) fn hand_over(&mut self, now: Instant, jitter: f64) -> Option<String> {
        // Taken out, since its rules read all else.
        let mut balance = std::mem::take(&mut self.balance);
        let chosen = balance.choose(self, now, jitter);
        self.balance = balance;
        chosen
    }
}
