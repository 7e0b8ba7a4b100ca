//! The other replicas of a group: which of them live.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Times;

/// How many writes of its presence a replica may miss.
const BEATS: u32 = 3;

/// Another replica.
///
/// * *living* for three beats after its presence has changed, or the record of a log that it holds;
/// * *suspected* once the TTL of a log that it holds is over, until the next such change;
/// * *forgotten* when its presence is removed.
#[derive(Debug)]
struct Member {
    /// Which logs it shares.
    logs: String,
    alive: Instant,
    is_suspected: bool,
}

#[derive(Debug)]
pub(in super::super) struct Members {
    times: Times,
    own_logs: String,
    members: BTreeMap<String, Member>,
}

/// Tells sets of logs apart.
pub(in super::super) fn digest<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for name in names {
        digest.update(name);
        digest.update(b"\n");
    }
    URL_SAFE_NO_PAD.encode(&digest.finalize()[..16])
}

impl Members {
    pub(super) fn new(times: Times) -> Self {
        Self {
            times,
            own_logs: digest([].into_iter()),
            members: BTreeMap::new(),
        }
    }

    pub(super) fn set_own_logs(&mut self, digest: String) {
        self.own_logs = digest;
    }

    /// What this replica tells the others of its logs.
    pub(in super::super) fn own_logs(&self) -> &str {
        &self.own_logs
    }

    /// Its presence has changed.
    pub(in super::super) fn present(&mut self, name: &str, logs: &str, now: Instant) {
        let member = Member {
            logs: logs.to_owned(),
            alive: now,
            is_suspected: false,
        };
        self.members.insert(name.to_owned(), member);
    }

    /// Its presence was removed.
    pub(in super::super) fn left(&mut self, name: &str) {
        self.members.remove(name);
    }

    /// A record that it writes has changed.
    pub(super) fn is_alive(&mut self, name: &str, now: Instant) {
        if let Some(member) = self.members.get_mut(name) {
            member.alive = now;
            member.is_suspected = false;
        }
    }

    /// The TTL of a log that it holds was over, which is so before its presence tells.
    pub(super) fn suspect(&mut self, name: &str, now: Instant) {
        if let Some(member) = self.members.get_mut(name) {
            member.is_suspected |= member.alive < now;
        }
    }

    fn living(&self, now: Instant) -> impl Iterator<Item = (&str, &Member)> {
        let lives = move |member: &Member| {
            !member.is_suspected && now < member.alive + self.times.beat * BEATS
        };
        let living = self.members.iter().filter(move |(_, member)| lives(member));
        living.map(|(name, member)| (&**name, member))
    }

    /// How many others live.
    pub(in super::super) fn count(&self, now: Instant) -> usize {
        self.living(now).count()
    }

    /// Those that live, and share the same logs. While a changed configuration is rolled out there are two such groups: each takes what is
    /// free, and neither hands over to the other.
    pub(super) fn sharing(&self, now: Instant) -> impl Iterator<Item = &str> {
        let sharing = self.living(now);
        let sharing = sharing.filter(|(_, member)| member.logs == self.own_logs);
        sharing.map(|(name, _)| name)
    }
}
