//! How the programs reach Okta, Coralogix and AWS: the proxy, and the certificates that are trusted.

use std::fs;

use http::Uri;
use okta_coralogix_core::transport::{ProxySettings, ReqwestTransport, ReqwestTransportBuilder};
use okta_coralogix_core::{Error, Result};

use super::{Environment, secrets};

/// The value of `--proxy` for none.
const DIRECT: &str = "direct";

const CA_FILE: &str = "--ca-file";

/// The variable of `--proxy`, whose value may be in a file, since it may have a password.
const PROXY: &str = "OKTA_CORALOGIX_PROXY";

/// The variables beside those of the flags.
pub const VARIABLES: [&str; 1] = ["OKTA_CORALOGIX_PROXY_FILE"];

/// The flags of every program.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct NetworkArgs {
    /// The HTTP proxy, `http://user:password@host:port`, or `direct` for none [default: that of HTTPS_PROXY or ALL_PROXY]
    #[arg(long, value_name = "URL|direct")]
    proxy: Option<String>,
    /// More hosts that are asked without the proxy, beside those of NO_PROXY: domains, addresses, networks
    #[arg(long, value_name = "HOSTS")]
    no_proxy: Option<String>,
    /// A PEM file of certificates that are trusted beside those of the system, such as that of a proxy which inspects TLS
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
}

/// The way to the network. Clones share root certificates.
#[derive(Debug, Clone, Default)]
pub struct Network {
    proxy: ProxySettings,
    transports: ReqwestTransportBuilder,
}

impl Network {
    /// Reads the flags, and the variables of proxies that other programs read too.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong; not with the value, which may hold a password.
    pub fn read(args: NetworkArgs, environment: &Environment) -> Result<Self> {
        let in_file = secrets::read(environment, PROXY)?;
        let given = match (args.proxy, in_file) {
            (Some(_), Some((file, _))) if file == VARIABLES[0] => {
                let detail = format!("is set beside {file}; set one of them");
                return Err(Error::config("--proxy", detail));
            }
            (Some(flag), _) => Some(("--proxy".to_owned(), flag)),
            (None, found) => found.map(|(name, url)| (name, url.expose().to_owned())),
        };
        let proxy = match given {
            Some((_, value)) if value.trim() == DIRECT => ProxySettings::direct(),
            Some((name, url)) => {
                let proxy = ProxySettings::url(&name, &url.into())?;
                proxy.except_env(|name| environment.raw(name))?
            }
            None => ProxySettings::from_env(|name| environment.raw(name))?,
        };
        let proxy = match environment.flag("--no-proxy", args.no_proxy)? {
            Some((_, hosts)) => proxy.except(&hosts),
            None => proxy,
        };
        let mut transports = ReqwestTransport::builder()
            .proxy(proxy.clone())
            .certificate_setting(CA_FILE);
        if let Some((name, path)) = environment.flag(CA_FILE, args.ca_file)? {
            let pem = fs::read(&path).map_err(|error| {
                let detail =
                    format!("{path:?} cannot be read ({error}); write the path of a PEM file");
                Error::config(&name, detail).with_source(error)
            })?;
            transports = transports.root_certificates(&name, &pem)?;
        }
        Ok(Self { proxy, transports })
    }

    /// A client, with connections of its own.
    #[must_use]
    pub fn transport(&self) -> ReqwestTransport {
        self.transports.build()
    }

    /// The proxy of requests to `uri`, for messages.
    #[must_use]
    pub fn proxy_of(&self, uri: &Uri) -> Option<&str> {
        self.proxy.proxy_of(uri)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn read(args: NetworkArgs, variables: &'static [(&str, &str)]) -> Result<Network> {
        let environment = Environment::new(|name| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| OsString::from(value))
        });
        Network::read(args, &environment)
    }

    fn proxy(value: &str) -> NetworkArgs {
        NetworkArgs {
            proxy: Some(value.to_owned()),
            ..NetworkArgs::default()
        }
    }

    fn proxy_of(network: &Network) -> Option<&str> {
        network.proxy_of(&Uri::from_static("https://acme.okta.com"))
    }

    #[test]
    fn proxy_flag_goes_before_the_variables_and_direct_means_none() {
        const SET: &[(&str, &str)] = &[("HTTPS_PROXY", "http://env.example:1")];
        let network = read(NetworkArgs::default(), SET).unwrap();
        assert_eq!(proxy_of(&network), Some("env.example:1 (of HTTPS_PROXY)"));
        let network = read(proxy("http://flag.example:2"), SET).unwrap();
        assert_eq!(proxy_of(&network), Some("flag.example:2 (of --proxy)"));
        assert_eq!(proxy_of(&read(proxy("direct"), SET).unwrap()), None);
        let own = &[
            ("OKTA_CORALOGIX_PROXY", "http://own.example:3"),
            ("NO_PROXY", "okta.com"),
        ];
        assert_eq!(proxy_of(&read(NetworkArgs::default(), own).unwrap()), None);
        let excepted = NetworkArgs {
            no_proxy: Some(".okta.com".to_owned()),
            ..proxy("http://flag.example:2")
        };
        assert_eq!(proxy_of(&read(excepted, &[]).unwrap()), None);
    }

    #[test]
    fn no_proxy_excepts_the_same_hosts_with_and_without_the_proxy_flag() {
        const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://p.example:1");
        for (variables, is_excepted) in [
            (&[PROXY][..], false),
            (&[PROXY, ("NO_PROXY", "okta.com")], true),
            (&[PROXY, ("no_proxy", "okta.com")], true),
            (
                &[
                    PROXY,
                    ("NO_PROXY", "other.example"),
                    ("no_proxy", "okta.com"),
                ],
                false,
            ),
            (&[PROXY, ("NO_PROXY", ""), ("no_proxy", "okta.com")], false),
        ] {
            for args in [NetworkArgs::default(), proxy("http://p.example:1")] {
                let network = read(args, variables).unwrap();
                assert_eq!(proxy_of(&network).is_none(), is_excepted, "{variables:?}");
            }
        }
        let added = NetworkArgs {
            no_proxy: Some("other.example".to_owned()),
            ..proxy("http://p.example:1")
        };
        let network = read(added, &[("NO_PROXY", "okta.com")]).unwrap();
        assert_eq!(proxy_of(&network), None, "--no-proxy adds to NO_PROXY");
    }

    #[test]
    fn wrong_network_settings_are_named_without_the_password() {
        let text = |args| read(args, &[]).unwrap_err().to_string();
        let wrong = text(proxy("socks5://user:hunter2@host:1"));
        assert!(
            wrong.contains("--proxy") && !wrong.contains("hunter2"),
            "{wrong}"
        );
        let ca_file = NetworkArgs {
            ca_file: Some("/nowhere/ca.pem".to_owned()),
            ..NetworkArgs::default()
        };
        let wrong = text(ca_file);
        assert!(
            wrong.contains("--ca-file") && wrong.contains("cannot be read"),
            "{wrong}"
        );
    }
}
