//! The sink: one request per call, and the meaning of its answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request};
use okta_coralogix_core::internal::Reloadable;
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use okta_coralogix_core::sink::{Batch, BatchLimits, ContentEncoding, EncodeError};
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Error, ErrorKind, LogEntry, LogSink, Result, RetryHint};

use crate::api_key::ApiKey;
use crate::builder::CoralogixSinkBuilder;
use crate::clock_probe::ClockProbe;
use crate::config::{CoralogixConfig, FIELDS};
use crate::encode::Encoder;
use crate::endpoint::Endpoint;
use crate::status::{self, IngressName};

/// Sends log entries to `POST /logs/v1/singles` of a Coralogix ingress.
///
/// [`send`](LogSink::send) makes one attempt. The pipeline of `okta-coralogix-core` retries, splits or dead-letters
/// according to the kind of its error.
pub struct CoralogixSink {
    endpoint: Endpoint,
    /// The ingress, as messages name it.
    name: String,
    key: Reloadable<ApiKey>,
    /// The setting of the key, as the user knows it.
    key_setting: &'static str,
    headers: HeaderMap,
    encoder: Encoder,
    limits: ExchangeLimits,
    transport: Arc<dyn Transport>,
    clock_probe: Option<ClockProbe>,
    /// Truncated entries that Coralogix accepted.
    truncated: AtomicU64,
}

impl CoralogixSink {
    /// A builder. A domain or an endpoint, and the key, are required.
    pub fn builder() -> CoralogixSinkBuilder {
        CoralogixSinkBuilder::from_config(CoralogixConfig::default())
    }

    pub(crate) fn new(
        endpoint: Endpoint,
        key: Reloadable<ApiKey>,
        encoder: Encoder,
        limits: ExchangeLimits,
        transport: Arc<dyn Transport>,
    ) -> Self {
        let host = endpoint.singles().authority().map_or("", |a| a.as_str());
        let name = match endpoint.region() {
            Some(region) => format!("{host} (region {region})"),
            None => host.into(),
        };
        let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (USER_AGENT, HeaderValue::from_static(agent)),
        ]);
        Self {
            endpoint,
            name,
            key,
            key_setting: FIELDS.key,
            headers,
            encoder,
            limits,
            transport,
            clock_probe: None,
            truncated: AtomicU64::new(0),
        }
    }

    pub(crate) fn with_key_setting(mut self, setting: &'static str) -> Self {
        self.key_setting = setting;
        self
    }

    pub(crate) fn with_clock_probe(mut self, probe: Option<ClockProbe>) -> Self {
        self.clock_probe = probe;
        self
    }

    /// The endpoint that it sends to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Entries that were truncated to [`max_entry_bytes`](CoralogixSinkBuilder::max_entry_bytes) and accepted so far.
    #[must_use]
    pub fn truncated_entries(&self) -> u64 {
        self.truncated.load(Ordering::Relaxed)
    }

    /// Tests reachability and the key without sending any log: posts an empty array.
    ///
    /// Coralogix documents no such test. A 2xx and a refusal of the content (400, 422) both mean that the ingress accepts the key. An
    /// ingress that checked the content before the key would let a wrong key pass here and refuse it at the first delivery, which
    /// consumes no event.
    ///
    /// # Errors
    /// As [`send`](LogSink::send), without `TooLarge` and `Rejected`.
    pub async fn check(&self) -> Result<()> {
        let ask = || self.post(Bytes::from_static(b"[]"), ContentEncoding::Identity);
        let sent = match ask().await {
            // Another key was read.
            Err(error) if is_refusal(&error) && error.is_temporary() => ask().await,
            sent => sent,
        };
        match sent {
            Err(error) if error.kind() == ErrorKind::TooLarge => Err(status::wrong_endpoint(
                &self.name,
                "that an empty request is too large",
            )),
            Err(error) if error.kind() != ErrorKind::Rejected => Err(error),
            _ => Ok(()),
        }
    }

    /// Posts a body. If the key is refused and another one is there to be read, the error is temporary: the caller tries that one at
    /// once, after its own checks.
    async fn post(&self, body: Bytes, encoding: ContentEncoding) -> Result<()> {
        let key = self.key.get();
        let sent = self.post_with(&key, body, encoding).await;
        match sent {
            Err(error) if is_refusal(&error) && self.key.reload(&key).await => {
                Err(error.with_retry(RetryHint::After(Duration::ZERO)))
            }
            sent => sent,
        }
    }

    async fn post_with(&self, key: &ApiKey, body: Bytes, encoding: ContentEncoding) -> Result<()> {
        let mut request = Request::post(self.endpoint.singles().clone())
            .body(body)
            .expect("the URL was checked when the endpoint was made");
        *request.headers_mut() = self.headers.clone();
        request
            .headers_mut()
            .insert(AUTHORIZATION, key.header.clone());
        if encoding == ContentEncoding::Gzip {
            let gzip = HeaderValue::from_static("gzip");
            request.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        let answer = exchange(&*self.transport, request, self.limits)
            .await
            .map_err(|error| status::no_answer(error, &self.name))?;
        let ingress = IngressName {
            name: &self.name,
            key: &key.key,
            key_setting: self.key_setting,
        };
        let meaning = status::classify(&answer, ingress);
        if let Some(probe) = &self.clock_probe {
            probe.observe(answer.headers(), &meaning);
        }
        meaning
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden)
}

#[async_trait]
impl LogSink for CoralogixSink {
    fn limits(&self) -> BatchLimits {
        self.encoder.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.encoder.encode(entries)
    }

    fn compress(&self, batch: Batch) -> Batch {
        self.encoder.compress(batch)
    }

    fn address(&self) -> String {
        self.endpoint.base_url().to_owned()
    }

    async fn check(&self) -> Option<Result<()>> {
        Some(self.check().await)
    }

    fn reconnect(&self) {
        self.transport.reconnect();
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        if batch.entries == 0 {
            return Ok(());
        }
        self.post(batch.body.clone(), batch.content_encoding)
            .await?;
        self.truncated
            .fetch_add(batch.truncated as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl fmt::Debug for CoralogixSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoralogixSink")
            .field("endpoint", &self.endpoint.base_url())
            .field("encoder", &self.encoder)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
