//! A client from the sources that AWS programs read: variables, profiles, the roles of a container, an instance or a pod.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::ProvideCredentials;
use aws_smithy_http_client::{Builder, tls};
use okta_coralogix_core::{Error, ErrorKind, Result};

/// A client for the queue with this URL: region, credentials and endpoint (`AWS_ENDPOINT_URL`) as the AWS tools find them. A region that
/// is set nowhere is read from the queue's URL.
///
/// # Errors
/// `Config` if there is no region, `Unauthorized` if there are no credentials. Nothing is asked of SQS.
pub async fn client_from_env(queue_url: &str) -> Result<Client> {
    let provider = tls::rustls_provider::CryptoMode::AwsLc;
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(provider))
        .build_https();
    // The source retries, and has a timeout for each call.
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().disable_operation_timeout().build());
    let is_set = |name| std::env::var_os(name).is_some();
    if !is_set("AWS_REGION")
        && !is_set("AWS_DEFAULT_REGION")
        && let Some(region) = region_of(queue_url)
    {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        let detail =
            "is not set, and the queue's URL names no region; set it to the region of the queue";
        return Err(Error::config("AWS_REGION", detail));
    }
    if let Some(credentials) = config.credentials_provider() {
        credentials.provide_credentials().await.map_err(|error| {
            let detail = "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, \
                          or run with a role";
            Error::new(ErrorKind::Unauthorized, detail).with_source(error)
        })?;
    }
    Ok(Client::new(&config))
}

/// `eu-central-1` of `https://sqs.eu-central-1.amazonaws.com/123456789012/okta`.
fn region_of(queue_url: &str) -> Option<&str> {
    let host = queue_url.split_once("://")?.1.split('/').next()?;
    let region = host.strip_prefix("sqs.")?.split_once(".amazonaws.com")?.0;
    (!region.is_empty() && !region.contains('.')).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_read_from_the_queue() {
        let url = |host| format!("https://{host}/123456789012/okta");
        assert_eq!(
            region_of(&url("sqs.eu-west-1.amazonaws.com")),
            Some("eu-west-1")
        );
        assert_eq!(
            region_of(&url("sqs.cn-north-1.amazonaws.com.cn")),
            Some("cn-north-1")
        );
        assert_eq!(region_of(&url("127.0.0.1:4566")), None);
        assert_eq!(region_of("okta"), None);
    }
}
