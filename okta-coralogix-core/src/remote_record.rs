//! What a remote has answered so far in a run, which decides whether a fault is waited for or believed.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::later;
use crate::{Error, ErrorKind, RetryHint};

/// How long faults are waited for that may pass by themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultTimeouts {
    /// How long something between may answer in the place of a remote that has accepted nothing yet.
    pub(crate) interception: Duration,
    /// The wait after which a refused credential is tried once more; zero: it is not.
    pub(crate) refusal: Duration,
}

impl Default for FaultTimeouts {
    fn default() -> Self {
        Self {
            interception: Duration::from_secs(300),
            refusal: Duration::from_secs(60),
        }
    }
}

/// What one remote has answered so far. States, each of which an acceptance ends:
/// * *unproven* or *proven*: whether it has accepted anything. The address of a proven remote is right, whatever answers at it later;
/// * *intercepted*: something between answers in its place, since a time. Believed of an unproven remote after a while;
/// * *refused*: it refused the credential, at a time. Tried once more after a wait, then believed.
#[derive(Debug, Default)]
pub(crate) struct RemoteRecord {
    /// When it has last accepted anything.
    accepted_at: Option<Instant>,
    intercepted_since: Option<Instant>,
    /// Since when requests are answered by a success of something between, which a passed check does not end: checks may be let through.
    odd_since: Option<Instant>,
    refused_at: Option<Instant>,
}

impl RemoteRecord {
    /// The remote did what it was asked for.
    pub(crate) fn accepted(&mut self) {
        *self = Self {
            accepted_at: Some(Instant::now()),
            ..Self::default()
        };
    }

    /// The remote passed a check: whatever is answered in its place, its address is right.
    pub(crate) fn checked(&mut self) {
        self.intercepted_since = None;
        self.refused_at = None;
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.accepted_at.is_some()
    }

    /// No request before this: the credential was refused, and is tried once more then.
    pub(crate) fn rests_until(&self, timeouts: FaultTimeouts) -> Option<Instant> {
        let until = later(self.refused_at?, timeouts.refusal);
        (until > Instant::now()).then_some(until)
    }

    /// A refused credential is tried at once; if it is refused again, once more after another wait.
    pub(crate) fn end_rest(&mut self) {
        self.refused_at = None;
    }

    /// The error, answered at a time, as it is to be acted on: permanent if it is believed, else with the wait before the next attempt.
    pub(crate) fn judge(
        &mut self,
        error: Error,
        answered_at: Instant,
        timeouts: FaultTimeouts,
    ) -> Error {
        match error.kind() {
            ErrorKind::Intercepted if !self.is_proven() => {
                let since = match error.is_ambiguous() {
                    true => &mut self.odd_since,
                    false => &mut self.intercepted_since,
                };
                since.get_or_insert_with(Instant::now);
                let since = [self.odd_since, self.intercepted_since];
                let since = since.into_iter().flatten().min();
                match since.is_some_and(|since| since.elapsed() >= timeouts.interception) {
                    true => believed(&error, timeouts.interception),
                    false => error,
                }
            }
            ErrorKind::WrongEndpoint if self.is_proven() && !error.is_temporary() => {
                error.with_retry(RetryHint::Backoff)
            }
            // What was accepted between the answer and its judgement has ended this refusal too.
            _ if error.is_refused_credential() && self.accepted_at > Some(answered_at) => {
                error.with_retry(RetryHint::Backoff)
            }
            _ if error.is_refused_credential() => {
                let refused_at = *self.refused_at.get_or_insert_with(Instant::now);
                // Of several requests at a time each may be refused before the wait begins.
                match timeouts.refusal.saturating_sub(refused_at.elapsed()) {
                    Duration::ZERO => error,
                    wait => error.with_retry(RetryHint::After(wait)),
                }
            }
            _ => error,
        }
    }
}

fn believed(error: &Error, timeout: Duration) -> Error {
    let detail = format!(
        "nothing was accepted in the first {} s, and so it is believed: {}",
        timeout.as_secs(),
        error.detail()
    );
    Error::new(ErrorKind::WrongEndpoint, detail)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TIMEOUTS: FaultTimeouts = FaultTimeouts {
        interception: Duration::from_secs(300),
        refusal: Duration::from_secs(60),
    };

    fn judge(record: &mut RemoteRecord, error: Error) -> (ErrorKind, RetryHint) {
        let error = record.judge(error, Instant::now(), TIMEOUTS);
        (error.kind(), error.retry())
    }

    fn intercepted() -> Error {
        Error::temporary(ErrorKind::Intercepted, "a page")
    }

    #[tokio::test(start_paused = true)]
    async fn interception_is_believed_after_five_minutes_without_acceptance() {
        let mut record = RemoteRecord::default();
        let waits = (ErrorKind::Intercepted, RetryHint::Backoff);
        assert_eq!(judge(&mut record, intercepted()), waits);
        advance(Duration::from_secs(299)).await;
        assert_eq!(judge(&mut record, intercepted()), waits);
        advance(Duration::from_secs(1)).await;
        let ends = (ErrorKind::WrongEndpoint, RetryHint::Never);
        assert_eq!(judge(&mut record, intercepted()), ends);

        let mut record = RemoteRecord::default();
        assert_eq!(judge(&mut record, intercepted()), waits);
        advance(Duration::from_secs(300)).await;
        record.checked();
        assert_eq!(
            judge(&mut record, intercepted()),
            waits,
            "it passed a check"
        );

        let mut record = RemoteRecord::default();
        let odd = || intercepted().with_ambiguity(true);
        assert_eq!(judge(&mut record, odd()), waits);
        advance(Duration::from_secs(300)).await;
        record.checked();
        assert_eq!(
            judge(&mut record, intercepted()),
            ends,
            "a page after an odd success"
        );
        assert_eq!(judge(&mut record, odd()), ends, "checks may be let through");

        record.accepted();
        assert_eq!(judge(&mut record, intercepted()), waits);
        advance(Duration::from_secs(86_400)).await;
        assert_eq!(judge(&mut record, intercepted()), waits);
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_endpoint_is_waited_for_once_it_has_accepted() {
        let mut record = RemoteRecord::default();
        let wrong = || Error::new(ErrorKind::WrongEndpoint, "404");
        assert_eq!(judge(&mut record, wrong()).1, RetryHint::Never);
        record.accepted();
        assert_eq!(judge(&mut record, wrong()).1, RetryHint::Backoff);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credential_is_tried_once_more_after_its_wait() {
        let mut record = RemoteRecord::default();
        for kind in [ErrorKind::Unauthorized, ErrorKind::Forbidden] {
            let after = |seconds| (kind, RetryHint::After(Duration::from_secs(seconds)));
            let refusal = || Error::new(kind, "no");
            assert_eq!(judge(&mut record, refusal()), after(60));
            advance(Duration::from_secs(20)).await;
            assert_eq!(judge(&mut record, refusal()), after(40), "sent before");
            let rest = record.rests_until(TIMEOUTS).unwrap() - Instant::now();
            assert_eq!(rest, Duration::from_secs(40));
            advance(rest).await;
            assert_eq!(record.rests_until(TIMEOUTS), None);
            assert_eq!(judge(&mut record, refusal()).1, RetryHint::Never);
            record.accepted();
        }
        let at_once = FaultTimeouts {
            refusal: Duration::ZERO,
            ..TIMEOUTS
        };
        let refusal = Error::new(ErrorKind::Forbidden, "no");
        let error = record.judge(refusal, Instant::now(), at_once);
        assert!(!error.is_temporary());
    }

    #[tokio::test(start_paused = true)]
    async fn refusal_that_is_older_than_the_last_acceptance_starts_no_rest() {
        for kind in [ErrorKind::Unauthorized, ErrorKind::Forbidden] {
            let mut record = RemoteRecord::default();
            let refusal = || Error::new(kind, "no");
            let answered_at = Instant::now();
            advance(Duration::from_secs(10)).await;
            record.accepted();
            let error = record.judge(refusal(), answered_at, TIMEOUTS);
            assert_eq!(error.retry(), RetryHint::Backoff);
            assert_eq!(record.rests_until(TIMEOUTS), None);

            advance(Duration::from_secs(60)).await;
            let first = RetryHint::After(Duration::from_secs(60));
            assert_eq!(judge(&mut record, refusal()).1, first);
        }
    }
}
