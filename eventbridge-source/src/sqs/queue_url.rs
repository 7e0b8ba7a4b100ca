//! What the URL of a queue says: the host to call, and its region.

use okta_coralogix_core::text::quote;
use okta_coralogix_core::{Error, Result};

/// The domains below which AWS has its services, by partition; those of the dual-stack endpoints before the ones that they end with.
const DOMAINS: [&str; 10] = [
    "api.amazonwebservices.com.cn",
    "api.amazonwebservices.eu",
    "api.aws",
    "amazonaws.com.cn",
    "amazonaws.com",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// The region of `queue.amazonaws.com`, the first host that SQS had.
const FIRST_REGION: &str = "us-east-1";

/// The URL of a queue, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueueUrl {
    /// Scheme, host and port: what is called.
    pub(super) origin: String,
    /// The region that the host names; `None` for a host that is not one of AWS's own forms.
    pub(super) region: Option<String>,
    /// The host is that of the region itself, `sqs.<region>.amazonaws.com`: for it `AWS_USE_FIPS_ENDPOINT` and
    /// `AWS_USE_DUALSTACK_ENDPOINT` may choose another one.
    pub(super) is_regional: bool,
}

impl QueueUrl {
    /// # Errors
    /// `Config` if it is not the URL of a queue.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let wrong = |problem: &str| {
            let detail = format!(
                "is {}, {problem}; write the URL of the queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/okta",
                quote(url)
            );
            Error::config("SQS_QUEUE_URL", detail)
        };
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("which is no URL"))?;
        if !["http", "https"].contains(&&*scheme.to_ascii_lowercase()) {
            return Err(wrong("which is no URL of http or https"));
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || host.contains(['@', '?', '#', ' ']) {
            return Err(wrong("which names no host"));
        }
        if path.trim_matches('/').is_empty() {
            return Err(wrong("which names no queue"));
        }
        let host = host.to_ascii_lowercase();
        let name = without_port(&host).trim_end_matches('.');
        let form = Form::of(name);
        Ok(Self {
            origin: format!("{}://{host}", scheme.to_ascii_lowercase()),
            region: form.as_ref().map(|form| form.region.to_owned()),
            is_regional: form.is_some_and(|form| form.is_regional),
        })
    }
}

/// A host of AWS.
struct Form<'a> {
    region: &'a str,
    is_regional: bool,
}

impl<'a> Form<'a> {
    /// | host | what it is |
    /// |---|---|
    /// | `sqs.<region>.<domain>` | of the region, dual-stack under `api.aws` |
    /// | `sqs-fips.<region>.<domain>` | FIPS |
    /// | `<endpoint>.sqs.<region>.vpce.<domain>` | a VPC endpoint, or one zone of it |
    /// | `<region>.queue.<domain>`, `queue.<domain>` | the older forms |
    fn of(host: &'a str) -> Option<Self> {
        let below = |domain: &'static str| {
            let before = host.strip_suffix(domain)?.strip_suffix('.')?;
            Some((before, domain))
        };
        let (before, domain) = DOMAINS.into_iter().find_map(below)?;
        let labels: Vec<_> = before.split('.').collect();
        let (region, is_regional) = match labels[..] {
            ["sqs", region] => (region, !domain.starts_with("api.")),
            ["sqs-fips", region] | [_, "sqs", region, "vpce"] | [region, "queue"] => {
                (region, false)
            }
            ["queue"] => (FIRST_REGION, false),
            _ => return None,
        };
        (!region.is_empty()).then_some(Self {
            region,
            is_regional,
        })
    }
}

/// An IPv6 address is in brackets, and has colons itself.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_is_read_from_each_form_of_a_queue_host() {
        for (host, region) in [
            ("sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("SQS.EU-West-1.amazonaws.com", Some("eu-west-1")),
            ("sqs.eu-west-1.amazonaws.com:443", Some("eu-west-1")),
            ("sqs.eu-west-1.amazonaws.com.", Some("eu-west-1")),
            ("sqs.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("sqs.eusc-de-east-1.amazonaws.eu", Some("eusc-de-east-1")),
            ("sqs.us-iso-east-1.c2s.ic.gov", Some("us-iso-east-1")),
            ("sqs-fips.us-east-2.amazonaws.com", Some("us-east-2")),
            ("sqs.eu-central-1.api.aws", Some("eu-central-1")),
            ("sqs-fips.us-west-2.api.aws", Some("us-west-2")),
            (
                "sqs.cn-north-1.api.amazonwebservices.com.cn",
                Some("cn-north-1"),
            ),
            ("eu-west-1.queue.amazonaws.com", Some("eu-west-1")),
            ("cn-north-1.queue.amazonaws.com.cn", Some("cn-north-1")),
            ("queue.amazonaws.com", Some("us-east-1")),
            (
                "vpce-0f1e-ab12.sqs.eu-west-3.vpce.amazonaws.com",
                Some("eu-west-3"),
            ),
            (
                "vpce-0f1e-ab12-eu-west-3a.sqs.eu-west-3.vpce.amazonaws.com",
                Some("eu-west-3"),
            ),
            (
                "vpce-0f1e.sqs.cn-north-1.vpce.amazonaws.com.cn",
                Some("cn-north-1"),
            ),
            ("127.0.0.1:4566", None),
            ("[::1]:4566", None),
            ("sqs.eu-west-1.localhost.localstack.cloud:4566", None),
            ("sqs.internal.example.org", None),
            ("sqs..amazonaws.com", None),
            ("s3.eu-west-1.amazonaws.com", None),
            ("sqs.eu-west-1.amazonaws.com.example.org", None),
            ("evilamazonaws.com", None),
        ] {
            let url = QueueUrl::parse(&format!("https://{host}/123456789012/okta")).unwrap();
            assert_eq!(url.region.as_deref(), region, "{host}");
            assert_eq!(url.origin, format!("https://{}", host.to_ascii_lowercase()));
        }
    }

    #[test]
    fn only_the_host_of_a_region_may_be_exchanged_for_another() {
        let is_regional = |host: &str| {
            let url = QueueUrl::parse(&format!("https://{host}/1/okta"));
            url.unwrap().is_regional
        };
        assert!(is_regional("sqs.eu-west-1.amazonaws.com"));
        assert!(!is_regional("sqs-fips.us-east-2.amazonaws.com"));
        assert!(!is_regional("sqs.eu-west-1.api.aws"));
        assert!(!is_regional("vpce-1.sqs.eu-west-1.vpce.amazonaws.com"));
        assert!(!is_regional("eu-west-1.queue.amazonaws.com"));
    }

    #[test]
    fn url_that_names_no_queue_is_refused() {
        for url in [
            "okta",
            "arn:aws:sqs:eu-west-1:123456789012:okta",
            "sqs://sqs.eu-west-1.amazonaws.com/1/okta",
            "https:///123456789012/okta",
            "https://user@sqs.eu-west-1.amazonaws.com/1/okta",
            "https://sqs.eu-west-1.amazonaws.com",
            "https://sqs.eu-west-1.amazonaws.com/",
        ] {
            let error = QueueUrl::parse(url).unwrap_err().to_string();
            assert!(
                error.contains("SQS_QUEUE_URL") && error.contains("https://sqs."),
                "{url}: {error}"
            );
        }
    }
}
