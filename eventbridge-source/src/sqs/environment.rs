//! The client of a queue, from the variables and files that AWS programs read: region, credentials, endpoint, certificates.

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Builder, IdentityCache, SharedHttpClient};
use aws_types::service_config::ServiceConfigKey;
use okta_coralogix_core::{Error, Result};

use super::ca_bundle;
use super::credentials::EnvironmentCredentials;
use super::queue_url::QueueUrl;

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
    /// Host and port of the endpoint, for messages.
    pub(super) host: String,
}

impl Environment {
    /// A region that is set nowhere is that of the queue.
    async fn read(queue: &QueueUrl) -> Result<Self> {
        let http = ca_bundle::http_client().await?;
        let queue_region = queue.region.clone().map(Region::new);
        let set = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new());
        let region = set.region().await.or(queue_region);
        Ok(Self { http, region })
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

/// Makes the client of a queue, and reads the credentials once.
///
/// # Errors
/// `Config` if a setting is missing or wrong; the errors of the credentials. Nothing is asked of SQS.
pub(super) async fn connect(url: &str) -> Result<Connected> {
    let queue = QueueUrl::parse(url)?;
    let environment = Environment::read(&queue).await?;
    let config = environment.load().await;
    let region = region(&queue, &config)?;
    let endpoint = endpoint(&queue, &config);
    let host = endpoint.as_deref().unwrap_or(&queue.origin);
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    let host = host.split('/').next().unwrap_or(host).to_owned();

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
        host,
    })
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
