//! The settings of a query client.

use std::fmt;
use std::time::Duration;

use okta_coralogix_core::internal::exchange::ExchangeLimits;
use okta_coralogix_core::{Error, Secret};
use serde::Deserialize;

use super::tier::Tier;

/// Queries a minute. Coralogix documents 30, for the team's people and programs together.
///
/// Source: Coralogix, "Limitations" of DataPrime (2026).
pub const DEFAULT_QUERIES_PER_MINUTE: u32 = 20;

/// Bytes of an answer: three times what 50,000 rows of a uuid and a count take.
pub const DEFAULT_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// How long Coralogix may take for an answer. The archive is read file by file.
pub const DEFAULT_QUERY_TIMEOUT: Duration = Duration::from_secs(300);

const QUERIES_PER_MINUTE: std::ops::RangeInclusive<u32> = 1..=300;
const RESPONSE_BYTES: std::ops::RangeInclusive<usize> = 64 * 1024..=256 * 1024 * 1024;
const TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 1..=1800;

/// The settings of a [`QueryClient`](super::QueryClient), as a configuration file may contain them.
///
/// `query_key` and one of `domain` and `query_endpoint` are required; everything else has a default.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QueryConfig {
    /// A region code (`EU2`) or a domain (`eu2.coralogix.com`): that of the sink.
    pub domain: Option<String>,
    /// A base URL (`https://api.eu2.coralogix.com`; `http` on loopback only), in place of the one that follows from the domain.
    pub query_endpoint: Option<String>,
    /// An API key with the preset DataQuerying. A Send-Your-Data key cannot query.
    pub query_key: Option<Secret>,
    /// `archive` or `frequent-search`. Default: `archive`.
    pub tier: Tier,
    /// Where the `uuid` is in a stored log. Default: `$d.uuid`.
    pub uuid_path: Option<String>,
    /// Rows of an answer, at most. Default: what the tier allows.
    pub max_rows: Option<u32>,
    /// Bytes of an answer, at most. Default: [`DEFAULT_RESPONSE_BYTES`].
    pub max_response_bytes: Option<usize>,
    /// Queries in any minute, at most. Default: [`DEFAULT_QUERIES_PER_MINUTE`].
    pub queries_per_minute: Option<u32>,
    /// Seconds that Coralogix may take for an answer. Default: 300.
    pub timeout_seconds: Option<u64>,
    /// The URL of an HTTP proxy. Default: none; the environment is not read.
    pub proxy: Option<Secret>,
}

impl QueryConfig {
    pub(super) fn max_rows(&self) -> Result<u32, Error> {
        let most = self.tier.max_rows();
        // As many rows as the limit are no proof, and a count has one.
        within("max_rows", self.max_rows, 2..=most, most)
    }

    pub(super) fn queries_per_minute(&self) -> Result<u32, Error> {
        within(
            "queries_per_minute",
            self.queries_per_minute,
            QUERIES_PER_MINUTE,
            DEFAULT_QUERIES_PER_MINUTE,
        )
    }

    pub(super) fn exchange_limits(&self) -> Result<ExchangeLimits, Error> {
        let timeout = within(
            "timeout_seconds",
            self.timeout_seconds,
            TIMEOUT_SECONDS,
            DEFAULT_QUERY_TIMEOUT.as_secs(),
        )?;
        let bytes = within(
            "max_response_bytes",
            self.max_response_bytes,
            RESPONSE_BYTES,
            DEFAULT_RESPONSE_BYTES,
        )?;
        Ok(ExchangeLimits::new(Duration::from_secs(timeout), bytes))
    }
}

fn within<T: PartialOrd + Copy + fmt::Display>(
    name: &str,
    value: Option<T>,
    range: std::ops::RangeInclusive<T>,
    default: T,
) -> Result<T, Error> {
    let value = value.unwrap_or(default);
    match range.contains(&value) {
        true => Ok(value),
        false => {
            let detail = format!(
                "{value} is out of range; write {} to {}",
                range.start(),
                range.end()
            );
            Err(Error::config(name, detail))
        }
    }
}

/// An allow-list: an endpoint may have been pasted with a password in it.
impl fmt::Debug for QueryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryConfig")
            .field("tier", &self.tier)
            .field("max_rows", &self.max_rows)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("queries_per_minute", &self.queries_per_minute)
            .field("timeout_seconds", &self.timeout_seconds)
            .finish_non_exhaustive()
    }
}
