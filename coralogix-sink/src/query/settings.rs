//! The checked settings of a client.

use std::time::Duration;

use okta_coralogix_core::internal::exchange::ExchangeLimits;
use okta_coralogix_core::pipeline::BackoffPolicy;

use super::dataprime::UuidPath;

/// The checked settings of a client.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) uuid_path: UuidPath,
    pub(super) max_rows: u32,
    pub(super) limits: ExchangeLimits,
    pub(super) backoff: BackoffPolicy,
    /// Temporary errors are retried for this long.
    pub(super) give_up_after: Duration,
    /// The seed of the jitter.
    pub(super) seed: u64,
}
