//! The `source` of an envelope, which names org and log stream.

use std::fmt;
use std::str::FromStr;

use okta_coralogix_core::ErrorKind;
use thiserror::Error;

const PREFIX: &str = "aws.partner/okta.com/";

/// Okta's partner event source: `aws.partner/okta.com/<org>/<stream>`.
///
/// ```
/// use eventbridge_source::PartnerSource;
///
/// let source: PartnerSource = "aws.partner/okta.com/acme/audit".parse()?;
/// assert_eq!(source.org, "acme");
/// assert_eq!(source.stream.as_deref(), Some("audit"));
/// # Ok::<(), eventbridge_source::ParsePartnerSourceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PartnerSource {
    /// The subdomain of the Okta org.
    pub org: String,
    /// The event source name that was given to the log stream in Okta: all that follows the org.
    pub stream: Option<String>,
}

/// The source is not an Okta partner event source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the source {0:?} is not `{PREFIX}<org>/<stream>`")]
pub struct ParsePartnerSourceError(String);

impl FromStr for PartnerSource {
    type Err = ParsePartnerSourceError;

    fn from_str(source: &str) -> Result<Self, ParsePartnerSourceError> {
        let names = source
            .strip_prefix(PREFIX)
            .ok_or_else(|| ParsePartnerSourceError(source.into()))?;
        let (org, stream) = match names.split_once('/') {
            Some((org, stream)) => (org, Some(stream)),
            None => (names, None),
        };
        if org.is_empty() {
            return Err(ParsePartnerSourceError(source.into()));
        }
        Ok(Self {
            org: org.into(),
            stream: stream.filter(|name| !name.is_empty()).map(Into::into),
        })
    }
}

impl fmt::Display for PartnerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.org)?;
        match &self.stream {
            Some(stream) => write!(f, "/{stream}"),
            None => Ok(()),
        }
    }
}

impl From<ParsePartnerSourceError> for okta_coralogix_core::Error {
    fn from(error: ParsePartnerSourceError) -> Self {
        Self::new(ErrorKind::InvalidEvent, error.to_string()).with_source(error)
    }
}
