//! The URL that requests are sent to, from a domain or a base URL.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use url::{Host, Url};

use crate::domain;
use crate::endpoint_error::EndpointError;
use crate::region::Region;

/// The path of the API below an endpoint.
const SINGLES: &str = "/logs/v1/singles";

/// Paths of other APIs of Coralogix, and of retired ones.
const FOREIGN_PATHS: [&str; 5] = [
    "/logs/rest",
    "/api/v1/logs",
    "/logs/v1/bulk",
    "/aws/event",
    "/v1/logs",
];

/// An ingress that takes `POST /logs/v1/singles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: String,
    singles: Uri,
    region: Option<Region>,
}

impl Endpoint {
    /// From a region code in any case (`EU2`) or a domain (`eu2.coralogix.com`, an old name such as `coralogix.us`, a
    /// custom domain that has an `ingress.` host).
    ///
    /// With `private_link` requests go to `ingress.private.<domain>`.
    ///
    /// # Errors
    /// [`EndpointError`] names the error and the value to write instead.
    pub fn from_domain(domain: &str, private_link: bool) -> Result<Self, EndpointError> {
        let ingress = domain::parse(domain)?;
        let private = private_link || ingress.private;
        let middle = if private { "private." } else { "" };
        let base = format!("https://ingress.{middle}{}", ingress.domain);
        Self::assemble(base, ingress.region)
    }

    /// From a base URL: `https://ingress.eu2.coralogix.com`, a reverse proxy, or `http://` on loopback.
    /// A pasted `/logs/v1/singles` is removed.
    ///
    /// # Errors
    /// [`EndpointError`] names the error and the value to write instead. It never repeats user info or a query.
    pub fn from_url(url: &str) -> Result<Self, EndpointError> {
        let url = read_base_url(url)?;
        let region = match url.host() {
            Some(Host::Domain(name)) => domain::check_ingress_host(name)?,
            _ => None,
        };
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix(SINGLES).unwrap_or(path);
        if let Some(foreign) = FOREIGN_PATHS.iter().find(|p| path.contains(**p)) {
            return Err(EndpointError::Path(foreign));
        }
        let origin = url.origin().ascii_serialization();
        Self::assemble(format!("{origin}{path}"), region)
    }

    fn assemble(base: String, region: Option<Region>) -> Result<Self, EndpointError> {
        let singles = format!("{base}{SINGLES}");
        // The client reads it once more, by other rules: `ingress.1.2` is a host to one and a bad address to the other.
        let read = Url::parse(&singles).map_err(|_| EndpointError::NotADomain)?;
        let singles: Uri = singles.parse().map_err(|_| EndpointError::NotADomain)?;
        if read.host_str() != singles.host() || read.scheme() != singles.scheme_str().unwrap_or("")
        {
            return Err(EndpointError::NotADomain);
        }
        Ok(Self {
            base,
            singles,
            region,
        })
    }

    /// The base URL, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// The URL that entries are posted to.
    #[must_use]
    pub fn singles(&self) -> &Uri {
        &self.singles
    }

    /// The region, where the host belongs to a known one.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region
    }
}

/// Reads the base URL of a service: `https`, or `http` on loopback, and nothing in it that is secret.
pub(crate) fn read_base_url(url: &str) -> Result<Url, EndpointError> {
    let url = url.trim();
    if url.is_empty() {
        return Err(EndpointError::Empty);
    }
    if !url.contains("://") {
        return Err(EndpointError::NoScheme);
    }
    let url = Url::parse(url).map_err(|error| EndpointError::NotAUrl(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::UserInfo);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(EndpointError::Query);
    }
    let host = url.host().ok_or(EndpointError::NoScheme)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        "http" => return Err(EndpointError::PlainHttp(host.to_string())),
        _ => return Err(EndpointError::Scheme),
    }
    Ok(url)
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => IpAddr::V4(*ip).is_loopback(),
        Host::Ipv6(ip) => *ip == Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> String {
        Endpoint::from_url(url).unwrap().base_url().into()
    }

    fn refused(url: &str) -> String {
        Endpoint::from_url(url).unwrap_err().to_string()
    }

    #[test]
    fn base_url_is_normalized() {
        let eu2 = "https://ingress.eu2.coralogix.com";
        assert_eq!(base(" https://ingress.eu2.coralogix.com/ "), eu2);
        assert_eq!(
            base("https://Ingress.EU2.coralogix.com/logs/v1/singles/"),
            eu2
        );
        assert_eq!(
            base("https://ingress.coralogix.us"),
            "https://ingress.coralogix.us"
        );
        assert_eq!(
            base("https://ingress.private.eu2.coralogix.com"),
            "https://ingress.private.eu2.coralogix.com"
        );
        assert_eq!(base("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(base("http://localhost:1/"), "http://localhost:1");
        assert_eq!(base("http://[::1]:1"), "http://[::1]:1");
        assert_eq!(
            base("https://proxy.example.org/cx"),
            "https://proxy.example.org/cx"
        );
        let endpoint = Endpoint::from_url("https://proxy.example.org/cx/").unwrap();
        assert_eq!(endpoint.singles().path(), "/cx/logs/v1/singles");
        // A region that this version does not know yet.
        assert_eq!(
            base("https://ingress.eu9.coralogix.com"),
            "https://ingress.eu9.coralogix.com"
        );
    }

    #[test]
    fn base_url_error_says_what_to_write() {
        let cases = [
            ("", "empty"),
            ("ingress.eu2.coralogix.com", "https://"),
            ("ftp://ingress.eu2.coralogix.com", "https"),
            ("http://ingress.eu2.coralogix.com", "https"),
            ("http://10.0.0.1", "https"),
            (
                "https://eu2.coralogix.com",
                "https://ingress.eu2.coralogix.com",
            ),
            (
                "https://team.app.eu2.coralogix.com/x",
                "https://ingress.eu2.coralogix.com",
            ),
            (
                "https://team.coralogix.com",
                "https://ingress.eu1.coralogix.com",
            ),
            (
                "https://api.coralogix.us/api/v1/logs",
                "https://ingress.us1.coralogix.com",
            ),
            (
                "https://ingress-service.eu2.coralogix.com",
                "https://ingress.eu2.coralogix.com",
            ),
            (
                "https://ingress.eu2.coralogix.com/logs/rest/singles",
                "/logs/rest",
            ),
            (
                "https://ingress.eu2.coralogix.com/logs/v1/bulk",
                "/logs/v1/bulk",
            ),
            (
                "https://ingress.eu2.coralogix.com/aws/event-bridge",
                "/aws/event",
            ),
            (
                "https://team.app.eu2.coralogix.com.",
                "https://ingress.eu2.coralogix.com",
            ),
            ("https://", "URL"),
        ];
        for (url, expected) in cases {
            let message = refused(url);
            assert!(message.contains(expected), "{url}: {message}");
        }
    }

    #[test]
    fn region_has_a_public_and_a_private_ingress() {
        for region in Region::ALL {
            let hosts = [
                (false, format!("https://ingress.{}", region.domain())),
                (true, format!("https://ingress.private.{}", region.domain())),
            ];
            for (private, expected) in hosts {
                let names = [
                    Some(region.code()),
                    Some(region.domain()),
                    region.legacy_domain(),
                ];
                for name in names.into_iter().flatten() {
                    let endpoint = Endpoint::from_domain(name, private).unwrap();
                    assert_eq!(endpoint.base_url(), expected, "{name}");
                    assert_eq!(endpoint.region(), Some(region), "{name}");
                }
                let pasted = Endpoint::from_url(&expected).unwrap();
                assert_eq!(pasted.region(), Some(region));
                let singles = format!("{expected}/logs/v1/singles");
                assert_eq!(pasted.singles().to_string(), singles);
            }
            if let Some(legacy) = region.legacy_domain() {
                let old = Endpoint::from_url(&format!("https://ingress.{legacy}")).unwrap();
                assert_eq!(old.region(), Some(region), "{legacy}");
            }
        }
    }

    #[test]
    fn hosts_that_take_no_logs_are_refused_in_every_region() {
        for region in Region::ALL {
            let expected = format!("https://ingress.{}", region.domain());
            let domains = [Some(region.domain()), region.legacy_domain()];
            for domain in domains.into_iter().flatten() {
                for before in [
                    "api",
                    "private-link",
                    "private-link-api",
                    "aws-events",
                    "ingress-service",
                    "team.app",
                    "team",
                ] {
                    let host = format!("{before}.{domain}");
                    assert!(
                        refused(&format!("https://{host}")).contains(&expected),
                        "{host}"
                    );
                    let message = Endpoint::from_domain(&host, false).unwrap_err().to_string();
                    assert!(message.contains(region.domain()), "{message}");
                }
                for path in ["/api/v1/logs", "/logs/rest/singles", "/logs/rest/bulk"] {
                    let message = refused(&format!("{expected}{path}"));
                    assert!(message.contains("retired API"), "{message}");
                }
            }
        }
    }

    #[test]
    fn domain_that_reads_as_an_ip_address_is_refused() {
        for domain in ["1.2", "a.b.0x7f", "logs.example.1"] {
            let error = Endpoint::from_domain(domain, false).unwrap_err();
            assert_eq!(error, EndpointError::NotADomain, "{domain}");
        }
    }

    #[test]
    fn user_info_and_queries_are_refused_and_not_repeated() {
        for url in [
            "https://hunter2@ingress.eu2.coralogix.com",
            "https://u:hunter2@ingress.eu2.coralogix.com",
            "https://ingress.eu2.coralogix.com/?key=hunter2",
            "https://ingress.eu2.coralogix.com/#hunter2",
            "hunter2://x",
            "https://hunter2:x:y",
        ] {
            assert!(!refused(url).contains("hunter2"), "{url}: {}", refused(url));
        }
    }
}
