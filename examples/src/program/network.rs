//! How the programs reach Okta, Coralogix and AWS: the proxy, and the certificates that are trusted.

use http::Uri;
use okta_coralogix_core::internal::text::{MAX_CERTIFICATE_BYTES, read_file};
use okta_coralogix_core::text::quote;
use okta_coralogix_core::transport::{ProxySettings, ReqwestTransport, ReqwestTransportBuilder};
use okta_coralogix_core::{Error, Result};

use super::settings::{About, Flags, Group, Setting, Written, parse};
use super::{Environment, secrets};

/// The value of `--proxy` for none.
const DIRECT: &str = "direct";

/// The HTTP proxy.
pub static PROXY: Setting<String> = Setting {
    about: About {
        flag: "--proxy",
        value: "URL|direct",
        default: "that of HTTPS_PROXY, else ALL_PROXY",
        example: "http://user:password@host:port",
        builder: "ReqwestTransportBuilder::proxy",
        help: "The HTTP proxy, http://user:password@host:port, or direct for none",
        reason: "as other programs of the machine reach the internet",
        ..About::NONE
    },
    parse: parse::text,
};

/// Hosts that are asked directly.
pub static NO_PROXY: Setting<String> = Setting {
    about: About {
        flag: "--no-proxy",
        value: "HOSTS",
        default: "that of NO_PROXY",
        example: "10.0.0.0/8,internal.example",
        builder: "ProxySettings::except",
        help: "More hosts that are asked without the proxy, beside those of NO_PROXY: domains, addresses, networks",
        reason: "as other programs of the machine reach the internet",
        ..About::NONE
    },
    parse: parse::text,
};

/// What is said of an element of a list that excepts nothing.
const NO_HOST: &str = "is no domain, address or network, so that it excepts nothing; write one such as internal.example, 10.1.2.3 or 10.0.0.0/8";

/// Certificates that are trusted too.
pub static CA_FILE: Setting<String> = Setting {
    about: About {
        flag: "--ca-file",
        value: "FILE",
        default: "none",
        example: "/etc/ssl/proxy-ca.pem",
        builder: "ReqwestTransportBuilder::root_certificates",
        help: "A PEM file of certificates that are trusted beside those of the system, such as that of a proxy which inspects TLS",
        reason: "the certificates of the system are enough elsewhere",
        ..About::NONE
    },
    parse: parse::text,
};

/// The variables beside those of the flags.
pub const VARIABLES: [&str; 1] = ["OKTA_CORALOGIX_PROXY_FILE"];

/// The flags of every program.
#[derive(Debug)]
pub struct NetworkGroup;

impl Group for NetworkGroup {
    const SETTINGS: &'static [&'static About] = &[&PROXY.about, &NO_PROXY.about, &CA_FILE.about];
}

/// Those of [`NetworkGroup`].
pub type NetworkArgs = Flags<NetworkGroup>;

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
    pub fn read(args: &NetworkArgs, environment: &Environment) -> Result<Self> {
        let values = args.values(environment);
        let written = values.find(&PROXY.about)?;
        // It may have a password, and so it may be in a file.
        let in_file = secrets::read(environment, &PROXY.about.variable())?;
        let given = match (written, in_file) {
            (Some(Written { setting, .. }), Some((file, _))) if file == VARIABLES[0] => {
                let detail = format!("is set beside {file}; set one of them");
                return Err(Error::config(&setting, detail));
            }
            (None, Some((setting, url))) => Some(Written {
                setting,
                value: url.expose().to_owned(),
            }),
            (written, _) => written,
        };
        let proxy = match given {
            Some(Written { value, .. }) if value.trim() == DIRECT => ProxySettings::direct(),
            Some(Written { setting, value }) => {
                let proxy = ProxySettings::url(&setting, &value.into())?;
                proxy.except_env(|name| environment.raw(name))?
            }
            None => ProxySettings::from_env(|name| environment.raw(name))?,
        };
        let proxy = match values.find(&NO_PROXY.about)? {
            Some(hosts) => {
                if let Some(host) = ProxySettings::unusable_host(&hosts.value) {
                    let detail = format!("{} {NO_HOST}", quote(host));
                    return Err(Error::config(&hosts.setting, detail));
                }
                proxy.except(&hosts.value)
            }
            None => proxy,
        };
        // Others read it too, and may make something of it.
        for name in ["NO_PROXY", "no_proxy"] {
            if let Ok(Some(hosts)) = environment.get(name)
                && let Some(host) = ProxySettings::unusable_host(&hosts)
            {
                let warning = format!("{name}: {} {NO_HOST}", quote(host));
                environment.warnings().add(warning);
            }
        }
        let mut transports = ReqwestTransport::builder()
            .proxy(proxy.clone())
            .certificate_setting(CA_FILE.about.flag);
        if let Some(Written {
            setting: name,
            value: path,
        }) = values.find(&CA_FILE.about)?
        {
            let pem = read_file(&path, MAX_CERTIFICATE_BYTES).map_err(|error| {
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

    /// The settings of clients that an adapter makes by itself.
    pub fn transports(&self) -> ReqwestTransportBuilder {
        self.transports.clone()
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

    fn read(args: &NetworkArgs, variables: &'static [(&str, &str)]) -> Result<Network> {
        let environment = Environment::new(|name| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| OsString::from(value))
        });
        Network::read(args, &environment)
    }

    fn proxy(value: &str) -> NetworkArgs {
        NetworkArgs::with(&[(&PROXY.about, value)])
    }

    fn proxy_of(network: &Network) -> Option<&str> {
        network.proxy_of(&Uri::from_static("https://acme.okta.com"))
    }

    #[test]
    fn proxy_flag_goes_before_the_variables_and_direct_means_none() {
        const SET: &[(&str, &str)] = &[("HTTPS_PROXY", "http://env.example:1")];
        let network = read(&NetworkArgs::default(), SET).unwrap();
        assert_eq!(proxy_of(&network), Some("env.example:1 (of HTTPS_PROXY)"));
        let network = read(&proxy("http://flag.example:2"), SET).unwrap();
        assert_eq!(proxy_of(&network), Some("flag.example:2 (of --proxy)"));
        assert_eq!(proxy_of(&read(&proxy("direct"), SET).unwrap()), None);
        let own = &[
            ("OKTA_CORALOGIX_PROXY", "http://own.example:3"),
            ("NO_PROXY", "okta.com"),
        ];
        assert_eq!(proxy_of(&read(&NetworkArgs::default(), own).unwrap()), None);
        let excepted = NetworkArgs::with(&[
            (&PROXY.about, "http://flag.example:2"),
            (&NO_PROXY.about, ".okta.com"),
        ]);
        assert_eq!(proxy_of(&read(&excepted, &[]).unwrap()), None);
    }

    #[test]
    fn host_that_excepts_nothing_is_refused_in_a_flag_and_said_of_a_variable() {
        let flag = NetworkArgs::with(&[(&NO_PROXY.about, "okta.com,10.0.0.0/40")]);
        let error = read(&flag, &[]).unwrap_err().to_string();
        let expected = "--no-proxy: \"10.0.0.0/40\" is no domain, address or network";
        assert!(error.starts_with(expected), "{error}");
        let environment = Environment::new(|name| (name == "NO_PROXY").then(|| "<local>".into()));
        Network::read(&NetworkArgs::default(), &environment).unwrap();
        let warnings = environment.warnings().take();
        let [warning] = &warnings[..] else {
            panic!("{warnings:?}");
        };
        assert!(
            warning.starts_with("NO_PROXY: \"<local>\" is no domain"),
            "{warning}"
        );
    }

    #[test]
    fn no_proxy_excepts_the_same_hosts_with_and_without_the_proxy_flag() {
        const SET: (&str, &str) = ("HTTPS_PROXY", "http://p.example:1");
        for (variables, is_excepted) in [
            (&[SET][..], false),
            (&[SET, ("NO_PROXY", "okta.com")], true),
            (&[SET, ("no_proxy", "okta.com")], true),
            (
                &[SET, ("NO_PROXY", "other.example"), ("no_proxy", "okta.com")],
                false,
            ),
            (&[SET, ("NO_PROXY", ""), ("no_proxy", "okta.com")], false),
        ] {
            for args in [NetworkArgs::default(), proxy("http://p.example:1")] {
                let network = read(&args, variables).unwrap();
                assert_eq!(proxy_of(&network).is_none(), is_excepted, "{variables:?}");
            }
        }
        let added = NetworkArgs::with(&[
            (&PROXY.about, "http://p.example:1"),
            (&NO_PROXY.about, "other.example"),
        ]);
        let network = read(&added, &[("NO_PROXY", "okta.com")]).unwrap();
        assert_eq!(proxy_of(&network), None, "--no-proxy adds to NO_PROXY");
    }

    #[test]
    fn wrong_network_settings_are_named_without_the_password() {
        let text = |args| read(&args, &[]).unwrap_err().to_string();
        let wrong = text(proxy("socks5://user:hunter2@host:1"));
        assert!(
            wrong.contains("--proxy") && !wrong.contains("hunter2"),
            "{wrong}"
        );
        let ca_file = NetworkArgs::with(&[(&CA_FILE.about, "/nowhere/ca.pem")]);
        let wrong = text(ca_file);
        assert!(
            wrong.contains("--ca-file") && wrong.contains("cannot be read"),
            "{wrong}"
        );
    }
}
