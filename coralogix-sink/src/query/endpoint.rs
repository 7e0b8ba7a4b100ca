//! The URL that queries are sent to, from a domain or a base URL.

use http::Uri;
use url::Url;

use super::service::SettingNames;
use crate::domain;
use crate::endpoint::read_base_url;
use crate::endpoint_error::EndpointError;
use crate::region::Region;

/// The path of the API below an endpoint.
pub(crate) const QUERY: &str = "/api/v1/dataprime/query";

/// A host that answers `POST /api/v1/dataprime/query`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryEndpoint {
    base: String,
    query: Uri,
    region: Option<Region>,
}

impl QueryEndpoint {
    /// `https://api.<domain>`, from a region code in any case (`EU2`) or a domain, as [`Endpoint::from_domain`](crate::Endpoint::from_domain)
    /// takes it.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn from_domain(domain: &str) -> Result<Self, String> {
        Self::of_domain(domain, SettingNames::FIELDS.endpoint)
    }

    /// As [`from_domain`](Self::from_domain); `endpoint` is the name of the setting for a base URL.
    pub(super) fn of_domain(domain: &str, endpoint: &str) -> Result<Self, String> {
        let ingress = domain::parse(domain).map_err(|error| explain(&error, endpoint))?;
        Self::assemble(&format!("https://api.{}", ingress.domain), ingress.region)
    }

    /// From a base URL: `https://api.eu2.coralogix.com`, the older `https://ng-api-http.eu2.coralogix.com`, a reverse proxy, or `http://` on
    /// loopback. A pasted path of the API is removed.
    ///
    /// # Errors
    /// What is wrong, and what to write instead. It never repeats user info or a query.
    pub fn from_url(url: &str) -> Result<Self, String> {
        let url =
            read_base_url(url).map_err(|error| explain(&error, SettingNames::FIELDS.endpoint))?;
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let found = Region::of_host(host);
        if let Some((region, before)) = found {
            let first = before.split('.').next().unwrap_or_default();
            let is_other = first.is_empty()
                || first.starts_with("ingress")
                || before.split('.').any(|label| label == "app");
            if is_other {
                let domain = region.domain();
                return Err(format!(
                    "it names a host that answers no queries; write `https://api.{domain}`"
                ));
            }
        }
        let path = url.path().trim_end_matches('/');
        let path = path
            .strip_suffix(QUERY)
            .unwrap_or(path)
            .trim_end_matches('/');
        let origin = url.origin().ascii_serialization();
        Self::assemble(&format!("{origin}{path}"), found.map(|(region, _)| region))
    }

    fn assemble(base: &str, region: Option<Region>) -> Result<Self, String> {
        let query = format!("{base}{QUERY}");
        let not_a_domain = || EndpointError::NotADomain.to_string();
        // The client reads it once more, by other rules.
        let read = Url::parse(&query).map_err(|_| not_a_domain())?;
        let query: Uri = query.parse().map_err(|_| not_a_domain())?;
        match read.host_str() == query.host() {
            true => Ok(Self {
                base: base.into(),
                query,
                region,
            }),
            false => Err(not_a_domain()),
        }
    }

    /// The base URL, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// The URL that queries are posted to.
    #[must_use]
    pub fn query_url(&self) -> &Uri {
        &self.query
    }

    /// The region, where the host belongs to a known one.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region
    }
}

/// The error of a domain or a URL, with the host of queries where that of logs would be named, and with the setting `endpoint` for a base URL.
fn explain(error: &EndpointError, endpoint: &str) -> String {
    match error {
        EndpointError::UnknownRegionDomain(domain) => {
            let known = Region::codes();
            format!(
                "`{domain}` is the domain of no known region ({known}); for a newer one give the base URL `https://api.{domain}` as {endpoint}"
            )
        }
        EndpointError::Government(domain) => {
            format!(
                "give the base URL that Coralogix names to you as {endpoint}, such as `https://ng-api-http.{domain}`"
            )
        }
        EndpointError::AddressForDomain => {
            format!(
                "it is an address or has a port; give it as {endpoint}, a base URL such as `https://api.eu2.coralogix.com`"
            )
        }
        EndpointError::NotAUrl(why) => {
            format!("it is not a URL ({why}); write one such as `https://api.eu2.coralogix.com`")
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_endpoint_is_found_by_region_domain_and_url() {
        for region in Region::ALL {
            let expected = format!("https://api.{}", region.domain());
            for name in [
                Some(region.code()),
                Some(region.domain()),
                region.legacy_domain(),
            ]
            .into_iter()
            .flatten()
            {
                let endpoint = QueryEndpoint::from_domain(name).unwrap();
                assert_eq!(endpoint.base_url(), expected, "{name}");
                assert_eq!(endpoint.region(), Some(region));
            }
            let pasted =
                QueryEndpoint::from_url(&format!("{expected}//api/v1/dataprime/query/")).unwrap();
            assert_eq!(pasted.query_url().to_string(), format!("{expected}{QUERY}"));
        }
        for (url, base) in [
            (
                "https://ng-api-http.eu2.coralogix.com/",
                "https://ng-api-http.eu2.coralogix.com",
            ),
            (
                "https://ng-api-http.gov1.coralogixgov.us",
                "https://ng-api-http.gov1.coralogixgov.us",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            (
                "https://proxy.example.org/cx/",
                "https://proxy.example.org/cx",
            ),
        ] {
            assert_eq!(QueryEndpoint::from_url(url).unwrap().base_url(), base);
        }
        let domain = QueryEndpoint::from_domain("logs.example.org").unwrap();
        assert_eq!(domain.base_url(), "https://api.logs.example.org");
    }

    #[test]
    fn query_endpoint_error_names_the_host_of_queries() {
        let api = "write `https://api.eu2.coralogix.com`";
        for (url, expected) in [
            ("https://ingress.eu2.coralogix.com", api),
            ("https://ingress.private.eu2.coralogix.com", api),
            ("https://eu2.coralogix.com", api),
            ("https://team.app.eu2.coralogix.com", api),
            (
                "http://api.eu2.coralogix.com",
                "`http` is allowed on loopback only",
            ),
            ("https://", "https://api.eu2.coralogix.com"),
            ("api.eu2.coralogix.com", "no scheme"),
            ("https://u:hunter2@api.eu2.coralogix.com", "user info"),
            ("https://api.eu2.coralogix.com/?x=hunter2", "query"),
        ] {
            let error = QueryEndpoint::from_url(url).unwrap_err();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        for (domain, expected) in [
            (
                "eu9.coralogix.com",
                "`https://api.eu9.coralogix.com` as query_endpoint",
            ),
            ("GOV1", "https://ng-api-http.gov1.coralogixgov.us"),
            ("127.0.0.1", "https://api.eu2.coralogix.com"),
            ("EU9", "EU1, EU2"),
        ] {
            let error = QueryEndpoint::from_domain(domain).unwrap_err();
            assert!(error.contains(expected), "{domain}: {error}");
        }
    }
}
