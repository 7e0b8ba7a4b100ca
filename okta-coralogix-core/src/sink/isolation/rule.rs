//! The rules by which a failing request is halved, and an entry that fails alone is blocked. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::evidence::Tally;
use crate::backoff::later;
use crate::{Error, ErrorKind};

/// How many of an entry's last failures must each lie between two acceptances of others.
const BETWEEN: u32 = 5;

/// The least number of failures of an entry that is blocked.
const MIN_REFUSALS: u32 = 5;
const MIN_OUTAGES: u32 = 8;

/// So many spans of a history are judged for themselves: those of at least twice the patience.
const SPANS: usize = 5;

/// An entry is blocked only if an endpoint that fails by chance, as often as it does for others, would fail so often in a row for one
/// entry in a million.
const CHANCE: f64 = 1e-6;

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// By a page or a status that refuses it: 403, 406, 409, a 400 page. The sink has not stored it.
    Refusal,
    /// By a 5xx, a lost connection, or silence. The sink may have stored it.
    Outage,
}

impl FailureClass {
    /// The class of a failure that may be the request's; `None` of one that never is: a limit of requests, no connection, or a success
    /// of something between, which may have passed the request on.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        match (error.kind(), error.is_ambiguous()) {
            (ErrorKind::Intercepted, true) | (ErrorKind::Network, false) => None,
            (ErrorKind::Intercepted | ErrorKind::Forbidden, _)
            | (ErrorKind::UnexpectedResponse, false) => Some(Self::Refusal),
            (ErrorKind::UnexpectedResponse, true)
            | (ErrorKind::Unavailable | ErrorKind::TimedOut, _)
            | (ErrorKind::Network, true) => Some(Self::Outage),
            _ => None,
        }
    }

    /// How often the same request fails this way before it is halved, the last time by `kind`. Each repeat after a lost answer may be a
    /// copy in Coralogix. A time-out lasts long: what is in the request with the one entry at fault has waited for a minute after two.
    pub(crate) fn failures_before_split(self, kind: ErrorKind) -> u32 {
        match self {
            Self::Refusal => 2,
            Self::Outage if kind == ErrorKind::TimedOut => 2,
            Self::Outage => 4,
        }
    }
}

/// How long an entry fails alone before it is blocked, at least.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) refusal: Duration,
    pub(crate) outage: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            refusal: Duration::from_secs(300),
            outage: Duration::from_secs(1800),
        }
    }
}

impl Patience {
    /// The longest patience with an outage: what waits longer becomes too old before it is read.
    pub(crate) const MAX_OUTAGE: Duration = Duration::from_secs(6 * 3600);

    /// So that a run which gives up after a while blocks what is to be blocked before.
    #[must_use]
    pub(crate) fn within(self, give_up_after: Duration) -> Self {
        Self {
            refusal: self.refusal.min(give_up_after / 3),
            outage: self.outage.min(give_up_after / 3),
        }
    }

    fn of(self, class: FailureClass) -> Duration {
        match class {
            FailureClass::Refusal => self.refusal,
            FailureClass::Outage => self.outage,
        }
    }
}

fn min_failures(class: FailureClass) -> u32 {
    match class {
        FailureClass::Refusal => MIN_REFUSALS,
        FailureClass::Outage => MIN_OUTAGES,
    }
}

/// The failures of one suspect, in a row and of one class.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    pub(super) class: FailureClass,
    last: Instant,
    failures: u32,
    /// The last failures of which each followed evidence that was newer than the failure before.
    between: u32,
    /// The count of the evidence at the last failure.
    seen: u64,
    begin: Mark,
    /// The begins of the last spans, the latest first. A span lasts for half the patience.
    spans: [Mark; SPANS],
}

/// A point in a history.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    /// The failures before it.
    failures: u32,
    /// How others had fared.
    others: Tally,
}

impl History {
    /// The first failure that made an entry a suspect, at a count of the evidence.
    pub(super) fn new(class: FailureClass, seen: u64, others: Tally) -> Self {
        let begin = Mark {
            at: Instant::now(),
            failures: 0,
            others,
        };
        Self {
            class,
            last: begin.at,
            failures: 1,
            between: 0,
            seen,
            begin,
            spans: [begin; SPANS],
        }
    }

    /// One more failure.
    pub(super) fn failed(
        &mut self,
        class: FailureClass,
        patience: Patience,
        seen: u64,
        others: Tally,
    ) {
        if class != self.class {
            *self = Self::new(class, seen, others);
            return;
        }
        let now = Instant::now();
        if now - self.spans[0].at >= patience.of(class) / 2 {
            self.spans.rotate_right(1);
            self.spans[0] = Mark {
                at: now,
                failures: self.failures,
                others,
            };
        }
        self.failures += 1;
        self.last = now;
        self.between = match self.is_followed(seen) {
            true => self.between + 1,
            false => 0,
        };
        self.seen = seen;
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// One more attempt that tells nothing about the entry. The next one follows newer evidence too.
    pub(super) fn tried(&mut self, seen: u64) {
        self.seen = seen;
    }

    /// True if the next attempt is to be made on a fresh connection: the old one may be what fails. At least three of the failures of a
    /// blocked entry are.
    pub(super) fn wants_fresh_connection(&self) -> bool {
        self.class == FailureClass::Outage && self.failures % 2 == 1
    }

    /// How long the suspect rests before the next attempt: first shortly, since the fault may pass, then longer.
    pub(super) fn rest(&self, patience: Patience) -> Duration {
        let growing =
            Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(self.failures - 1));
        growing.min(patience.of(self.class) / min_failures(self.class))
    }

    /// When the suspect has rested after its last failure.
    pub(super) fn rests_until(&self, patience: Patience) -> Instant {
        later(self.last, self.rest(patience))
    }

    /// True if there is evidence that is newer than the last failure.
    pub(super) fn is_followed(&self, seen: u64) -> bool {
        seen > self.seen
    }

    /// True if the entry is at fault, as far as one can know: by all of its failures or, since an outage of the endpoint may have come
    /// and gone meanwhile, by those of the last spans.
    pub(super) fn is_blocked(&self, patience: Patience, seen: u64, others: Tally) -> bool {
        let is_beyond_chance = |mark: Mark| {
            let failures = self.failures - mark.failures;
            f64::from(failures) >= failures_beyond_chance(others.since(mark.others))
        };
        self.failures >= min_failures(self.class)
            && self.begin.at.elapsed() >= patience.of(self.class)
            && self.between >= BETWEEN
            && self.is_followed(seen)
            && [self.begin, self.spans[SPANS - 1]]
                .into_iter()
                .any(is_beyond_chance)
    }
}

/// The failures in a row that cannot be by chance where others fare so.
fn failures_beyond_chance(others: Tally) -> f64 {
    // Rather too high than too low where few others were sent.
    let share = (others.failed as f64 + 2.0) / ((others.failed + others.passed) as f64 + 3.0);
    CHANCE.ln() / share.min(0.999).ln()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Patience = Patience {
        refusal: Duration::from_secs(300),
        outage: Duration::from_secs(1800),
    };

    #[test]
    fn failure_class_follows_kind_and_ambiguity() {
        use ErrorKind::*;
        use FailureClass::*;
        for (kind, ambiguous, class) in [
            (Intercepted, false, Some(Refusal)),
            (Intercepted, true, None),
            (UnexpectedResponse, false, Some(Refusal)),
            (UnexpectedResponse, true, Some(Outage)),
            (Forbidden, false, Some(Refusal)),
            (Unavailable, true, Some(Outage)),
            (Unavailable, false, Some(Outage)),
            (Network, true, Some(Outage)),
            (Network, false, None),
            (TimedOut, true, Some(Outage)),
            (RateLimited, false, None),
            (Unauthorized, false, None),
            (TooLarge, false, None),
        ] {
            let error = Error::temporary(kind, "x").with_ambiguity(ambiguous);
            assert_eq!(FailureClass::of(&error), class, "{kind:?} {ambiguous}");
        }
    }

    /// Others were accepted so often, and none failed.
    fn passing(passed: u64) -> Tally {
        Tally { passed, failed: 0 }
    }

    #[test]
    fn failures_beyond_chance_grow_with_those_of_others() {
        for (passed, failed, least) in [
            (0, 0, 35),
            (10, 0, 8),
            (1_000, 0, 3),
            (90, 10, 7),
            (50, 50, 21),
            (30, 70, 39),
            (3, 97, 349),
            (0, 1_000_000, 13_809),
        ] {
            let found = failures_beyond_chance(Tally { passed, failed });
            assert_eq!(found.ceil() as u64, least, "{passed} {failed}");
        }
    }

    /// When a suspect that fails each `rest` is blocked, with evidence between the failures.
    async fn blocked_after(class: FailureClass) -> (u32, Duration) {
        let began = Instant::now();
        let mut history = History::new(class, 0, Tally::default());
        for count in 1.. {
            advance(history.rest(PATIENCE)).await;
            if history.is_blocked(PATIENCE, count, passing(count)) {
                return (history.failures, began.elapsed());
            }
            history.failed(class, PATIENCE, count, passing(count));
        }
        unreachable!()
    }

    #[tokio::test(start_paused = true)]
    async fn suspect_is_blocked_after_its_failures_and_its_time() {
        use FailureClass::*;
        for (class, failures, patience) in [(Refusal, 10, 300), (Outage, 15, 1800)] {
            let (failed, took) = blocked_after(class).await;
            assert_eq!(failed, failures, "{class:?}");
            let slack = Duration::from_secs(patience / 5);
            let patience = Duration::from_secs(patience);
            assert!(took >= patience && took < patience + slack, "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn suspect_without_evidence_between_its_failures_is_not_blocked() {
        let mut history = History::new(FailureClass::Refusal, 0, Tally::default());
        for failure in 1..100 {
            advance(Duration::from_secs(60)).await;
            // Each fifth failure has no acceptance before it.
            history.failed(
                FailureClass::Refusal,
                PATIENCE,
                failure - failure / 5,
                passing(failure),
            );
            assert!(
                !history.is_blocked(PATIENCE, 1_000, passing(1_000)),
                "{failure}"
            );
        }
        for failure in 100..105 {
            history.failed(FailureClass::Refusal, PATIENCE, failure, passing(failure));
        }
        assert!(
            !history.is_blocked(PATIENCE, 104, passing(104)),
            "none after the last"
        );
        assert!(history.is_blocked(PATIENCE, 105, passing(105)));
        history.failed(FailureClass::Outage, PATIENCE, 106, passing(106));
        assert!(
            !history.is_blocked(PATIENCE, 1_000, passing(1_000)),
            "it fails otherwise now"
        );
    }

    /// While the endpoint fails, failures tell nothing; once it works again, the suspect is blocked as if nothing had been.
    #[tokio::test(start_paused = true)]
    async fn outage_in_between_delays_a_block_by_three_times_the_patience_at_most() {
        for (class, patience) in [(FailureClass::Refusal, 300), (FailureClass::Outage, 1800)] {
            for minutes in [5, 10, 100, 1000] {
                let patience = Duration::from_secs(patience);
                let (began, outage) = (Instant::now(), Duration::from_secs(60 * minutes));
                let mut others = Tally::default();
                let mut history = History::new(class, 0, others);
                for count in 1.. {
                    advance(history.rest(PATIENCE)).await;
                    others.passed += 1;
                    if history.is_blocked(PATIENCE, count, others) {
                        break;
                    }
                    if began.elapsed() < outage {
                        others.failed += 100;
                    }
                    history.failed(class, PATIENCE, count, others);
                }
                let took = began.elapsed();
                assert!(took > outage && took <= outage + 3 * patience, "{took:?}");
            }
        }
    }
}
