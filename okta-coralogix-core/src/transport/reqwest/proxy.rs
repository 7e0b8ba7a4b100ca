//! Which proxy a request goes through.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Proxy, Url};

use crate::text::{quote, utf8};
use crate::{Error, Result, Secret};

/// Hosts that never lie behind a proxy: this machine, and the addresses at which clouds give a machine its credentials.
const NEVER: &str =
    "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10,fd00:ec2::/32,metadata.google.internal";

/// The HTTP proxy of requests, by their scheme and host.
///
/// Requests to this machine (loopback) and to the addresses at which clouds give a machine its credentials (`169.254.0.0/16`,
/// `fd00:ec2::/32`, `metadata.google.internal`) never go through a proxy. An `https` request is tunnelled (CONNECT): the proxy sees the
/// host and no content.
#[derive(Clone, Default)]
pub struct ProxySettings {
    http: Option<ProxyServer>,
    https: Option<ProxyServer>,
    bypass: Vec<Bypass>,
}

/// A proxy.
#[derive(Clone)]
pub(super) struct ProxyServer {
    pub(super) proxy: Proxy,
    /// Its host and port, and the setting that names it.
    pub(super) name: String,
}

/// Hosts that are asked directly.
#[derive(Clone)]
struct Bypass {
    /// At this port alone.
    port: Option<u16>,
    hosts: Arc<Matcher>,
}

impl ProxySettings {
    /// No proxy.
    #[must_use]
    pub fn direct() -> Self {
        Self::default()
    }

    /// Everything through the proxy at `url`, such as `http://user:password@proxy.example.org:3128`. Errors name it as that of `setting`.
    ///
    /// # Errors
    /// `Config` if it is no URL of an HTTP proxy; the error does not repeat it, since it may hold a password.
    pub fn url(setting: &str, url: &Secret) -> Result<Self> {
        let server = ProxyServer::new(setting, url)?;
        Ok(Self {
            http: Some(server.clone()),
            https: Some(server),
            bypass: Vec::new(),
        })
    }

    /// The proxies that the variables `HTTPS_PROXY` and `HTTP_PROXY` name, `ALL_PROXY` for both, and the hosts of `NO_PROXY`, each also in
    /// small letters. `variables` looks a variable up, such as [`std::env::var_os`].
    ///
    /// # Errors
    /// `Config` if a value is not UTF-8 or no URL of an HTTP proxy.
    pub fn from_env(variables: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let server = |name: &str| {
            let named = variable(&variables, name)?;
            named
                .map(|(name, url)| ProxyServer::new(&name, &url.into()))
                .transpose()
        };
        let all = server("ALL_PROXY")?;
        let settings = Self {
            http: server("HTTP_PROXY")?.or_else(|| all.clone()),
            https: server("HTTPS_PROXY")?.or(all),
            bypass: Vec::new(),
        };
        settings.except_env(variables)
    }

    /// [Excepts](Self::except) the hosts of the variable `NO_PROXY`, also in small letters, as [`from_env`](Self::from_env) does.
    ///
    /// # Errors
    /// `Config` if the value is not UTF-8.
    pub fn except_env(self, variables: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        Ok(match variable(&variables, "NO_PROXY")? {
            Some((_, hosts)) => self.except(&hosts),
            None => self,
        })
    }

    /// Asks these hosts directly. Separated by commas: `*`; a domain, with all below it (`example.org`, `.example.org`,
    /// `*.example.org`); an address; a network (`10.0.0.0/8`); each with `:port` for that port alone.
    #[must_use]
    pub fn except(mut self, hosts: &str) -> Self {
        for host in hosts.split([',', ' ']).filter(|host| !host.is_empty()) {
            let (host, port) = split_port(host);
            let host = host.strip_prefix("*.").unwrap_or(host);
            self.bypass.push(Bypass {
                port,
                hosts: Arc::new(matcher(host)),
            });
        }
        self
    }

    /// The first of the hosts for [`except`](Self::except) that excepts nothing: it is no domain, address or network. `None`: each can.
    #[must_use]
    pub fn unusable_host(hosts: &str) -> Option<&str> {
        let mut hosts = hosts.split([',', ' ']).filter(|host| !host.is_empty());
        hosts.find(|host| !may_except(split_port(host).0))
    }

    /// The proxy of requests to `uri`, as its host and port and the setting that names it; `None`: they go directly.
    #[must_use]
    pub fn proxy_of(&self, uri: &Uri) -> Option<&str> {
        let server = self.server(uri.scheme_str()? == "https", uri.host()?, uri.port_u16());
        server.map(|server| &*server.name)
    }

    pub(super) fn server(
        &self,
        https: bool,
        host: &str,
        port: Option<u16>,
    ) -> Option<&ProxyServer> {
        let (server, default) = match https {
            true => (&self.https, 443),
            false => (&self.http, 80),
        };
        let port = port.unwrap_or(default);
        let server = server.as_ref()?;
        let is_excepted = |bypass: &Bypass| {
            bypass.port.is_none_or(|only| only == port) && contains(&bypass.hosts, host)
        };
        let is_direct = contains(&matcher(NEVER), host) || self.bypass.iter().any(is_excepted);
        (!is_direct).then_some(server)
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |server: &Option<ProxyServer>| server.as_ref().map(|server| server.name.clone());
        f.debug_struct("ProxySettings")
            .field("http", &name(&self.http))
            .field("https", &name(&self.https))
            .finish_non_exhaustive()
    }
}

/// The name and value of a variable, which may be written in small letters; `None` also if it is empty.
fn variable(
    variables: &impl Fn(&str) -> Option<OsString>,
    name: &str,
) -> Result<Option<(String, String)>> {
    let names = [name.to_owned(), name.to_lowercase()];
    let set = |name: String| variables(&name).map(|value| (name, value));
    let set = names.into_iter().find_map(set);
    set.filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| utf8(&name, value).map(|value| (name, value)))
        .transpose()
}

impl ProxyServer {
    fn new(setting: &str, url: &Secret) -> Result<Self> {
        let written = url.expose().trim();
        let no_url = |detail: String| Error::config(setting, detail);
        let example = "write one such as http://proxy.example.org:3128";
        if let Some((scheme, _)) = written.split_once("://")
            && !matches!(&*scheme.to_ascii_lowercase(), "http" | "https")
        {
            let scheme = quote(scheme);
            return Err(no_url(format!(
                "{scheme} is not the scheme of an HTTP proxy; {example}"
            )));
        }
        let invalid = || no_url(format!("it is not a URL; {example}"));
        let proxy = Proxy::all(written).map_err(|_| invalid())?;
        let address = host_and_port(written).ok_or_else(invalid)?;
        Ok(Self {
            proxy,
            name: format!("{address} (of {setting})"),
        })
    }
}

/// Host and port of a proxy's URL, which may be written without its scheme, and may hold a password.
fn host_and_port(proxy: &str) -> Option<String> {
    let has_host = |url: &Url| url.has_host();
    let url = Url::parse(proxy).ok().filter(has_host);
    let url = url.or_else(|| Url::parse(&format!("http://{proxy}")).ok().filter(has_host))?;
    let host = url.host_str()?;
    Some(match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The port behind a host, which may be an IPv6 address.
fn split_port(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (without_brackets(name), Some(port)),
            Err(_) => (host, None),
        },
        _ => (without_brackets(host), None),
    }
}

/// True for `*`, a domain, an address or a network.
fn may_except(host: &str) -> bool {
    if let Some((address, bits)) = host.split_once('/') {
        let most = match address.parse() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        return bits.parse::<u8>().is_ok_and(|bits| bits <= most);
    }
    let domain = host.strip_prefix("*.").unwrap_or(host);
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let is_of_domain = |char: char| char.is_alphanumeric() || "-_.".contains(char);
    host == "*"
        || host.parse::<IpAddr>().is_ok()
        || !domain.is_empty() && domain.chars().all(is_of_domain)
}

fn without_brackets(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// Finds the hosts of a list: what it does not send through a proxy.
fn matcher(hosts: &str) -> Matcher {
    Matcher::builder().all("http://proxy").no(hosts).build()
}

fn contains(hosts: &Matcher, host: &str) -> bool {
    let uri = Uri::builder()
        .scheme("http")
        .authority(host)
        .path_and_query("/")
        .build();
    uri.is_ok_and(|uri| hosts.intercept(&uri).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of<'a>(settings: &'a ProxySettings, uri: &str) -> Option<&'a str> {
        settings.proxy_of(&uri.parse().unwrap())
    }

    fn from(variables: &[(&'static str, &str)]) -> Result<ProxySettings> {
        ProxySettings::from_env(|name| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn proxy_is_chosen_by_scheme_and_host_as_others_read_the_variables() {
        let settings = from(&[
            ("HTTPS_PROXY", "http://u:hunter2@secure.example:3128"),
            ("all_proxy", "plain.example:8080"),
            (
                "NO_PROXY",
                "internal.example, *.corp.example,.dot.example,10.0.0.0/8,192.0.2.7,[2001:db8::1]:8443,host.example:444",
            ),
        ])
        .unwrap();
        let secure = Some("secure.example:3128 (of HTTPS_PROXY)");
        for (uri, proxy) in [
            ("https://acme.okta.com/api", secure),
            (
                "http://acme.okta.com",
                Some("plain.example:8080 (of all_proxy)"),
            ),
            ("https://internal.example", None),
            ("https://a.internal.example", None),
            ("https://notinternal.example", secure),
            ("https://a.corp.example", None),
            ("https://corp.example", None),
            ("https://a.dot.example", None),
            ("https://10.20.30.40", None),
            ("https://11.0.0.1", secure),
            ("https://192.0.2.7:8443", None),
            ("https://[2001:db8::1]:8443", None),
            ("https://[2001:db8::1]", secure),
            ("https://host.example:444", None),
            ("https://host.example", secure),
        ] {
            assert_eq!(proxy_of(&settings, uri), proxy, "{uri}");
        }
        assert!(!format!("{settings:?}").contains("hunter2"));
        let none = from(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "*")]).unwrap();
        assert_eq!(proxy_of(&none, "https://acme.okta.com"), None);
        let empty = from(&[("HTTPS_PROXY", ""), ("https_proxy", "http://p:1")]).unwrap();
        assert_eq!(proxy_of(&empty, "https://acme.okta.com"), None);
    }

    #[test]
    fn loopback_and_credential_endpoints_never_go_through_a_proxy() {
        let settings = ProxySettings::url("--proxy", &"http://p.example:1".into()).unwrap();
        for host in [
            "localhost",
            "127.0.0.1",
            "127.8.9.1",
            "[::1]",
            "169.254.169.254",
            "169.254.170.2",
            "[fd00:ec2::254]",
            "metadata.google.internal",
        ] {
            for scheme in ["http", "https"] {
                let uri = format!("{scheme}://{host}:8080/");
                assert_eq!(proxy_of(&settings, &uri), None, "{uri}");
            }
        }
        let name = Some("p.example:1 (of --proxy)");
        assert_eq!(proxy_of(&settings, "https://acme.okta.com"), name);
    }

    #[test]
    fn proxy_that_is_none_is_refused_without_its_password() {
        for (url, part) in [
            ("http://u:hunter2@", "it is not a URL"),
            ("http://u:hunter2@host:99999", "it is not a URL"),
            ("", "it is not a URL"),
            (
                "socks5://u:hunter2@host:1080",
                "\"socks5\" is not the scheme of an HTTP proxy",
            ),
        ] {
            let error = ProxySettings::url("HTTPS_PROXY", &url.into()).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(part) && text.contains("HTTPS_PROXY"),
                "{text}"
            );
            assert!(text.contains("http://proxy.example.org:3128"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
