//! Whether a replica that holds more than its share hands over a log, and which.

use std::cmp::Reverse;
use std::time::Duration;

use tokio::time::Instant;

use super::rank::weight;
use super::{LogState, Placement, Times};

/// How many TTLs a replica waits after a hand-over that nobody has answered.
const AFTER_FAILURE: u32 = 20;

/// How many TTLs a pipeline may take to finish what is in flight, and the others to take the log.
const UNDERWAY: u32 = 4;

/// The hand-overs of this replica.
///
/// * *even*: it holds at most one log more than the replica that holds the fewest;
/// * *uneven*, for less than two TTLs, or it is not its turn: another one holds more, or as many and its name comes first; or a log is
///   changing hands;
/// * *underway*: a log is being finished, released, and taken by another one; one TTL at least from one to the next;
/// * *failed*: nobody has taken it, or the pipeline has not ended: it rests for a long time.
#[derive(Debug, Default)]
pub(in super::super) struct Balance {
    uneven: Option<Instant>,
    underway: Option<Underway>,
    /// No hand-over before.
    next: Option<Instant>,
}

#[derive(Debug)]
struct Underway {
    log: String,
    target: String,
    began: Instant,
}

impl Balance {
    /// The replica that the log is handed over to, if it is.
    pub(super) fn target(&self, log: &str) -> Option<&str> {
        let underway = self.underway.as_ref();
        let underway = underway.filter(|underway| underway.log == log)?;
        Some(&underway.target)
    }

    /// This replica has taken the log, maybe back.
    pub(super) fn taken(&mut self, log: &str, now: Instant, times: Times) {
        if self.target(log).is_some() {
            self.fail(now, times);
        }
    }

    fn fail(&mut self, now: Instant, times: Times) {
        self.underway = None;
        self.next = Some(now + times.ttl * AFTER_FAILURE);
    }

    /// The log that is to be handed over now.
    pub(super) fn choose(
        &mut self,
        placement: &Placement,
        now: Instant,
        jitter: f64,
    ) -> Option<String> {
        let times = placement.times;
        self.settle(placement, now);
        let own_count = placement.count(&placement.own_name);
        let members = placement.members.sharing(now);
        let counts: Vec<_> = members
            .map(|member| (placement.count(member), member))
            .collect();
        let (fewest, target) = *counts.iter().min()?;
        if own_count < fewest + 2 {
            self.uneven = None;
            return None;
        }
        let uneven = *self.uneven.get_or_insert(now);
        let own = (own_count, Reverse(&*placement.own_name));
        let most = counts
            .iter()
            .map(|(count, member)| (*count, Reverse(*member)))
            .max()?;
        let is_due = now >= uneven + times.ttl * 2 && self.next.is_none_or(|next| now >= next);
        if own < most || !is_due || self.underway.is_some() || is_any_changing_hands(placement, now)
        {
            return None;
        }
        let own_logs = placement
            .logs
            .iter()
            .filter(|(_, log)| log.is_shared && log.state == LogState::Own);
        let (log, _) = own_logs.max_by_key(|(name, _)| weight(name, target))?;
        self.underway = Some(Underway {
            log: log.clone(),
            target: target.to_owned(),
            began: now,
        });
        self.next = Some(now + times.ttl.mul_f64(1.0 + 0.25 * jitter));
        Some(log.clone())
    }

    /// Ends what is underway, if it has ended.
    fn settle(&mut self, placement: &Placement, now: Instant) {
        let Some(Underway { log, target, began }) = &self.underway else {
            return;
        };
        let is_late = now >= *began + placement.times.ttl * UNDERWAY;
        match placement.logs.get(log).map(|log| &log.state) {
            Some(LogState::Held(holder)) if holder == target => self.underway = None,
            // By another one than the one that was to take it: that one cannot, and would be chosen again.
            Some(LogState::Held(holder)) if *holder != placement.own_name => {
                self.fail(now, placement.times);
            }
            _ if is_late => self.fail(now, placement.times),
            _ => {}
        }
    }
}

/// True while a log that is to be taken is free, or was taken just now: one is handed over at a time.
fn is_any_changing_hands(placement: &Placement, now: Instant) -> bool {
    let times = placement.times;
    let is_recent = |since: Instant, time: Duration| now < since + time;
    let mut logs = placement.logs.values().filter(|log| log.is_shared);
    logs.any(|log| match &log.state {
        // What nobody takes must not keep all else as it is.
        LogState::Free(free) => is_recent(free.since, times.ttl * UNDERWAY),
        LogState::Taking => true,
        LogState::Held(_) | LogState::Own => log
            .changed
            .is_some_and(|at| is_recent(at, times.poll.mul_f64(1.25))),
        LogState::Unseen => false,
    })
}
