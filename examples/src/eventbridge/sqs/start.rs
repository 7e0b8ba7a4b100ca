//! What is asked before the first receive.

use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, timeout};

use crate::program::{Awaited, FaultTimeouts};

/// Makes attempts until one succeeds or fails for good; with `once` for at most that long, also if the last one does not end.
pub(super) async fn persist<T>(
    what: &'static str,
    once: Option<Duration>,
    attempt: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let awaited = Awaited {
        what,
        meanwhile: "nothing is received yet",
    };
    let attempts = awaited.persist(once, attempt);
    let Some(time) = once else {
        return attempts.await;
    };
    timeout(time, attempts)
        .await
        .unwrap_or_else(|_| Err(awaited.gave_up(time, "there is no answer")))
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
