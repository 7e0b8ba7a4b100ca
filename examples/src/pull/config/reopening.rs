//! When an org that is down is opened again.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use okta_coralogix_core::ErrorKind;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How often an org is tried within any 24 hours while it is refused.
const REFUSALS_A_DAY: usize = 24;

/// The share that jitter adds at most, so that the orgs of one secret do not come back in the same second.
const JITTER: f64 = 0.2;

/// Why an org is down, as far as the wait depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Okta or Coralogix does not accept what it is sent, or something else answers for them: a person has to act, and each attempt
    /// may stand in the customer's own log.
    Refusal,
    /// The checkpoint cannot be read. A person has to restore it or to move it away: an org is never started anew by itself.
    CorruptCheckpoint,
    /// This machine lacks something: a secret's file, a folder, descriptors, the lock, the object store. To look again costs nobody anything.
    LocalFault,
}

impl Cause {
    /// Of an org that ended with an error of this kind.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Corrupt => Self::CorruptCheckpoint,
            ErrorKind::Config
            | ErrorKind::Storage
            | ErrorKind::RemoteStorage
            | ErrorKind::Locked
            | ErrorKind::Conflict => Self::LocalFault,
            _ => Self::Refusal,
        }
    }
}

/// The wait after an error of this kind that follows `failures` others of its cause. `jitter` is from 0 to 1.
pub(super) fn wait_after(kind: ErrorKind, failures: u32, jitter: f64) -> Duration {
    let doubled = |first: Duration, most: Duration| {
        let wait = first.saturating_mul(2_u32.saturating_pow(failures));
        wait.min(most).mul_f64(1.0 + JITTER * jitter)
    };
    match Cause::of(kind) {
        Cause::Refusal => doubled(5 * MINUTE, 60 * MINUTE),
        Cause::CorruptCheckpoint => 60 * MINUTE,
        // A minute at most, with the jitter.
        Cause::LocalFault => doubled(Duration::from_secs(1), Duration::from_secs(50)),
    }
}

/// The attempts of one org.
#[derive(Debug)]
pub(crate) struct Reopening {
    refusals: u32,
    local_faults: u32,
    /// When the org was refused, within a day: the last ones.
    refused: VecDeque<Instant>,
    jitter: fastrand::Rng,
}

impl Reopening {
    /// Of an org with this name, which determines the jitter.
    pub(crate) fn new(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self {
            refusals: 0,
            local_faults: 0,
            refused: VecDeque::with_capacity(REFUSALS_A_DAY),
            jitter: fastrand::Rng::with_seed(hasher.finish()),
        }
    }

    /// The org has just ended with an error of this kind: the wait until it is opened again.
    pub(crate) fn wait_after(&mut self, kind: ErrorKind) -> Duration {
        let cause = Cause::of(kind);
        let failures = match cause {
            Cause::Refusal => &mut self.refusals,
            Cause::LocalFault => &mut self.local_faults,
            Cause::CorruptCheckpoint => &mut 0,
        };
        let wait = wait_after(kind, *failures, self.jitter.f64());
        *failures = failures.saturating_add(1);
        match cause {
            Cause::Refusal => wait.max(self.refused_again(Instant::now())),
            _ => wait,
        }
    }

    /// Notes a refusal. Returns the wait that keeps them to [`REFUSALS_A_DAY`].
    fn refused_again(&mut self, now: Instant) -> Duration {
        if self.refused.len() == REFUSALS_A_DAY {
            self.refused.pop_front();
        }
        self.refused.push_back(now);
        match self.refused.front() {
            Some(first) if self.refused.len() == REFUSALS_A_DAY => {
                (*first + DAY).saturating_duration_since(now)
            }
            _ => Duration::ZERO,
        }
    }

    /// True if the org has to show that this machine is in order again.
    pub(super) fn follows_local_fault(&self) -> bool {
        self.local_faults > 0
    }

    /// The org has worked, or has another secret: a later error begins anew.
    pub(crate) fn reset(&mut self) {
        self.refusals = 0;
        self.local_faults = 0;
        self.refused.clear();
    }
}

/// A duration as a person writes it, in whole seconds.
pub(super) fn in_seconds(time: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(time.as_secs_f64().ceil() as u64))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[test]
    fn wait_is_decided_by_the_kind_of_the_error() {
        use ErrorKind::*;
        let refusals = [5, 10, 20, 40, 60, 60, 60].map(|minutes| minutes * 60);
        let local = [1, 2, 4, 8, 16, 32, 50, 50];
        let hourly = [3600, 3600, 3600];
        for (kind, waits) in [
            (Unauthorized, &refusals[..]),
            (Forbidden, &refusals),
            (WrongEndpoint, &refusals),
            (HostileLink, &refusals),
            (Rejected, &refusals),
            (UnexpectedResponse, &refusals),
            (Intercepted, &refusals),
            (Corrupt, &hourly),
            (Config, &local),
            (Storage, &local),
            (RemoteStorage, &local),
            (Locked, &local),
            (Conflict, &local),
        ] {
            for (failures, seconds) in (0..).zip(waits) {
                let wait = Duration::from_secs(*seconds);
                let most = match kind {
                    Corrupt => wait,
                    _ => wait.mul_f64(1.2),
                };
                assert_eq!(wait_after(kind, failures, 0.0), wait, "{kind:?} {failures}");
                assert_eq!(wait_after(kind, failures, 1.0), most, "{kind:?} {failures}");
            }
            let long = wait_after(kind, u32::MAX, 1.0);
            assert!(long <= 72 * MINUTE, "{kind:?} {long:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_stay_within_24_in_any_day() {
        for name in ["acme", "other", "third"] {
            let mut reopening = Reopening::new(name);
            let mut refused = Vec::new();
            while refused.len() < 200 {
                refused.push(Instant::now());
                advance(reopening.wait_after(ErrorKind::Unauthorized)).await;
            }
            for (n, first) in refused.iter().enumerate() {
                let day = refused[n..].iter().take_while(|at| **at - *first < DAY);
                assert!(day.count() <= REFUSALS_A_DAY, "{name}, from attempt {n}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_begin_anew_after_the_org_has_worked() {
        let mut reopening = Reopening::new("acme");
        for _ in 0..40 {
            advance(reopening.wait_after(ErrorKind::Forbidden)).await;
            reopening.wait_after(ErrorKind::Storage);
        }
        reopening.reset();
        for kind in [ErrorKind::Forbidden, ErrorKind::Storage] {
            let wait = reopening.wait_after(kind);
            let first = wait_after(kind, 0, 0.0);
            assert!((first..=first.mul_f64(1.2)).contains(&wait), "{wait:?}");
        }
    }
}
