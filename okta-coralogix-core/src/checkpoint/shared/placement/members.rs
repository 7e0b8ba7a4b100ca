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
/// * *found*: its presence is there, and may be what one that died has left;
/// * *living* for three beats after its presence has changed, or the record of a log that it holds;
/// * *suspected* once the TTL of a log that it holds is over, until the next such change;
/// * *forgotten* when its presence is removed.
///
/// What the records of logs tell of one is kept for as long before its presence is found: one that died soon after its start is not to
/// count as living once that is read.
#[derive(Debug)]
struct Member {
    /// Which logs it shares; `None`: its presence was not found yet.
    logs: Option<String>,
    /// When it has shown that it lives.
    alive: Option<Instant>,
    is_suspected: bool,
    /// When anything was seen of it.
    seen: Instant,
}

impl Member {
    fn unknown(now: Instant) -> Self {
        Self {
            logs: None,
            alive: None,
            is_suspected: false,
            seen: now,
        }
    }

    fn is_alive(&mut self, now: Instant) {
        self.alive = Some(now);
        self.is_suspected = false;
    }
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

    /// Its presence was found, where it may have been for long.
    pub(in super::super) fn found(&mut self, name: &str, logs: &str, now: Instant) {
        self.member(name, now).logs = Some(logs.to_owned());
    }

    /// Its presence was written a moment ago for the first time.
    pub(in super::super) fn joined(&mut self, name: &str, logs: &str, now: Instant) {
        let member = self.member(name, now);
        member.logs = Some(logs.to_owned());
        // It may have taken a log since, and have died.
        if !member.is_suspected {
            member.is_alive(now);
        }
    }

    /// Its presence has changed.
    pub(in super::super) fn present(&mut self, name: &str, logs: &str, now: Instant) {
        let member = self.member(name, now);
        member.logs = Some(logs.to_owned());
        member.is_alive(now);
    }

    /// Its presence was removed.
    pub(in super::super) fn left(&mut self, name: &str) {
        self.members.remove(name);
    }

    /// A record that it writes has changed.
    pub(super) fn is_alive(&mut self, name: &str, now: Instant) {
        self.member(name, now).is_alive(now);
    }

    /// The TTL of a log that it holds was over, which is so before its presence tells.
    pub(super) fn suspect(&mut self, name: &str, now: Instant) {
        let member = self.member(name, now);
        member.is_suspected |= member.alive.is_none_or(|alive| alive < now);
    }

    fn member(&mut self, name: &str, now: Instant) -> &mut Member {
        if !self.members.contains_key(name) {
            let kept = self.times.beat * BEATS;
            self.members
                .retain(|_, member| member.logs.is_some() || now < member.seen + kept);
        }
        let member = self.members.entry(name.to_owned());
        let member = member.or_insert_with(|| Member::unknown(now));
        member.seen = now;
        member
    }

    fn living(&self, now: Instant) -> impl Iterator<Item = (&str, &Member)> {
        let most = self.times.beat * BEATS;
        let lives = move |member: &Member| {
            member.logs.is_some()
                && !member.is_suspected
                && member.alive.is_some_and(|alive| now < alive + most)
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
        let sharing = sharing.filter(|(_, member)| member.logs.as_ref() == Some(&self.own_logs));
        sharing.map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BEAT: Duration = Duration::from_secs(60);

    fn members() -> Members {
        let second = Duration::from_secs(1);
        Members::new(Times {
            ttl: second * 30,
            poll: second * 5,
            beat: BEAT,
        })
    }

    fn sharing(members: &Members, now: Instant) -> Vec<&str> {
        members.sharing(now).collect()
    }

    #[test]
    fn presence_that_was_there_before_counts_once_its_replica_shows_that_it_lives() {
        let (mut members, now) = (members(), Instant::now());
        let logs = members.own_logs().to_owned();
        members.found("a", &logs, now);
        members.found("b", &logs, now);
        assert!(sharing(&members, now).is_empty());
        members.is_alive("a", now);
        members.present("b", &logs, now);
        assert_eq!(sharing(&members, now), ["a", "b"]);
        assert!(sharing(&members, now + BEAT * 3).is_empty());
    }

    #[test]
    fn replica_whose_logs_have_lapsed_does_not_live_because_its_presence_is_found() {
        let (mut members, now) = (members(), Instant::now());
        let logs = members.own_logs().to_owned();
        members.is_alive("a", now);
        members.suspect("a", now + BEAT);
        assert_eq!(members.count(now + BEAT), 0);
        members.joined("a", &logs, now + BEAT);
        assert!(sharing(&members, now + BEAT).is_empty());
        members.present("a", &logs, now + BEAT * 2);
        assert_eq!(sharing(&members, now + BEAT * 2), ["a"]);
    }

    #[test]
    fn holders_without_a_presence_are_forgotten() {
        let (mut members, now) = (members(), Instant::now());
        for n in 0..1_000 {
            members.suspect(&format!("{n}"), now + BEAT * n);
        }
        assert!(members.members.len() < 5, "{}", members.members.len());
    }
}
