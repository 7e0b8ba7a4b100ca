//! The attempts of one event.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, RANGE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Uri};
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use okta_coralogix_core::transport::Transport;
use tokio::time::{Instant, sleep, sleep_until};

use super::response::{AttemptOutcome, classify};
use super::{ApiDestinationBuilder, Authorization, Exhausted, Invoked, Report, Undelivered};

/// The headers that every request has.
const FIXED: [(HeaderName, &str); 5] = [
    (USER_AGENT, "Amazon/EventBridge/ApiDestinations"),
    (CONTENT_TYPE, "application/json; charset=utf-8"),
    (RANGE, "bytes=0-1048575"),
    (ACCEPT_ENCODING, "gzip,deflate"),
    (CONNECTION, "close"),
];

/// The bounds of the wait before an attempt: it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(300);

/// An API destination, with the connection and the retry policy of its rule. Clones are the same one.
#[derive(Debug, Clone)]
pub struct ApiDestination(Arc<Destination>);

#[derive(Debug)]
pub(super) struct Destination {
    pub(super) endpoint: Uri,
    pub(super) authorization: Option<Authorization>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) attempts: u32,
    pub(super) age: Duration,
    pub(super) timeout: Duration,
    pub(super) rate: u32,
    pub(super) compress: f64,
    pub(super) seed: u64,
    pub(super) transport: Arc<dyn Transport>,
}

impl ApiDestination {
    /// A builder with AWS's defaults; `endpoint` is an `http` URL.
    pub fn builder(endpoint: Uri) -> ApiDestinationBuilder {
        ApiDestinationBuilder::new(endpoint)
    }

    pub(super) fn assemble(destination: Destination) -> Self {
        Self(Arc::new(destination))
    }

    /// Sends one event, and retries it as EventBridge does.
    ///
    /// # Errors
    /// [`Undelivered`], the record for the dead-letter queue, if it was refused permanently or too often.
    pub async fn invoke(&self, event: Bytes) -> Result<Invoked, Undelivered> {
        self.0.invoke(event, self.0.seed).await
    }

    /// Sends events concurrently, started at the rate of the destination, and reports the result of each.
    pub async fn invoke_all(&self, events: impl IntoIterator<Item = Bytes>) -> Report {
        let start = Instant::now();
        let distance = self.0.compressed(Duration::from_secs(1) / self.0.rate);
        let mut running: FuturesUnordered<_> = events
            .into_iter()
            .zip(0_u32..)
            .map(|(event, n)| async move {
                sleep_until(start + distance * n).await;
                let seed = self.0.seed.wrapping_add(u64::from(n));
                self.0.invoke(event, seed).await
            })
            .collect();
        let mut report = Report::default();
        while let Some(ended) = running.next().await {
            match ended {
                Ok(invoked) => report.invoked.push(invoked),
                Err(undelivered) => report.undelivered.push(undelivered),
            }
        }
        report
    }
}

impl Destination {
    async fn invoke(&self, event: Bytes, seed: u64) -> Result<Invoked, Undelivered> {
        let ends = Instant::now() + self.compressed(self.age);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut attempt = 0;
        loop {
            let asked = Instant::now();
            let (fault, exhausted) = match self.call(event.clone()).await {
                AttemptOutcome::Accepted => {
                    return Ok(Invoked {
                        retry_attempts: attempt,
                        answered_in: asked.elapsed(),
                    });
                }
                AttemptOutcome::Failed(fault) => (fault, None),
                AttemptOutcome::Retry(fault, at_least) => {
                    let wait = self.wait(attempt, at_least, &mut rng);
                    if attempt == self.attempts {
                        (fault, Some(Exhausted::Attempts))
                    } else if Instant::now() + wait > ends {
                        (fault, Some(Exhausted::Age))
                    } else {
                        attempt += 1;
                        sleep(wait).await;
                        continue;
                    }
                }
            };
            return Err(Undelivered {
                event,
                error_code: fault.code,
                error_message: fault.message,
                exhausted,
                retry_attempts: attempt,
            });
        }
    }

    async fn call(&self, event: Bytes) -> AttemptOutcome {
        let mut request = Request::post(self.endpoint.clone());
        for (name, value) in FIXED {
            request = request.header(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = &self.authorization {
            let (name, value) = authorization.header();
            request = request.header(name, value);
        }
        let request = request.body(event).expect("all parts are parsed");
        let limits = ExchangeLimits::new(self.timeout, 1 << 20);
        classify(exchange(&*self.transport, request, limits).await)
    }

    fn wait(&self, attempt: u32, at_least: Duration, rng: &mut fastrand::Rng) -> Duration {
        let bound = FIRST_WAIT
            .saturating_mul(2_u32.saturating_pow(attempt))
            .min(MAX_WAIT);
        let wait = bound.mul_f64(0.5 + rng.f64() / 2.0);
        self.compressed(wait.max(at_least))
    }

    fn compressed(&self, time: Duration) -> Duration {
        time.div_f64(self.compress)
    }
}
