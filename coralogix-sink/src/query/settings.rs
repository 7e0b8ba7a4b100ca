//! The checked settings of a client.

use std::time::Duration;

use okta_coralogix_core::backoff::BackoffPolicy;
use okta_coralogix_core::transport::ExchangeLimits;

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
