//! What a replay asks before it sends, until it is answered.

use std::time::Duration;

use okta_coralogix_core::internal::Backoff;
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep};

use crate::pull::config::reason_of;

/// Makes attempts until one succeeds or fails for good, for `give_up_after` at most. Each new reason is said once.
///
/// # Errors
/// That of the attempt, or `GaveUp` with the last one.
pub(super) async fn retry<T>(
    give_up_after: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let began = Instant::now();
    let mut backoff = Backoff::new(BackoffPolicy::default(), fastrand::u64(..));
    let mut said = None;
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(wait) = backoff.next(error.retry()) else {
            return Err(error);
        };
        if began.elapsed() + wait >= give_up_after {
            let detail = format!(
                "gave up: the dead letters could not be read for {}; the last fault: {}",
                seconds(began.elapsed()),
                with_causes(&error)
            );
            return Err(Error::new(ErrorKind::GaveUp, detail));
        }
        let reason = reason_of(&error);
        if said.replace(reason.clone()) != Some(reason) {
            tracing::warn!(error = %with_causes(&error), "the dead letters cannot be read yet, and nothing is sent; it is tried again");
        }
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn away() -> Error {
        Error::temporary(ErrorKind::RemoteStorage, "the store is away")
    }

    #[tokio::test(start_paused = true)]
    async fn temporary_errors_of_the_store_are_retried_and_others_are_not() {
        let mut attempts = 0;
        let done = retry(MINUTE, async || {
            attempts += 1;
            if attempts < 4 { Err(away()) } else { Ok(7) }
        });
        assert_eq!(done.await.unwrap(), 7);
        assert_eq!(attempts, 4);
        let mut attempts = 0;
        let refused = retry(MINUTE, async || {
            attempts += 1;
            Err::<(), _>(Error::new(ErrorKind::Locked, "another replay is running"))
        });
        assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::Locked);
        assert_eq!(attempts, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn store_that_stays_away_is_given_up() {
        let began = Instant::now();
        let given_up = retry(MINUTE, async || Err::<(), _>(away())).await;
        let error = given_up.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GaveUp);
        let text = error.to_string();
        assert!(text.contains("the store is away"), "{text}");
        assert!(began.elapsed() < MINUTE && began.elapsed() > MINUTE / 4);
    }
}
