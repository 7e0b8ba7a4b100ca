//! Configuration errors of a domain or endpoint. (Errors of an exchange: `status.rs`.)

use thiserror::Error;

use crate::region::Region;

/// A domain or an endpoint is wrong. The message names the error and the value to write instead.
///
/// The caller prefixes the setting's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Empty, or only white space.
    #[error("it is empty; write a region code such as `EU2`, a domain or a base URL")]
    Empty,
    /// Neither a known region code nor a domain. A long text is not repeated, since it may be a key.
    #[error("{what} is neither a known region code ({known}) nor a domain such as `eu2.coralogix.com`",
        what = quoted(.0), known = Region::codes())]
    UnknownRegion(Option<String>),
    /// Looks like the domain of a region, but of none that is known.
    #[error("`{0}` is the domain of no known region ({known}); for a newer one give the base URL `https://ingress.{0}` as the endpoint",
        known = Region::codes())]
    UnknownRegionDomain(String),
    /// The code of the government region.
    #[error(
        "the host that takes logs in the government region is not documented; give the base URL that Coralogix names to you as the \
         endpoint (CORALOGIX_ENDPOINT), such as `https://ingress.{0}`"
    )]
    Government(&'static str),
    /// A host of Coralogix, but not the one that takes logs.
    #[error("it names {kind}, which takes no logs; write `{instead}`")]
    #[non_exhaustive]
    NotAnIngress {
        /// The kind of the host.
        kind: &'static str,
        /// The text to write instead.
        instead: String,
    },
    /// A URL where a bare domain belongs.
    #[error("it is a URL or has a path; write the domain alone: `{0}`")]
    UrlForDomain(String),
    /// An address or a port where a bare domain belongs.
    #[error(
        "it is an address or has a port; give it as the endpoint, a base URL such as `https://ingress.eu2.coralogix.com`"
    )]
    AddressForDomain,
    /// Not a host name.
    #[error("it is not a host name; write a domain such as `eu2.coralogix.com`")]
    NotADomain,
    /// No `https://` in front.
    #[error("it has no scheme; write a base URL that begins with `https://`")]
    NoScheme,
    /// Neither `https` nor `http`.
    #[error("its scheme is not `https`; write a base URL that begins with `https://`")]
    Scheme,
    /// `http` to another machine: the key would be sent in plain text.
    #[error("`http` is allowed on loopback only; write `https://{0}`")]
    PlainHttp(String),
    /// A user name or password.
    #[error("it has user info before an `@`; leave that out, the key is given separately")]
    UserInfo,
    /// A query or fragment.
    #[error("it has a query or a fragment; write the base URL alone")]
    Query,
    /// The path of another API.
    #[error(
        "the path `{0}` belongs to another or a retired API; write the base URL alone, such as `https://ingress.eu2.coralogix.com`"
    )]
    Path(&'static str),
    /// Not a URL at all: why.
    #[error("it is not a URL ({0}); write one such as `https://ingress.eu2.coralogix.com`")]
    NotAUrl(String),
}

fn quoted(code: &Option<String>) -> String {
    code.as_ref()
        .map_or_else(|| "it".into(), |code| format!("`{code}`"))
}

/// A caller that knows the setting names it instead: `Error::config("domain", error)`.
impl From<EndpointError> for okta_coralogix_core::Error {
    fn from(error: EndpointError) -> Self {
        Self::config("the address of Coralogix", &error).with_source(error)
    }
}
