//! The settings of an API destination.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use okta_coralogix_core::transport::Transport;

use super::Authorization;
use super::destination::{ApiDestination, Destination};
use super::socket::NewConnections;

/// Builds an [`ApiDestination`].
#[derive(Debug)]
#[must_use]
pub struct ApiDestinationBuilder(Destination);

impl ApiDestinationBuilder {
    pub(super) fn new(endpoint: Uri) -> Self {
        Self(Destination {
            endpoint,
            authorization: None,
            headers: Vec::new(),
            attempts: 185,
            age: Duration::from_secs(24 * 3600),
            timeout: Duration::from_secs(5),
            rate: 300,
            compress: 1.0,
            seed: 0,
            transport: Arc::new(NewConnections),
        })
    }

    /// The credential that the connection adds to each request. Default: none.
    pub fn authorization(mut self, authorization: Authorization) -> Self {
        self.0.authorization = Some(authorization);
        self
    }

    /// One more header of each request, as the connection or the rule adds it.
    ///
    /// # Panics
    /// If the name or value is not valid in a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("the name of a header");
        let value: HeaderValue = value.parse().expect("the value of a header");
        self.0.headers.push((name, value));
        self
    }

    /// How often an event is sent again (`MaximumRetryAttempts`). Default: 185.
    pub fn max_retry_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// How long an event is retried (`MaximumEventAgeInSeconds`). Default: 24 hours.
    pub fn max_event_age(mut self, age: Duration) -> Self {
        self.0.age = age;
        self
    }

    /// Requests per second (`InvocationRateLimitPerSecond`) of [`invoke_all`](ApiDestination::invoke_all). Default: 300, AWS's quota.
    pub fn rate(mut self, per_second: u32) -> Self {
        self.0.rate = per_second.max(1);
        self
    }

    /// Divides the waits between attempts, the age and the distances of [`invoke_all`](ApiDestination::invoke_all), but not the 5 s
    /// for a response. Default: 1.
    pub fn compress(mut self, by: f64) -> Self {
        self.0.compress = by.max(f64::MIN_POSITIVE);
        self
    }

    /// The seed of the jitter. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// The transport of the requests. Default: a new TCP connection for each.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.0.transport = Arc::new(transport);
        self
    }

    /// The destination.
    #[must_use]
    pub fn build(self) -> ApiDestination {
        ApiDestination::assemble(self.0)
    }
}
