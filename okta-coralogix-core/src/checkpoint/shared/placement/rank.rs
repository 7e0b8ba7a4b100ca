//! Which replica takes a log that is free: rendezvous hashing, behind the number of logs that each holds.

use std::cmp::Reverse;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{Free, FreeBy, Placement};

/// How well a log and a replica fit: the same on all machines and in all versions.
pub(super) fn weight(log: &str, replica: &str) -> u64 {
    let mut digest = Sha256::new();
    digest.update(log);
    // No name has it.
    digest.update([0]);
    digest.update(replica);
    let digest = digest.finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |weight, byte| weight << 8 | u64::from(*byte))
}

/// The longest time from one look to the next, in the mean one.
const LONGEST_LOOK: f64 = 1.25;

/// The most looks that a log waits for those that come first: some of them may be dead, whatever their presences say. Of those that come
/// last several may try at once, and the store takes one of them.
const MOST_LOOKS: usize = 8;

/// How long after it became free this replica takes the log: the k-th choice waits for k looks, in which those before it see that it is
/// free, and for [`MOST_LOOKS`] at most.
///
/// First is the one that it is handed over to, and last the one that has released it. Behind the rest are those that hold their quota; they
/// wait one look more for each of the others, so that one below its quota, which does not know yet that they hold it, comes first. A log that was released goes to
/// the one with the fewest; one that nobody has released is one of many, and goes to any below its quota, so that all are taken at once.
pub(super) fn wait(placement: &Placement, log: &str, free: &Free, now: Instant) -> Duration {
    let (released_by, target, lapsed) = match &free.by {
        FreeBy::NoRecord => (None, None, None),
        FreeBy::Release { by, to } => (by.as_deref(), to.as_deref(), None),
        FreeBy::Lapse(holder) => (None, None, Some(&**holder)),
    };
    let is_released = matches!(free.by, FreeBy::Release { .. });
    let quota = placement.quota(now);
    let own = &*placement.own_name;
    let key = |replica: &str| {
        let count = placement.count(replica);
        (
            target.is_some_and(|target| target != replica),
            released_by == Some(replica),
            count >= quota,
            if is_released { count } else { 0 },
            Reverse(weight(log, replica)),
        )
    };
    let own_key = key(own);
    let others = placement.members.sharing(now);
    let others: Vec<_> = others.filter(|other| lapsed != Some(other)).collect();
    let before = others.iter().filter(|other| key(other) < own_key).count();
    let holds_quota = placement.count(own) >= quota;
    // This one may not know it yet.
    let is_unknown = target.is_some_and(|target| target != own && !others.contains(&target));
    let behind = if holds_quota { others.len() } else { 0 };
    let looks = match target == Some(own) {
        true => 0,
        false => before + usize::from(is_unknown) + behind,
    };
    let wait = free.look.mul_f64(LONGEST_LOOK * looks as f64);
    let wait = wait.min(longest_wait(free.look));
    let is_handed_over = released_by == Some(own) && target.is_some();
    match is_handed_over && !others.is_empty() {
        // The others are to take it.
        true => wait.max(placement.times.ttl * 2),
        false => wait,
    }
}

/// The longest that [`wait`] is, but for the replica that has handed the log over.
pub(in super::super) fn longest_wait(look: Duration) -> Duration {
    look.mul_f64(LONGEST_LOOK * MOST_LOOKS as f64)
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn weight_is_the_same_on_all_machines_and_in_all_versions() {
        assert_eq!(weight("acme", "a"), 0xd2b2_95e4_3812_cb61);
        assert_eq!(weight("acme", "b"), 0x90fd_42ff_183b_033d);
    }
}
