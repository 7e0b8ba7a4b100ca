//! The settings of a log stream in Okta, checked before anybody types them in.

use std::fmt;

use thiserror::Error;

use crate::PartnerSource;

/// An Okta log stream to AWS EventBridge: what is asked for under Reports → Log Streaming. Okta does not let any of it be changed later.
///
/// The limits are those of Okta's API `logStreams` (2026.06): account `^\d{12}$`, event source name `^[\.\-_A-Za-z0-9]{1,75}$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    source: PartnerSource,
    name: String,
    account: String,
    region: String,
}

/// A setting that Okta or AWS would refuse: which one, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {what}")]
#[non_exhaustive]
pub struct SetupError {
    /// The setting.
    pub field: &'static str,
    /// What is wrong with it, and what to write instead.
    pub what: String,
}

impl SetupError {
    pub(super) fn new(field: &'static str, what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self { field, what }
    }
}

/// The longest name of a partner event source, as EventBridge limits it.
const LONGEST: usize = 256;

impl LogStream {
    /// Checks the settings.
    ///
    /// * `org`: the subdomain of the Okta org, `acme` of `acme.okta.com`.
    /// * `name`: the AWS event source name.
    /// * `account`: the AWS account, 12 digits.
    /// * `region`: the AWS region, `eu-central-1`. Only its shape is checked: which ones there are changes.
    ///
    /// # Errors
    /// [`SetupError`], which names the setting.
    pub fn new(org: &str, name: &str, account: &str, region: &str) -> Result<Self, SetupError> {
        let in_host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if org.is_empty() || org.len() > 63 || !org.bytes().all(in_host) {
            let what = format!("{org:?} is no subdomain; write `acme` for https://acme.okta.com");
            return Err(SetupError::new("org", what));
        }
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if !(1..=75).contains(&name.len()) || !name.bytes().all(in_name) {
            let what = format!("{name:?} must be 1 to 75 letters, digits, `.`, `-` and `_`");
            return Err(SetupError::new("event source name", what));
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            let what = format!("{account:?} must be 12 digits");
            return Err(SetupError::new("account", what));
        }
        if !is_region(region) {
            let what = format!("{region:?} is no region; write one such as `eu-central-1`");
            return Err(SetupError::new("region", what));
        }
        let stream = Self {
            source: PartnerSource {
                org: org.to_owned(),
                stream: Some(name.to_owned()),
            },
            name: name.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
        };
        debug_assert!(
            stream.bus_name().len() <= LONGEST,
            "63 + 75 and a prefix of 21"
        );
        Ok(stream)
    }

    /// The partner event source that appears in AWS.
    #[must_use]
    pub fn partner_source(&self) -> &PartnerSource {
        &self.source
    }

    /// The name of the bus: that of the partner event source, which is what AWS requires.
    #[must_use]
    pub fn bus_name(&self) -> String {
        self.source.to_string()
    }

    /// The event source name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ARN of the bus.
    #[must_use]
    pub fn bus_arn(&self) -> String {
        let partition = match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let Self {
            region, account, ..
        } = self;
        format!(
            "arn:{partition}:events:{region}:{account}:event-bus/{}",
            self.bus_name()
        )
    }
}

/// Words of lower-case letters and a number: `eu-central-1`, `us-gov-west-1`.
fn is_region(region: &str) -> bool {
    let Some((words, number)) = region.rsplit_once('-') else {
        return false;
    };
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number =
        (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && words.contains('-') && words.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(org: &str, name: &str, account: &str, region: &str) -> Option<&'static str> {
        let stream = LogStream::new(org, name, account, region);
        stream.err().map(|error| error.field)
    }

    #[test]
    fn each_setting_is_checked_and_named() {
        let (account, region) = ("123456789012", "eu-central-1");
        assert_eq!(field("acme", "Audit.log_1-x", account, region), None);
        assert_eq!(field("acme", &"n".repeat(75), account, region), None);
        for org in ["", "acme.okta.com", "https://acme", "a b"] {
            assert_eq!(field(org, "audit", account, region), Some("org"), "{org}");
        }
        for name in ["", "my stream", "audit/1", "ümlaut", &"n".repeat(76)] {
            let named = field("acme", name, account, region);
            assert_eq!(named, Some("event source name"), "{name}");
        }
        for account in [
            "",
            "12345678901",
            "1234567890123",
            "12345678901x",
            "1234-5678-90",
        ] {
            let named = field("acme", "audit", account, region);
            assert_eq!(named, Some("account"), "{account}");
        }
        for region in [
            "",
            "eu",
            "eu-1",
            "EU-central-1",
            "eu-central",
            "eu--1",
            "eu-central-1 ",
        ] {
            let named = field("acme", "audit", account, region);
            assert_eq!(named, Some("region"), "{region}");
        }
        for region in ["us-gov-west-1", "ap-southeast-2", "cn-north-1"] {
            assert_eq!(field("acme", "audit", account, region), None, "{region}");
        }
    }

    #[test]
    fn the_bus_has_the_name_of_the_source() {
        let stream = LogStream::new("acme", "audit", "123456789012", "cn-north-1").unwrap();
        assert_eq!(
            stream.bus_name().parse(),
            Ok(stream.partner_source().clone())
        );
        let arn =
            "arn:aws-cn:events:cn-north-1:123456789012:event-bus/aws.partner/okta.com/acme/audit";
        assert_eq!(stream.bus_arn(), arn);
    }
}
