//! Waits between attempts: exponential backoff, jitter, and the hints of the remote.

use std::time::Duration;

use tokio::time::Instant;

use crate::RetryHint;

/// Exponential backoff with full jitter: the n-th wait is drawn evenly from zero to `first · 2ⁿ`, at most `cap`.
///
/// A wait that the remote asks for is honoured up to `hint_cap`, and never makes a wait shorter than the backoff's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffPolicy {
    first: Duration,
    cap: Duration,
    hint_cap: Duration,
}

impl BackoffPolicy {
    /// The upper bound of the first wait.
    #[must_use]
    pub fn with_first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// The upper bound of every wait.
    #[must_use]
    pub fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The longest wait that the remote may ask for.
    #[must_use]
    pub fn with_hint_cap(mut self, cap: Duration) -> Self {
        self.hint_cap = cap;
        self
    }
}

impl Default for BackoffPolicy {
    /// From 200 ms to 30 s; hints up to 2 minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            cap: Duration::from_secs(30),
            hint_cap: Duration::from_secs(120),
        }
    }
}

/// The state of one series of attempts.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: BackoffPolicy,
    failures: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    /// A series that starts now. The same seed gives the same waits.
    #[must_use]
    pub fn new(policy: BackoffPolicy, seed: u64) -> Self {
        Self {
            policy,
            failures: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The wait after one more failure; `None` if waiting cannot help.
    pub fn next(&mut self, hint: RetryHint) -> Option<Duration> {
        if hint == RetryHint::Never {
            return None;
        }
        let policy = &self.policy;
        let factor = 2_u32.saturating_pow(self.failures);
        let bound = policy.first.saturating_mul(factor).min(policy.cap);
        let jitter = self.rng.f64();
        let own = bound.mul_f64(jitter);
        let wait = match hint {
            // A remote that asks to come back at once, again and again, does not get a storm of requests. Jitter on top, so
            // that clients do not all return in the same millisecond.
            RetryHint::After(wait) => wait
                .min(policy.hint_cap)
                .saturating_add(policy.first.mul_f64(jitter))
                .max(own),
            _ => own,
        };
        self.failures = self.failures.saturating_add(1);
        Some(wait)
    }

    /// An attempt succeeded.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The longest wait, instead of one that cannot be added to a time.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// `wait` after `start`; a wait that is too long to be added is as good as none that ends.
pub(crate) fn later(start: Instant, wait: Duration) -> Instant {
    start + wait.min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_hints_are_capped() {
        let policy = BackoffPolicy::default();
        let mut backoff = Backoff::new(policy, 7);
        let waits: Vec<_> = (0..50)
            .map(|_| backoff.next(RetryHint::Backoff).unwrap())
            .collect();
        for (n, wait) in waits.iter().enumerate() {
            let bound = policy.first.saturating_mul(1 << n.min(20)).min(policy.cap);
            assert!(*wait <= bound, "{n}: {wait:?}");
        }
        assert!(
            waits.iter().any(|wait| *wait > policy.cap / 2),
            "jitter covers the range"
        );
        let hint = backoff
            .next(RetryHint::After(Duration::from_secs(3600)))
            .unwrap();
        assert!(hint >= policy.hint_cap && hint <= policy.hint_cap + policy.first);
        assert_eq!(backoff.next(RetryHint::Never), None);
        let mut hinted = backoff.clone();
        let at_once = hinted.next(RetryHint::After(Duration::ZERO)).unwrap();
        let own = backoff.next(RetryHint::Backoff).unwrap();
        assert!(at_once >= own, "{at_once:?}, {own:?}");
    }
}
