//! Where checkpoints are: the URL of a folder in a bucket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::http::TransportConnector;
use crate::text::quote;
use crate::transport::Transport;
use crate::{Error, Result};

/// The name of the setting in messages.
const SETTING: &str = "state";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cloud {
    S3,
    Google,
    Azure,
}

const SCHEMES: [(&str, Cloud); 6] = [
    ("s3", Cloud::S3),
    ("gs", Cloud::Google),
    ("az", Cloud::Azure),
    ("s3a", Cloud::S3),
    ("azure", Cloud::Azure),
    ("gcs", Cloud::Google),
];

#[derive(Debug, Clone)]
pub(super) struct Address {
    scheme: &'static str,
    pub(super) cloud: Cloud,
    pub(super) bucket: String,
    /// In it.
    pub(super) folder: Path,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.bucket)?;
        match self.folder.as_ref() {
            "" => Ok(()),
            folder => write!(f, "/{folder}"),
        }
    }
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self> {
        let advice = "write s3://bucket/folder, gs://bucket/folder or az://container/folder";
        let wrong = |what: &str| {
            let detail = format!("is {}, which {what}; {advice}", quote(url));
            Error::config(SETTING, detail)
        };
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("is no address"))?;
        let known = SCHEMES.iter().find(|(known, _)| *known == scheme);
        let (scheme, cloud) = *known.ok_or_else(|| wrong("is of no object store that is known"))?;
        let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            // Not repeated: it is a secret.
            let detail = format!(
                "has a credential in it, and credentials have variables of their own; {advice}"
            );
            return Err(Error::config(SETTING, detail));
        }
        let is_name = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
        if bucket.is_empty() || !bucket.chars().all(is_name) {
            return Err(wrong("names no bucket"));
        }
        let folder = Path::parse(folder.trim_end_matches('/'));
        let folder = folder.map_err(|_| wrong("names no folder in it"))?;
        Ok(Self {
            scheme,
            cloud,
            bucket: bucket.to_owned(),
            folder,
        })
    }

    pub(super) fn open(
        &self,
        variables: &[(String, String)],
        transport: Arc<dyn Transport>,
    ) -> Result<Arc<dyn ObjectStore>> {
        let connector = TransportConnector(transport);
        let opened: object_store::Result<Arc<dyn ObjectStore>> = match self.cloud {
            Cloud::S3 => {
                let mut builder = AmazonS3Builder::new();
                for (name, value) in with_prefix(variables, &["AWS_"]) {
                    builder = match name.parse() {
                        Ok(key) => builder.with_config(key, value),
                        Err(_) => builder,
                    };
                }
                let has = |key| builder.get_config_value(key).is_some();
                let is_set = |name: &str| variables.iter().any(|(set, _)| set == name);
                if is_set("AWS_PROFILE") && !has(&AmazonS3ConfigKey::AccessKeyId) {
                    let detail = "is set, and the files of AWS's command line are not read here; set AWS_ACCESS_KEY_ID and \
                                  AWS_SECRET_ACCESS_KEY (`aws configure export-credentials` shows them), or use a role";
                    return Err(Error::config("AWS_PROFILE", detail));
                }
                if !has(&AmazonS3ConfigKey::Region)
                    && !has(&AmazonS3ConfigKey::DefaultRegion)
                    && !has(&AmazonS3ConfigKey::Endpoint)
                    && !is_set("AWS_ENDPOINT_URL_S3")
                {
                    let detail = format!(
                        "is not set, and {self} has no region; set it to that of the bucket, such as eu-central-1"
                    );
                    return Err(Error::config("AWS_REGION", detail));
                }
                let builder = builder.with_bucket_name(&self.bucket);
                let builder = builder.with_retry(once()).with_http_connector(connector);
                builder.build().map(|store| Arc::new(store) as _)
            }
            Cloud::Google => {
                let mut builder = GoogleCloudStorageBuilder::new();
                for (name, value) in with_prefix(variables, &["GOOGLE_"]) {
                    builder = match name.parse() {
                        Ok(key) => builder.with_config(key, value),
                        Err(_) => builder,
                    };
                }
                let builder = builder.with_bucket_name(&self.bucket);
                let builder = builder.with_retry(once()).with_http_connector(connector);
                builder.build().map(|store| Arc::new(store) as _)
            }
            Cloud::Azure => {
                let mut builder = MicrosoftAzureBuilder::new();
                for (name, value) in with_prefix(variables, &["AZURE_", "IDENTITY_", "MSI_"]) {
                    builder = match name.parse() {
                        Ok(key) => builder.with_config(key, value),
                        Err(_) => builder,
                    };
                }
                let builder = builder.with_container_name(&self.bucket);
                let builder = builder.with_retry(once()).with_http_connector(connector);
                builder.build().map(|store| Arc::new(store) as _)
            }
        };
        opened.map_err(|error| {
            let detail = format!("{self} cannot be used: {}", super::error::text(&error));
            Error::config(SETTING, detail)
        })
    }
}

/// The variables of one cloud, named as its settings.
fn with_prefix<'a>(
    variables: &'a [(String, String)],
    prefixes: &'a [&str],
) -> impl Iterator<Item = (String, &'a str)> {
    let is_of = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let of = variables.iter().filter(move |(name, _)| is_of(name));
    of.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
}

/// Each request is tried once: a repeated put would take its own first attempt for another one's.
fn once() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: Duration::from_secs(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_names_cloud_bucket_and_folder() {
        for (url, bucket, folder, shown) in [
            ("s3://bucket/a/b/", "bucket", "a/b", "s3://bucket/a/b"),
            ("s3://bucket", "bucket", "", "s3://bucket"),
            (
                "gs://my.bucket/okta",
                "my.bucket",
                "okta",
                "gs://my.bucket/okta",
            ),
            ("az://state/okta", "state", "okta", "az://state/okta"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.bucket, bucket);
            assert_eq!(address.folder.as_ref(), folder);
            assert_eq!(address.to_string(), shown);
        }
        for (url, says) in [
            ("bucket/folder", "is no address"),
            ("ftp://bucket", "is of no object store that is known"),
            ("s3:///folder", "names no bucket"),
            ("s3://key:secret@bucket", "has a credential in it"),
            ("s3://bucket/a//b", "names no folder"),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(
                error.contains(says) && error.contains("s3://bucket/folder"),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
