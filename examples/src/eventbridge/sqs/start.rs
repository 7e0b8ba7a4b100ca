//! What is asked before the first receive, until it is answered.

use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::internal::Backoff;
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep, timeout};

use crate::program::FaultTimeouts;

/// Makes attempts until one succeeds or fails for good; with `once` for at most that long.
pub(super) async fn persist<T, F>(
    what: &str,
    once: Option<Duration>,
    mut attempt: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut last_fault = "there is no answer".to_owned();
    let attempts = async {
        let mut backoff = Backoff::new(BackoffPolicy::default(), u64::from(std::process::id()));
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let Some(wait) = backoff.next(error.retry()) else {
                return Err(error);
            };
            last_fault = with_causes(&error);
            let retry_in = seconds(wait);
            tracing::warn!(error = %last_fault, %retry_in, "waiting for {what}; nothing is received yet");
            sleep(wait).await;
        }
    };
    let Some(time) = once else {
        return attempts.await;
    };
    timeout(time, attempts).await.unwrap_or_else(|_| {
        let detail = format!(
            "gave up: waited for {what} for {}; the last fault: {last_fault}",
            seconds(time)
        );
        Err(Error::new(ErrorKind::GaveUp, detail))
    })
}

/// Waits until Coralogix accepts the key. A proxy or web page that answers in its place is believed after the interception timeout.
pub(super) async fn check_coralogix(
    sink: &CoralogixSink,
    faults: FaultTimeouts,
    once: Option<Duration>,
) -> Result<()> {
    let began = Instant::now();
    let check = || async {
        match sink.check().await {
            Err(error)
                if error.kind() == ErrorKind::Intercepted && faults.believes(began.elapsed()) =>
            {
                Err(Error::new(ErrorKind::WrongEndpoint, error.to_string()))
            }
            checked => checked,
        }
    };
    persist("Coralogix", once, check).await
}
