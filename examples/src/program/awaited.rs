//! What a program asks before it begins, until it is answered.

use std::time::Duration;

use okta_coralogix_core::internal::Backoff;
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep};

/// What is waited for, and what does not happen meanwhile: for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaited {
    pub(crate) what: &'static str,
    pub(crate) meanwhile: &'static str,
}

impl Awaited {
    /// Makes attempts until one succeeds or fails for good. With a limit none begins after it; one that has begun is not dropped.
    ///
    /// # Errors
    /// That of the attempt, or `GaveUp` with the last one.
    pub(crate) async fn persist<T>(
        self,
        limit: Option<Duration>,
        mut attempt: impl AsyncFnMut() -> Result<T>,
    ) -> Result<T> {
        let Self { what, meanwhile } = self;
        let began = Instant::now();
        let mut backoff = Backoff::new(BackoffPolicy::default(), u64::from(std::process::id()));
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let Some(wait) = backoff.next(error.retry()) else {
                return Err(error);
            };
            let fault = with_causes(&error);
            if limit.is_some_and(|limit| began.elapsed() + wait >= limit) {
                return Err(self.gave_up(began.elapsed(), &fault));
            }
            let retry_in = seconds(wait);
            tracing::warn!(error = %fault, %retry_in, "waiting for {what}; {meanwhile}");
            sleep(wait).await;
        }
    }

    pub(crate) fn gave_up(self, after: Duration, last_fault: &str) -> Error {
        let detail = format!(
            "gave up: waited for {} for {}; the last fault: {last_fault}",
            self.what,
            seconds(after)
        );
        Error::new(ErrorKind::GaveUp, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    const STORE: Awaited = Awaited {
        what: "the store",
        meanwhile: "nothing is sent yet",
    };

    fn away() -> Error {
        Error::temporary(ErrorKind::RemoteStorage, "the store is away")
    }

    #[tokio::test(start_paused = true)]
    async fn temporary_errors_of_the_store_are_retried_and_others_are_not() {
        let mut attempts = 0;
        let done = STORE.persist(Some(MINUTE), async || {
            attempts += 1;
            if attempts < 4 { Err(away()) } else { Ok(7) }
        });
        assert_eq!(done.await.unwrap(), 7);
        assert_eq!(attempts, 4);
        let mut attempts = 0;
        let refused = STORE.persist(Some(MINUTE), async || {
            attempts += 1;
            Err::<(), _>(Error::new(ErrorKind::Locked, "another replay is running"))
        });
        assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::Locked);
        assert_eq!(attempts, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn store_that_stays_away_is_given_up() {
        let began = Instant::now();
        let given_up = STORE
            .persist(Some(MINUTE), async || Err::<(), _>(away()))
            .await;
        let error = given_up.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GaveUp);
        let text = error.to_string();
        assert!(text.contains("the store is away"), "{text}");
        assert!(began.elapsed() < MINUTE && began.elapsed() > MINUTE / 4);
    }
}
