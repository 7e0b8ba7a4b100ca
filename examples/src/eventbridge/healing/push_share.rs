//! Tells whether another process receives a part of what EventBridge pushes.
//!
//! The window of healing knows what this process was pushed. Of two processes behind one queue, rule or load balancer each heals what the
//! other was pushed, and those events arrive twice. It shows in the order of the log: healed events and pushed ones take turns. What the
//! stream loses in an outage is in a row. Events are decided in another order, pushed ones at once, so that they are judged up to a time by
//! which all are.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use okta_coralogix_core::RawEvent;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::pipeline::Disposition;

use crate::program::metrics::Monitor;

/// Events that are judged together: so many, or fewer of a long time.
const EVENTS: usize = 1_000;
const FEWEST: usize = 100;
const LONG_MS: i64 = 6 * 3_600_000;

/// The part of them that was healed, in percent: half of them with two processes, less where one gets more than the other.
const HEALED_PERCENT: usize = 25;

/// How often healed events and pushed ones take turns: each outage adds two, and a queue gives each of two processes ten messages at a
/// time.
const TURNS: usize = 20;

/// Events that wait to be judged, at most: far more than are in flight.
const WAITING: usize = 50_000;

/// Looks at what healing has decided. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(super) struct PushShare {
    judge: Arc<Mutex<Judge>>,
    monitor: Monitor,
}

/// An event of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Decided {
    published_ms: i64,
    uuid: u64,
    was_pushed: bool,
}

#[derive(Debug, Default)]
struct Judge {
    hasher: RandomState,
    events: Vec<Decided>,
    is_shared: bool,
}

/// What the events that were judged together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    events: usize,
    healed: usize,
    is_shared: bool,
}

impl PushShare {
    pub(super) fn new(monitor: Monitor) -> Self {
        Self {
            judge: Arc::default(),
            monitor,
        }
    }

    fn decided(&self, event: &RawEvent, was_pushed: bool) {
        if let Some(uuid) = event.uuid() {
            let published_ms = event.published().timestamp_millis();
            self.judge().add(published_ms, &uuid, was_pushed);
        }
    }

    /// All events until this time are decided.
    fn through(&self, time_ms: i64) {
        let mut judge = self.judge();
        let before = judge.is_shared;
        let Some(share) = judge.through(time_ms) else {
            return;
        };
        drop(judge);
        self.monitor.push_is_shared(share.is_shared);
        let Share { events, healed, .. } = share;
        if share.is_shared {
            tracing::warn!(
                events,
                healed,
                "many events were not pushed to this process, among others of the same time that were: most likely another process receives \
                 them, behind the same queue, rule or load balancer. Each of both then heals what the other was pushed, and these events \
                 arrive twice: let one process receive, and end the others. If there is no other one, the rule leaves out some types, or \
                 EventBridge takes longer than --heal-after"
            );
        } else if before {
            tracing::info!(
                events,
                healed,
                "nothing shows any more that another process receives a part of what is pushed"
            );
        }
    }

    /// Nothing that runs under this lock panics.
    fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for PushShare {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        match event {
            // One that the window does not cover may have been pushed.
            PipelineEvent::Healed {
                event,
                is_verified: true,
                ..
            } => self.decided(event, false),
            PipelineEvent::Ended {
                disposition: Disposition::Duplicate,
                event: Some(event),
            } => self.decided(event, true),
            PipelineEvent::DeliveredThrough { time } => self.through(time.timestamp_millis()),
            _ => {}
        }
    }
}

impl Judge {
    fn add(&mut self, published_ms: i64, uuid: &str, was_pushed: bool) {
        if self.events.len() >= WAITING {
            // The position does not move: what was decided may be read again many times.
            self.events.clear();
        }
        self.events.push(Decided {
            published_ms,
            uuid: self.hasher.hash_one(uuid),
            was_pushed,
        });
    }

    /// What the events until this time say, if there are enough of them.
    fn through(&mut self, time_ms: i64) -> Option<Share> {
        let is_decided = |event: &&Decided| event.published_ms <= time_ms;
        let times = || self.events.iter().filter(is_decided);
        let count = times().count();
        if count < FEWEST {
            return None;
        }
        let times = times().map(|event| event.published_ms);
        let (first, last) = (times.clone().min()?, times.max()?);
        if count < EVENTS && last - first < LONG_MS {
            return None;
        }
        let (decided, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.events)
            .into_iter()
            .partition(|event| event.published_ms <= time_ms);
        self.events = waiting;
        Some(self.share(decided))
    }

    fn share(&mut self, mut events: Vec<Decided>) -> Share {
        events.sort_unstable();
        // A page that is read again has what was healed before as duplicates.
        events.dedup_by(|again, first| {
            (again.published_ms, again.uuid) == (first.published_ms, first.uuid)
        });
        let healed = events.iter().filter(|event| !event.was_pushed).count();
        let pairs = events.windows(2);
        let turns = pairs.filter(|pair| pair[0].was_pushed != pair[1].was_pushed);
        let is_shared = healed * 100 >= events.len() * HEALED_PERCENT && turns.count() >= TURNS;
        self.is_shared = is_shared;
        Share {
            events: events.len(),
            healed,
            is_shared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shares of a log with an event a second. Of 1,000 events the pushed ones are decided first.
    fn shares(events: usize, was_pushed: impl Fn(usize) -> bool) -> Vec<Share> {
        let mut judge = Judge::default();
        let mut shares = Vec::new();
        for page in (0..events).collect::<Vec<_>>().chunks(1_000) {
            for pushed in [true, false] {
                for n in page.iter().filter(|n| was_pushed(**n) == pushed) {
                    judge.add(*n as i64 * 1_000, &n.to_string(), pushed);
                    shares.extend(judge.through(page[0] as i64 * 1_000 - 1));
                }
            }
            shares.extend(judge.through(*page.last().unwrap() as i64 * 1_000));
        }
        shares
    }

    fn is_shared(events: usize, was_pushed: impl Fn(usize) -> bool) -> Vec<bool> {
        let shares = shares(events, was_pushed).into_iter();
        shares.map(|share| share.is_shared).collect()
    }

    #[test]
    fn events_of_another_receiver_take_turns_with_those_of_this_one() {
        for seed in 0..20 {
            let random = |n: usize, batch: usize| {
                fastrand::Rng::with_seed(seed * 1_000_003 + (n / batch) as u64).usize(..100)
            };
            // Two, three and ten receivers behind a load balancer; two that get ten messages of a queue at a time.
            for (part, batch) in [(50, 1), (33, 1), (10, 1), (70, 1), (50, 10)] {
                let shared = is_shared(2_000, |n| random(n, batch) < part);
                assert_eq!(shared, [true; 2], "{part} % in {batch}, seed {seed}");
            }
            // A stream that loses a few, or one of ten.
            for part in [99, 90] {
                let shared = is_shared(2_000, |n| random(n, 1) < part);
                assert_eq!(shared, [false; 2], "{part} %, seed {seed}");
            }
        }
    }

    #[test]
    fn outages_of_the_stream_are_no_other_receiver() {
        assert_eq!(is_shared(2_000, |_| false), [false; 2], "all is lost");
        assert_eq!(is_shared(1_000, |n| !(100..900).contains(&n)), [false]);
        let several = |n: usize| (n / 60).is_multiple_of(2);
        assert_eq!(is_shared(1_000, several), [false]);
    }

    #[test]
    fn page_that_is_read_again_is_no_other_receiver() {
        let mut judge = Judge::default();
        for was_pushed in [false, true] {
            for n in 0..500 {
                judge.add(n * 1_000, &n.to_string(), was_pushed);
            }
        }
        let again = judge.through(1_000_000);
        let share = Share {
            events: 500,
            healed: 500,
            is_shared: false,
        };
        assert_eq!(again, Some(share));
    }

    /// 200 events a day, so that a thousand would take five.
    #[test]
    fn quiet_org_is_judged_within_a_day() {
        let mut judge = Judge::default();
        let mut add = |n: i64| {
            judge.add(n * 432_000, &n.to_string(), n % 2 == 0);
            judge.through(n * 432_000)
        };
        let first = (0..200).find_map(|n| add(n).map(|share| (n, share.is_shared)));
        assert_eq!(first, Some((99, true)));
    }
}
