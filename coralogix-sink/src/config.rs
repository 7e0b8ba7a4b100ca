//! The settings of a sink.

use std::fmt;
use std::time::Duration;

use okta_coralogix_core::internal::exchange::{Excess, ExchangeLimits};
use okta_coralogix_core::sink::BatchLimits;
use okta_coralogix_core::{Error, Secret};
use serde::Deserialize;

use crate::compress::Compression;

/// The request size that Coralogix documents, 2 MB, as 2,000,000 bytes before compression: below the limit whether a megabyte has
/// 1,000,000 or 1,048,576 bytes.
///
/// Source: Coralogix, "API limitations" and "REST API: singles" (2026-08).
pub const DEFAULT_REQUEST_BYTES: usize = 2_000_000;

/// The upper bound of `max_request_bytes`: 10 MiB, the hard limit in the source of Coralogix's own forwarder.
pub const MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;

/// Entries in a request. Source: "about 3,000 medium logs", the same page.
pub const DEFAULT_REQUEST_ENTRIES: usize = 3_000;

/// How long Coralogix may take for its answer, from the end of the request to the last byte read.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A longer wait could not be told from a pipeline that hangs.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// Bytes of an answer that are read: messages quote its beginning.
pub(crate) const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The settings of a [`CoralogixSink`](crate::CoralogixSink), as a configuration file may contain them.
///
/// Where to send is either `domain` or `endpoint`; `api_key` is required; everything else has a default.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CoralogixConfig {
    /// A region code (`EU2`) or a domain (`eu2.coralogix.com`).
    pub domain: Option<String>,
    /// A base URL (`https://ingress.eu2.coralogix.com`; `http` on loopback only).
    pub endpoint: Option<String>,
    /// Sends to `ingress.private.<domain>`.
    pub private_link: bool,
    /// The Send-Your-Data API key.
    pub api_key: Option<Secret>,
    /// 0 (off), or 1 (fast) to 9 (small). Default: 1.
    pub gzip_level: Option<u32>,
    /// Bytes of a request before compression, at most. Default: [`DEFAULT_REQUEST_BYTES`]; up to [`MAX_REQUEST_BYTES`].
    #[serde(alias = "max_bytes")]
    pub max_request_bytes: Option<usize>,
    /// Entries of a request, at most. Default: [`DEFAULT_REQUEST_ENTRIES`].
    #[serde(alias = "max_entries")]
    pub max_request_entries: Option<usize>,
    /// Bytes of an entry as encoded in the request, at most. The sink truncates a larger one; see
    /// [`max_entry_bytes`](crate::CoralogixSinkBuilder::max_entry_bytes). Default: none.
    #[serde(alias = "entry_limit")]
    pub max_entry_bytes: Option<usize>,
    /// Seconds that Coralogix may take for its answer once a request is sent, and that the network may take nothing of the request while
    /// it is sent. Default: 30.
    pub timeout_seconds: Option<u64>,
    /// The URL of an HTTP proxy. Default: none; the environment is not read.
    pub proxy: Option<Secret>,
}

/// The names of the settings, as the user wrote them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SettingNames {
    pub(crate) domain: &'static str,
    pub(crate) endpoint: &'static str,
    pub(crate) key: &'static str,
}

pub(crate) const FIELDS: SettingNames = SettingNames {
    domain: "domain",
    endpoint: "endpoint",
    key: "api_key",
};

pub(crate) const VARIABLES: SettingNames = SettingNames {
    domain: "CORALOGIX_DOMAIN",
    endpoint: "CORALOGIX_ENDPOINT",
    key: "CORALOGIX_API_KEY",
};

impl CoralogixConfig {
    pub(crate) fn compression(&self) -> Result<Compression, Error> {
        let Some(level) = self.gzip_level else {
            return Ok(Compression::default());
        };
        Compression::from_level(level).ok_or_else(|| {
            Error::config(
                "gzip_level",
                format!("{level} is no level; write 0 (off) or 1 (fast) to 9 (small)"),
            )
        })
    }

    pub(crate) fn limits(&self) -> Result<BatchLimits, Error> {
        let bytes = self.max_request_bytes.unwrap_or(DEFAULT_REQUEST_BYTES);
        let entries = self.max_request_entries.unwrap_or(DEFAULT_REQUEST_ENTRIES);
        if !(1..=MAX_REQUEST_BYTES).contains(&bytes) {
            let detail = format!("{bytes} is out of range; write 1 to {MAX_REQUEST_BYTES} bytes");
            return Err(Error::config("max_request_bytes", detail));
        }
        if entries == 0 {
            return Err(Error::config(
                "max_request_entries",
                "0 is out of range; write at least 1",
            ));
        }
        Ok(BatchLimits::new(entries, bytes))
    }

    pub(crate) fn max_entry_bytes(&self) -> Result<Option<usize>, Error> {
        if self.max_entry_bytes == Some(0) {
            let detail = "0 is out of range; write the number of bytes that an entry may have, or leave it out";
            return Err(Error::config("max_entry_bytes", detail));
        }
        Ok(self.max_entry_bytes)
    }

    pub(crate) fn exchange_limits(&self) -> Result<ExchangeLimits, Error> {
        let timeout = self
            .timeout_seconds
            .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        if timeout.is_zero() || timeout > MAX_TIMEOUT {
            let detail = format!("it is out of range; write 1 to {}", MAX_TIMEOUT.as_secs());
            return Err(Error::config("timeout_seconds", detail));
        }
        Ok(ExchangeLimits {
            // The status says most. A long answer that failed the exchange would have the request sent again for ever.
            excess: Excess::Truncate,
            ..ExchangeLimits::new(timeout, MAX_RESPONSE_BYTES)
        })
    }
}

/// An allow-list: an endpoint may have been pasted with a password in it.
impl fmt::Debug for CoralogixConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoralogixConfig")
            .field("private_link", &self.private_link)
            .field("gzip_level", &self.gzip_level)
            .field("max_request_bytes", &self.max_request_bytes)
            .field("max_request_entries", &self.max_request_entries)
            .field("max_entry_bytes", &self.max_entry_bytes)
            .field("timeout_seconds", &self.timeout_seconds)
            .finish_non_exhaustive()
    }
}
