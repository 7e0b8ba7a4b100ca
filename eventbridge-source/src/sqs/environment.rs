//! The client of a queue, from the variables and files that AWS programs read: region, credentials, endpoint.

use std::sync::Arc;
#[cfg(feature = "reqwest")]
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Builder, IdentityCache, SharedHttpClient};
use aws_types::service_config::ServiceConfigKey;
#[cfg(feature = "reqwest")]
use okta_coralogix_core::transport::ReqwestTransportBuilder;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Error, Result};

use super::credentials::EnvironmentCredentials;
use super::http_client::http_client;
use super::queue_url::QueueUrl;

/// As the AWS SDKs have it.
#[cfg(feature = "reqwest")]
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// Where a machine or container is given its credentials, if not at the address that all know.
#[cfg(feature = "reqwest")]
const CREDENTIALS_ENDPOINTS: [&str; 2] = [
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
];

/// The settings of the environment, read as often as needed: files may change while the process runs.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    http: SharedHttpClient,
    /// For STS and SSO; the queue's own may be another one. `None`: that of the instance.
    region: Option<Region>,
}

/// A client, and what it was made of.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) credentials: EnvironmentCredentials,
    /// Scheme, host and port of the endpoint.
    pub(super) origin: String,
}

impl Environment {
    /// A region that is set nowhere is that of the queue.
    async fn read(queue: &QueueUrl, http: SharedHttpClient) -> Self {
        let queue_region = queue.region.clone().map(Region::new);
        let set = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new());
        let region = set.region().await.or(queue_region);
        Self { http, region }
    }

    /// The settings and a new chain of credentials providers, which has read nothing yet.
    pub(super) async fn load(&self) -> SdkConfig {
        let loader: ConfigLoader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http.clone())
            // The source retries, and has a timeout for each call.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().disable_operation_timeout().build());
        match self.region.clone() {
            Some(region) => loader.region(region).load().await,
            None => loader.load().await,
        }
    }
}

/// The settings of a transport that this environment asks for.
///
/// # Errors
/// `Config` if the file of root certificates is none.
#[cfg(feature = "reqwest")]
pub(super) async fn configure(
    transports: ReqwestTransportBuilder,
) -> Result<ReqwestTransportBuilder> {
    let transports = super::ca_bundle::trust(transports.connect_timeout(CONNECT_TIMEOUT)).await?;
    // By address they are excepted anyway; the SDK takes a name without TLS only if it is one of this machine.
    let named = CREDENTIALS_ENDPOINTS.into_iter().filter_map(|variable| {
        let url = std::env::var(variable).ok()?;
        let origin = origin_of(url.trim());
        Some(origin.strip_prefix("http://")?.to_owned())
    });
    Ok(named.fold(transports, |transports, host| transports.except(&host)))
}

/// Makes the client of a queue, and reads the credentials once.
///
/// # Errors
/// `Config` if a setting is missing or wrong; the errors of the credentials. Nothing is asked of SQS.
pub(super) async fn connect(url: &str, transport: impl Transport) -> Result<Connected> {
    let queue = QueueUrl::parse(url)?;
    let transport = Arc::new(transport);
    let http = http_client(Arc::clone(&transport));
    let environment = Environment::read(&queue, http).await;
    let config = environment.load().await;
    let region = region(&queue, &config)?;
    let endpoint = endpoint(&queue, &config);
    let origin = origin_of(endpoint.as_deref().unwrap_or(&queue.origin)).to_owned();
    transport.check_scheme(origin.split("://").next().unwrap_or_default())?;

    let credentials = EnvironmentCredentials::new(environment);
    credentials.check().await?;
    let mut builder = Builder::from(&config)
        .region(region)
        .credentials_provider(credentials.clone())
        // `credentials` has a cache that can be emptied.
        .identity_cache(IdentityCache::no_cache());
    if let Some(endpoint) = endpoint {
        // The SDK takes no endpoint together with one of these.
        builder = builder
            .endpoint_url(endpoint)
            .use_fips(false)
            .use_dual_stack(false);
    }
    Ok(Connected {
        client: Client::from_conf(builder.build()),
        credentials,
        origin,
    })
}

/// Scheme, host and port of a URL.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[host..].find('/').map_or(url.len(), |end| host + end);
    &url[..end]
}

/// The region that calls are signed for: the one in the queue's host, since no other works there.
fn region(queue: &QueueUrl, config: &SdkConfig) -> Result<Region> {
    let set = config.region();
    match (&queue.region, set) {
        (Some(queue), Some(set)) if queue != set.as_ref() => {
            tracing::warn!(
                "AWS_REGION (or the region of the profile) is {set}, and the queue is in {queue} by its URL: calls to the queue are \
                 signed for {queue}; if that is a slip, correct SQS_QUEUE_URL or AWS_REGION"
            );
        }
        (None, None) => {
            let detail = "is not set, and the queue's URL names no region; set it to the region of the queue";
            return Err(Error::config("AWS_REGION", detail));
        }
        _ => {}
    }
    let named = queue.region.clone().map(Region::new);
    Ok(named
        .or_else(|| set.cloned())
        .expect("one of them is there, as the match has seen"))
}

/// The endpoint to call: the one that is set, else the host of the queue's URL. `None` leaves it to the SDK, which chooses the
/// region's FIPS or dual-stack endpoint.
fn endpoint(queue: &QueueUrl, config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("SQS")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok();
    let of_service = config
        .service_config()
        .zip(key)
        .and_then(|(settings, key)| settings.load_config(key));
    if let Some(set) = of_service.or_else(|| config.endpoint_url().map(Into::into)) {
        return Some(set);
    }
    let is_another_asked_for =
        config.use_fips() == Some(true) || config.use_dual_stack() == Some(true);
    (!(is_another_asked_for && queue.is_regional)).then(|| queue.origin.clone())
}
