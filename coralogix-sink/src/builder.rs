//! The builder of a sink, which names the setting that is wrong.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::internal::text::utf8;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Clock, Error, Secret, SharedClockOffset};

use crate::api_key::{ApiKey, KEY_FILE, KeyCheck, KeyReader, KeySetting, read_key};
use crate::clock_probe::ClockProbe;
use crate::config::{CoralogixConfig, FIELDS, SettingNames, VARIABLES};
use crate::encode::Encoder;
use crate::endpoint::Endpoint;
use crate::sink::CoralogixSink;
use crate::transport::default_transport;

/// Builds a [`CoralogixSink`].
#[must_use]
#[derive(Clone)]
pub struct CoralogixSinkBuilder {
    config: CoralogixConfig,
    names: SettingNames,
    key_reader: Option<KeyReader>,
    key_check: Option<KeyCheck>,
    transport: Option<Arc<dyn Transport>>,
    clock_probe: Option<(SharedClockOffset, Arc<dyn Clock>)>,
}

impl CoralogixSinkBuilder {
    /// A builder with the settings of a configuration file.
    pub fn from_config(config: CoralogixConfig) -> Self {
        Self {
            config,
            names: FIELDS,
            key_reader: None,
            key_check: None,
            transport: None,
            clock_probe: None,
        }
    }

    /// A builder with the settings of `CORALOGIX_DOMAIN` or `CORALOGIX_ENDPOINT`, and `CORALOGIX_API_KEY` or `CORALOGIX_API_KEY_FILE` (the path
    /// of a file with the key, which is read again when Coralogix refuses the key), as `lookup` returns them; a blank one counts as absent. [`build`](Self::build) names the variable that is missing or wrong.
    ///
    /// ```
    /// use coralogix_sink::CoralogixSinkBuilder;
    ///
    /// let builder = CoralogixSinkBuilder::from_env(|name| std::env::var_os(name))?;
    /// assert!(builder.build().unwrap_err().detail().starts_with("CORALOGIX_"));
    /// # Ok::<(), okta_coralogix_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Config` if a variable is not UTF-8, or if both variables of the key are set.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let get = |name| {
            let value = lookup(name).map(|value| utf8(name, value)).transpose()?;
            Ok::<_, Error>(value.filter(|value| !value.trim().is_empty()))
        };
        let config = CoralogixConfig {
            domain: get(VARIABLES.domain)?,
            endpoint: get(VARIABLES.endpoint)?,
            api_key: get(VARIABLES.key)?.map(Secret::from),
            ..CoralogixConfig::default()
        };
        let builder = Self {
            names: VARIABLES,
            ..Self::from_config(config)
        };
        Ok(match get(KEY_FILE)? {
            None => builder,
            Some(_) if builder.config.api_key.is_some() => {
                let key = VARIABLES.key;
                let detail = format!("it is set and so is {key}; leave one of them out");
                return Err(Error::config(KEY_FILE, detail));
            }
            Some(path) => {
                let mut builder = builder.api_key_from(move || read_key(KEY_FILE, &path));
                builder.names.key = KEY_FILE;
                builder
            }
        })
    }

    /// Sends to the ingress of a region code (`EU2`) or domain (`eu2.coralogix.com`).
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.config.domain = Some(domain.into());
        self
    }

    /// Sends to a base URL: `https://ingress.eu2.coralogix.com`, a reverse proxy, or `http` on loopback.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.config.endpoint = Some(url.into());
        self
    }

    /// Sends to `ingress.private.<domain>`. Default: off.
    pub fn private_link(mut self, on: bool) -> Self {
        self.config.private_link = on;
        self
    }

    /// The Send-Your-Data API key.
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.config.api_key = Some(key.into());
        self
    }

    /// Reads the key from `read`, now and each time that Coralogix refuses it: a changed key is tried at once. For keys in files that a
    /// secret manager rewrites.
    pub fn api_key_from(
        mut self,
        read: impl Fn() -> Result<Secret, Error> + Send + Sync + 'static,
    ) -> Self {
        self.key_reader = Some(Arc::new(read));
        self
    }

    /// Asks `check` about each key before it is sent, with the name of its setting. For programs that know what else the text might be,
    /// such as the token of another service.
    pub fn check_api_key(
        mut self,
        check: impl Fn(&str, &Secret) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.key_check = Some(Arc::new(check));
        self
    }

    /// 0 (off), or 1 (fast) to 9 (small). Default: 1.
    pub fn gzip_level(mut self, level: u32) -> Self {
        self.config.gzip_level = Some(level);
        self
    }

    /// Bytes of a request before compression, at most. Default: 2,000,000 ([`DEFAULT_REQUEST_BYTES`](crate::DEFAULT_REQUEST_BYTES)).
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.config.max_request_bytes = Some(bytes);
        self
    }

    /// Entries of a request, at most. Default: 3,000 ([`DEFAULT_REQUEST_ENTRIES`](crate::DEFAULT_REQUEST_ENTRIES)).
    pub fn max_request_entries(mut self, entries: usize) -> Self {
        self.config.max_request_entries = Some(entries);
        self
    }

    /// Bytes of an entry as encoded in the request, at most. Default: none, since Coralogix documents no limit; IBM Cloud Logs, a sister
    /// product, documents 32,000.
    ///
    /// The sink truncates a larger entry, one part after the other until it fits: `debugContext.debugData` and `request.ipChain` become
    /// `null`, then `target` keeps its first elements only. In an EventBridge envelope these members are below `detail`. The text then ends
    /// with a member that names the removed parts,
    /// `"okta_coralogix":{"shed":["debugContext.debugData"]}`, and the entry counts in
    /// [`truncated_entries`](CoralogixSink::truncated_entries). An entry that does not fit even then is
    /// [`TooLarge`](okta_coralogix_core::sink::EncodeError::TooLarge). Other entries stay as they are.
    pub fn max_entry_bytes(mut self, bytes: usize) -> Self {
        self.config.max_entry_bytes = Some(bytes);
        self
    }

    /// How long Coralogix may take for its answer once a request is sent, in whole seconds. Default: 30 s. Sending the request may take as
    /// long as it goes on: it fails when the network takes nothing for this long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout_seconds = Some(timeout.as_secs());
        self
    }

    /// The URL of an HTTP proxy, as [`ProxySettings::url`](okta_coralogix_core::transport::ProxySettings::url) takes it: requests to this
    /// machine never go through it. Default: none; the environment is not read. Has no effect with [`transport`](Self::transport).
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.config.proxy = Some(url.into());
        self
    }

    /// The HTTP client. Default: [`ReqwestTransport`](okta_coralogix_core::transport::ReqwestTransport).
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Stores the offset of the ingress's clock from `clock` in `offset` at each answer. For sources whose requests have no `Date` to
    /// compare clocks with: a wrong local clock then does not make events look too old.
    pub fn clock_offset(mut self, offset: SharedClockOffset, clock: impl Clock) -> Self {
        self.clock_probe = Some((offset, Arc::new(clock)));
        self
    }

    /// Checks the settings. Nothing is sent.
    ///
    /// # Errors
    /// Of kind [`Config`](okta_coralogix_core::ErrorKind::Config): the detail begins with the name of the setting, as
    /// the user wrote it, and names the value to write instead.
    pub fn build(self) -> Result<CoralogixSink, Error> {
        let endpoint = self.where_to_send()?;
        let setting = KeySetting {
            name: self.names.key,
            kind: "a Send-Your-Data API key",
        };
        let key = ApiKey::reloadable(
            setting,
            self.config.api_key.as_ref(),
            self.key_reader.clone(),
            self.key_check.clone(),
        )?;
        let (limits, compression) = (self.config.limits()?, self.config.compression()?);
        let encoder = Encoder::new(limits, compression, self.config.max_entry_bytes()?);
        let limits = self.config.exchange_limits()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport(self.config.proxy.as_ref())?,
        };
        transport.check_scheme(endpoint.singles().scheme_str().unwrap_or_default())?;
        let probe = self
            .clock_probe
            .map(|(offset, clock)| ClockProbe { offset, clock });
        let sink = CoralogixSink::new(endpoint, key, encoder, limits, transport);
        let sink = sink.with_key_setting(self.names.key);
        Ok(sink.with_clock_probe(probe))
    }

    fn where_to_send(&self) -> Result<Endpoint, Error> {
        let SettingNames {
            domain, endpoint, ..
        } = self.names;
        match (&self.config.domain, &self.config.endpoint) {
            (Some(_), Some(_)) => Err(Error::config(
                domain,
                format!("it is set and so is {endpoint}; leave one of them out"),
            )),
            (None, None) => Err(Error::config(
                domain,
                format!(
                    "it is missing; write a region code such as `EU2` or a domain such as `eu2.coralogix.com`, or set {endpoint}"
                ),
            )),
            (Some(written), None) => Endpoint::from_domain(written, self.config.private_link)
                .map_err(|error| Error::config(domain, error)),
            (None, Some(_)) if self.config.private_link => Err(Error::config(
                "private_link",
                format!(
                    "it goes with {domain} only; write the private host into {endpoint}, or leave it off"
                ),
            )),
            (None, Some(written)) => {
                Endpoint::from_url(written).map_err(|error| Error::config(endpoint, error))
            }
        }
    }
}

impl fmt::Debug for CoralogixSinkBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoralogixSinkBuilder")
            .field("config", &self.config)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::ErrorKind;

    use super::*;

    fn ready() -> CoralogixSinkBuilder {
        CoralogixSink::builder().domain("EU2").api_key("k")
    }

    fn refused(builder: CoralogixSinkBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.detail().into()
    }

    #[test]
    fn sink_setting_error_names_the_setting() {
        let blank = CoralogixSink::builder();
        let cases = [
            (blank.clone(), "domain: it is missing"),
            (blank.clone().domain("EU2"), "api_key: it is missing"),
            (ready().api_key(" "), "api_key: it is missing"),
            (ready().api_key("a b"), "api_key: it has characters"),
            (ready().api_key("schlüssel"), "api_key: it has characters"),
            (ready().domain("EU9"), "domain: `EU9` is neither"),
            (
                ready().endpoint("https://x.example"),
                "domain: it is set and so is endpoint",
            ),
            (
                blank.clone().endpoint("x").api_key("k"),
                "endpoint: it has no scheme",
            ),
            (
                blank
                    .endpoint("https://x.example")
                    .private_link(true)
                    .api_key("k"),
                "private_link: it goes with domain only",
            ),
            (ready().gzip_level(10), "gzip_level: 10"),
            (ready().max_request_bytes(0), "max_request_bytes: 0"),
            (
                ready().max_request_bytes(10_485_761),
                "max_request_bytes: 10485761",
            ),
            (ready().max_request_entries(0), "max_request_entries: 0"),
            (ready().max_entry_bytes(0), "max_entry_bytes: 0"),
            (
                ready().timeout(Duration::ZERO),
                "timeout_seconds: it is out of range",
            ),
            (ready().proxy("http://u:hunter2@"), "proxy: it is not a URL"),
            (
                ready().proxy("socks5://u:hunter2@proxy.example.org:1080"),
                "proxy: \"socks5\" is not the scheme of an HTTP proxy",
            ),
        ];
        for (builder, expected) in cases {
            let message = refused(builder);
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn environment_variable_errors_name_the_variable() {
        let env = |set: &'static [(&str, &str)]| {
            CoralogixSinkBuilder::from_env(move |name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).into())
            })
            .unwrap()
        };
        assert!(refused(env(&[])).starts_with("CORALOGIX_DOMAIN: it is missing"));
        let domain = env(&[("CORALOGIX_DOMAIN", "EU9"), ("CORALOGIX_API_KEY", "k")]);
        assert!(refused(domain).starts_with("CORALOGIX_DOMAIN: `EU9`"));
        let endpoint = env(&[
            ("CORALOGIX_DOMAIN", ""),
            ("CORALOGIX_ENDPOINT", "http://x.example"),
        ]);
        assert!(
            refused(endpoint).starts_with("CORALOGIX_ENDPOINT: `http` is allowed on loopback only")
        );
        let key = env(&[("CORALOGIX_DOMAIN", "EU1")]);
        assert!(refused(key).starts_with("CORALOGIX_API_KEY: it is missing"));
        let file = env(&[
            ("CORALOGIX_DOMAIN", "EU1"),
            ("CORALOGIX_API_KEY_FILE", "/nowhere/key"),
        ]);
        let message = refused(file);
        assert!(
            message.starts_with("CORALOGIX_API_KEY_FILE: the file \"/nowhere/key\" cannot be read"),
            "{message}"
        );
        let twice = CoralogixSinkBuilder::from_env(|_| Some("EU1".into())).unwrap_err();
        assert!(
            twice
                .detail()
                .contains("it is set and so is CORALOGIX_API_KEY;"),
            "{twice}"
        );
        let both = env(&[("CORALOGIX_DOMAIN", "EU1"), ("CORALOGIX_API_KEY", "k\n")]);
        let sink = both.build().unwrap();
        assert_eq!(
            sink.endpoint().base_url(),
            "https://ingress.eu1.coralogix.com"
        );
    }

    #[test]
    fn private_link_uses_the_private_ingress_host() {
        let sink = ready().private_link(true).build().unwrap();
        let expected = "https://ingress.private.eu2.coralogix.com";
        assert_eq!(sink.endpoint().base_url(), expected);
    }
    #[cfg(unix)]
    #[test]
    fn coralogix_variable_that_is_not_utf_8_is_named() {
        use std::os::unix::ffi::OsStringExt;

        let lookup =
            |name: &str| (name == "CORALOGIX_API_KEY").then(|| OsString::from_vec(vec![0xff]));
        let error = CoralogixSinkBuilder::from_env(lookup).unwrap_err();
        assert!(
            error
                .detail()
                .starts_with("CORALOGIX_API_KEY: is not valid UTF-8"),
            "{error}"
        );
    }
}
