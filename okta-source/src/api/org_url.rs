//! The address of an Okta org, parsed from the forms in which people write it.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// The Admin Console of an org is at `{sub}-admin` under these; the API is not.
/// (Okta SDK for Python, `config_validator.py`; Okta developer docs, "Okta organizations", 2026.)
const OKTA_DOMAINS: [&str; 8] = [
    "okta.com",
    "oktapreview.com",
    "okta-emea.com",
    "okta-gov.com",
    "okta.mil",
    "okta-miltest.com",
    "trexcloud.com",
    "trex-govcloud.com",
];

/// The address of an org: scheme, host and port, nothing else.
///
/// ```
/// use okta_source::OrgUrl;
///
/// let org = OrgUrl::parse("example.okta.com/api/v1/logs")?;
/// assert_eq!(org.as_str(), "https://example.okta.com");
/// assert_eq!(org.subdomain(), "example");
/// let wrong = OrgUrl::parse("https://example-admin.okta.com").unwrap_err();
/// assert!(wrong.to_string().contains("write https://example.okta.com"));
/// # Ok::<(), okta_source::OrgUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OrgUrl {
    url: Url,
    origin: String,
}

/// Why a text is no address of an org. Each message is one sentence that names the error and the address to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OrgUrlError {
    /// Empty.
    #[error("is empty; write the address of your org, such as https://example.okta.com")]
    Empty,
    /// No URL, or no host in it.
    #[error(
        "has no readable host name; write the address of your org, such as https://example.okta.com"
    )]
    Unreadable,
    /// One label only.
    #[error("is not a full host name; write https://{0}.okta.com, or the org's custom domain")]
    NotFull(String),
    /// A scheme that is not HTTP.
    #[error("has the scheme {scheme}; write https://{host}")]
    #[non_exhaustive]
    Scheme {
        /// The given scheme.
        scheme: String,
        /// The given host.
        host: String,
    },
    /// Plain HTTP to another machine.
    #[error("would send the token unprotected over http; write https://{0}")]
    Unprotected(String),
    /// The Admin Console.
    #[error("is the Admin Console, which does not serve the API; write https://{0}")]
    AdminConsole(String),
    /// A user name or a password in the address.
    #[error("contains a user name or a password; write https://{0} and give the token on its own")]
    UserInfo(String),
}

impl OrgUrl {
    /// Reads an address: the scheme may be missing; a path, a query and a trailing slash are dropped.
    ///
    /// # Errors
    /// [`OrgUrlError`]. It repeats nothing of a password that was written into the address.
    pub fn parse(text: &str) -> Result<Self, OrgUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(OrgUrlError::Empty);
        }
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(|_| OrgUrlError::Unreadable)?;
        let host = url.host().ok_or(OrgUrlError::Unreadable)?;
        let name = host.to_string();
        let loopback = match &host {
            Host::Domain(domain) => {
                checked(domain)?;
                *domain == "localhost"
            }
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OrgUrlError::UserInfo(name));
        }
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(OrgUrlError::Unprotected(name)),
            scheme => {
                return Err(OrgUrlError::Scheme {
                    scheme: scheme.to_owned(),
                    host: name,
                });
            }
        }
        let origin = url.origin().ascii_serialization();
        let url = Url::parse(&origin).map_err(|_| OrgUrlError::Unreadable)?;
        Ok(Self { url, origin })
    }

    /// Scheme, host and, where it is not the usual one, port; no slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The name of the org, as its events carry it: the subdomain where Okta's own domain follows (`example` of
    /// `example.okta.com`), as EventBridge names it too; the whole host where it is a custom domain or an IP address.
    #[must_use]
    pub fn subdomain(&self) -> &str {
        let host = self.host();
        match host.split_once('.') {
            Some((subdomain, domain)) if OKTA_DOMAINS.contains(&domain) => subdomain,
            _ => host,
        }
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

/// Refuses host names that are no org: placeholders, a bare subdomain, the Admin Console.
fn checked(domain: &str) -> Result<(), OrgUrlError> {
    let readable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !domain.chars().all(readable) {
        return Err(OrgUrlError::Unreadable);
    }
    match domain.split_once('.') {
        None | Some((_, "")) if domain != "localhost" => Err(OrgUrlError::NotFull(
            domain.trim_end_matches('.').to_owned(),
        )),
        Some((label, rest)) if OKTA_DOMAINS.contains(&rest) => match label.strip_suffix("-admin") {
            Some(org) => Err(OrgUrlError::AdminConsole(format!("{org}.{rest}"))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

impl fmt::Display for OrgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Debug for OrgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrgUrl").field(&self.origin).finish()
    }
}

impl From<OrgUrlError> for okta_coralogix_core::Error {
    fn from(error: OrgUrlError) -> Self {
        Self::config("org_url", &error).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn org_url_is_accepted_as_people_paste_it() {
        for (text, origin) in [
            ("example.okta.com", "https://example.okta.com"),
            (" https://Example.Okta.com/ ", "https://example.okta.com"),
            (
                "https://example.okta.com/api/v1/logs?limit=5#x",
                "https://example.okta.com",
            ),
            ("https://example.okta.com:443", "https://example.okta.com"),
            ("example.okta.com:8443/", "https://example.okta.com:8443"),
            ("https://login.example.com", "https://login.example.com"),
            (
                "https://login-admin.example.com",
                "https://login-admin.example.com",
            ),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(OrgUrl::parse(text).unwrap().as_str(), origin, "{text}");
        }
    }

    #[test]
    fn org_url_accepts_okta_and_custom_domains() {
        for domain in OKTA_DOMAINS {
            for sub in [
                "acme",
                "integrator-1234567",
                "trial-1234567",
                "dev-123",
                "my-admin-team",
                "admin",
            ] {
                let host = format!("{sub}.{domain}");
                for text in [
                    host.clone(),
                    format!("https://{host}"),
                    format!("https://{host}/"),
                    format!("{host}/api/v1/logs?limit=1"),
                    format!("HTTPS://{}/app/UserHome#x", host.to_uppercase()),
                    format!("\t{host}:443\n"),
                ] {
                    let org = OrgUrl::parse(&text).unwrap();
                    assert_eq!(org.as_str(), format!("https://{host}"), "{text}");
                    assert_eq!(org.subdomain(), sub, "{text}");
                }
            }
            for text in [
                format!("acme-admin.{domain}"),
                format!("https://acme-admin.{domain}/admin/dashboard"),
                format!("https://ACME-ADMIN.{domain}:443/"),
            ] {
                let error = OrgUrl::parse(&text).unwrap_err();
                assert_eq!(error, OrgUrlError::AdminConsole(format!("acme.{domain}")));
                let instead = format!("write https://acme.{domain}");
                assert!(error.to_string().ends_with(&instead), "{error}");
            }
            let bare = OrgUrl::parse(domain).unwrap();
            assert_eq!(
                bare.subdomain(),
                domain,
                "no org of Okta's, but nothing to be sure of"
            );
        }
        for custom in [
            "login.example.com",
            "id.example.co.uk",
            "login-admin.example.com",
            "okta.example.com",
            "acme.okta.com.example.com",
            "acme-admin.myokta.com",
        ] {
            let org = OrgUrl::parse(custom).unwrap();
            assert_eq!(org.as_str(), format!("https://{custom}"));
            assert_eq!(
                org.subdomain(),
                custom,
                "a custom domain is a name of its own"
            );
        }
    }

    #[test]
    fn org_url_refusal_says_what_to_write_instead() {
        for (text, instead) in [
            ("", "https://example.okta.com"),
            ("https://", "https://example.okta.com"),
            ("https://<your org>.okta.com", "https://example.okta.com"),
            ("https://{yourOktaDomain}", "https://example.okta.com"),
            ("acme", "https://acme.okta.com"),
            ("ftp://example.okta.com", "https://example.okta.com"),
            ("http://example.okta.com", "https://example.okta.com"),
            (
                "http://localhost.example.com",
                "https://localhost.example.com",
            ),
            ("http://10.0.0.1", "https://10.0.0.1"),
            (
                "https://acme-admin.okta.com/admin/dashboard",
                "https://acme.okta.com",
            ),
            ("acme-admin.oktapreview.com", "https://acme.oktapreview.com"),
            (
                "https://acme-admin.okta-gov.com",
                "https://acme.okta-gov.com",
            ),
        ] {
            let message = OrgUrl::parse(text).unwrap_err().to_string();
            assert!(
                message.contains(&format!("write {instead}")) || message.ends_with(instead),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn org_url_password_is_not_repeated_in_the_error() {
        let error = OrgUrl::parse("https://ann:hunter2@example.okta.com").unwrap_err();
        assert_eq!(error, OrgUrlError::UserInfo("example.okta.com".into()));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(OrgUrl::parse("https://ann@example.okta.com").is_err());
    }
}
