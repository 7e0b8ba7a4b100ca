//! The builder of a query client, which names the setting that is wrong.

use std::ffi::OsString;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::internal::text::utf8;
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Error, Secret};

use super::client::QueryClient;
use super::config::QueryConfig;
use super::endpoint::QueryEndpoint;
use super::pace::Pace;
use super::service::{KEY_FILE, Service, SettingNames};
use super::settings::Settings;
use super::tier::Tier;
use crate::api_key::{ApiKey, KeyReader, KeySetting, read_key};
use crate::transport::default_transport;

/// How long temporary errors are retried.
const DEFAULT_GIVE_UP: Duration = Duration::from_secs(600);

/// Builds a [`QueryClient`].
#[must_use]
#[derive(Clone)]
pub struct QueryClientBuilder {
    config: QueryConfig,
    names: SettingNames,
    key_reader: Option<KeyReader>,
    transport: Option<Arc<dyn Transport>>,
    backoff: BackoffPolicy,
    give_up_after: Duration,
    seed: Option<u64>,
    /// That of another client.
    pace: Option<Arc<Pace>>,
}

impl QueryClientBuilder {
    /// A builder with the settings of a configuration file.
    pub fn from_config(config: QueryConfig) -> Self {
        Self {
            config,
            names: SettingNames::FIELDS,
            key_reader: None,
            transport: None,
            backoff: BackoffPolicy::default(),
            give_up_after: DEFAULT_GIVE_UP,
            seed: None,
            pace: None,
        }
    }

    /// A builder with the settings of `CORALOGIX_DOMAIN` or `CORALOGIX_QUERY_ENDPOINT`, and `CORALOGIX_QUERY_KEY` or
    /// `CORALOGIX_QUERY_KEY_FILE` (the path of a file with the key, which is read again when Coralogix refuses the key), as `lookup`
    /// returns them; a blank one counts as absent. [`build`](Self::build) names the variable that is missing or wrong.
    ///
    /// ```
    /// use coralogix_sink::query::QueryClientBuilder;
    ///
    /// let builder = QueryClientBuilder::from_env(|name| std::env::var_os(name))?;
    /// assert!(builder.build().unwrap_err().detail().starts_with("CORALOGIX_"));
    /// # Ok::<(), okta_coralogix_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Config` if a variable is not UTF-8, or if both variables of the key are set.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let names = SettingNames::VARIABLES;
        let get = |name| {
            let value = lookup(name).map(|value| utf8(name, value)).transpose()?;
            Ok::<_, Error>(value.filter(|value| !value.trim().is_empty()))
        };
        let config = QueryConfig {
            domain: get(names.domain)?,
            query_endpoint: get(names.endpoint)?,
            query_key: get(names.key)?.map(Secret::from),
            ..QueryConfig::default()
        };
        let builder = Self {
            names,
            ..Self::from_config(config)
        };
        Ok(match get(KEY_FILE)? {
            None => builder,
            Some(_) if builder.config.query_key.is_some() => {
                let detail = format!("it is set and so is {}; leave one of them out", names.key);
                return Err(Error::config(KEY_FILE, detail));
            }
            Some(path) => {
                let mut builder = builder.query_key_from(move || read_key(KEY_FILE, &path));
                builder.names.key = KEY_FILE;
                builder
            }
        })
    }

    /// Asks `api.<domain>`, by a region code (`EU2`) or domain (`eu2.coralogix.com`).
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.config.domain = Some(domain.into());
        self
    }

    /// Asks a base URL in place of the one that follows from the domain: `https://api.eu2.coralogix.com`, a reverse proxy, or `http` on
    /// loopback.
    pub fn query_endpoint(mut self, url: impl Into<String>) -> Self {
        self.config.query_endpoint = Some(url.into());
        self
    }

    /// An API key with the preset DataQuerying. A Send-Your-Data key cannot query.
    pub fn query_key(mut self, key: impl Into<Secret>) -> Self {
        self.config.query_key = Some(key.into());
        self
    }

    /// Reads the key from `read`, now and each time that Coralogix refuses it: a changed key is tried at once.
    pub fn query_key_from(
        mut self,
        read: impl Fn() -> Result<Secret, Error> + Send + Sync + 'static,
    ) -> Self {
        self.key_reader = Some(Arc::new(read));
        self
    }

    /// The storage that is read. Default: the archive.
    pub fn tier(mut self, tier: Tier) -> Self {
        self.config.tier = tier;
        self
    }

    /// Where the `uuid` is in a stored log, as [`UuidPath`](super::UuidPath) reads it. Default: `$d.uuid`.
    pub fn uuid_path(mut self, path: impl Into<String>) -> Self {
        self.config.uuid_path = Some(path.into());
        self
    }

    /// Rows of an answer, at most. Default: what the tier allows, 50,000 or 15,000.
    pub fn max_rows(mut self, rows: u32) -> Self {
        self.config.max_rows = Some(rows);
        self
    }

    /// Bytes of an answer, at most. Default: [`DEFAULT_RESPONSE_BYTES`](super::DEFAULT_RESPONSE_BYTES).
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.config.max_response_bytes = Some(bytes);
        self
    }

    /// Queries in any minute, at most. Default: 20.
    pub fn queries_per_minute(mut self, queries: u32) -> Self {
        self.config.queries_per_minute = Some(queries);
        self
    }

    /// Takes turns with another client of the same team: both together keep to its number of queries in any minute. Has precedence over
    /// [`queries_per_minute`](Self::queries_per_minute).
    pub fn in_turn_with(mut self, client: &QueryClient) -> Self {
        self.pace = Some(Arc::clone(&client.pace));
        self
    }

    /// How long Coralogix may take for an answer, in whole seconds. Default: 300 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout_seconds = Some(timeout.as_secs());
        self
    }

    /// How long temporary errors of one query are retried. Default: 10 minutes.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = time;
        self
    }

    /// The waits between attempts.
    pub fn backoff(mut self, policy: BackoffPolicy) -> Self {
        self.backoff = policy;
        self
    }

    /// The seed of the jitter. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The URL of an HTTP proxy, as [`ProxySettings::url`](okta_coralogix_core::transport::ProxySettings::url) takes it. Default: none; the
    /// environment is not read. Has no effect with [`transport`](Self::transport).
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.config.proxy = Some(url.into());
        self
    }

    /// The HTTP client. Default: [`ReqwestTransport`](okta_coralogix_core::transport::ReqwestTransport).
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Checks the settings. Nothing is sent.
    ///
    /// # Errors
    /// Of kind [`Config`](okta_coralogix_core::ErrorKind::Config): the detail begins with the name of the setting, as the user wrote it,
    /// and names the value to write instead.
    pub fn build(self) -> Result<QueryClient, Error> {
        let endpoint = self.where_to_ask()?;
        let setting = KeySetting {
            name: self.names.key,
            kind: "an API key with the preset DataQuerying",
        };
        let key = ApiKey::reloadable(
            setting,
            self.config.query_key.as_ref(),
            self.key_reader.clone(),
            None,
        )?;
        let uuid_path = match &self.config.uuid_path {
            None => super::UuidPath::default(),
            Some(path) => path
                .parse()
                .map_err(|error| Error::config(self.names.uuid_path, error))?,
        };
        let per_minute = self.config.queries_per_minute()?;
        let pace = (self.pace).unwrap_or_else(|| Arc::new(Pace::new(per_minute)));
        let settings = Settings {
            uuid_path,
            max_rows: self.config.max_rows()?,
            limits: self.config.exchange_limits()?,
            backoff: self.backoff,
            give_up_after: self.give_up_after,
            seed: self.seed.unwrap_or_else(|| RandomState::new().hash_one(0)),
        };
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport(self.config.proxy.as_ref())?,
        };
        transport.check_scheme(endpoint.query_url().scheme_str().unwrap_or_default())?;
        let host = endpoint.query_url().authority().map_or("", |a| a.as_str());
        let service = Service {
            name: match endpoint.region() {
                Some(region) => format!("{host} (region {region})"),
                None => host.into(),
            },
            settings: self.names,
            tier: self.config.tier,
            wait_when_limited: pace.wait_when_limited(),
        };
        Ok(QueryClient {
            endpoint,
            service,
            key,
            settings,
            transport,
            pace,
            learned: Default::default(),
            counters: Default::default(),
        })
    }

    fn where_to_ask(&self) -> Result<QueryEndpoint, Error> {
        let SettingNames {
            domain, endpoint, ..
        } = self.names;
        match (&self.config.domain, &self.config.query_endpoint) {
            (_, Some(written)) => {
                QueryEndpoint::from_url(written).map_err(|error| Error::config(endpoint, error))
            }
            (Some(written), None) => QueryEndpoint::of_domain(written, endpoint)
                .map_err(|error| Error::config(domain, error)),
            (None, None) => {
                let detail = format!(
                    "it is missing; write a region code such as `EU2` or a domain such as `eu2.coralogix.com`, or set {endpoint} to a base URL \
                     such as `https://api.eu2.coralogix.com`"
                );
                Err(Error::config(domain, detail))
            }
        }
    }
}

impl fmt::Debug for QueryClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryClientBuilder")
            .field("config", &self.config)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::ErrorKind;

    use super::*;

    fn ready() -> QueryClientBuilder {
        QueryClient::builder().domain("EU2").query_key("k")
    }

    fn refused(builder: QueryClientBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.detail().into()
    }

    #[test]
    fn query_setting_error_names_the_setting() {
        let blank = QueryClient::builder();
        for (builder, expected) in [
            (blank.clone(), "domain: it is missing"),
            (
                blank.clone().domain("EU2"),
                "query_key: it is missing; write an API key with the preset DataQuerying",
            ),
            (ready().query_key("a b"), "query_key: it has characters"),
            (ready().domain("EU9"), "domain: `EU9` is neither"),
            (
                ready().query_endpoint("api.eu2.coralogix.com"),
                "query_endpoint: it has no scheme",
            ),
            (ready().uuid_path("$m.logid"), "uuid_path: it is no path"),
            (
                ready().max_rows(1),
                "max_rows: 1 is out of range; write 2 to 50000",
            ),
            (
                ready().tier(Tier::FrequentSearch).max_rows(15_001),
                "max_rows: 15001 is out of range; write 2 to 15000",
            ),
            (
                ready().max_response_bytes(1),
                "max_response_bytes: 1 is out of range",
            ),
            (
                ready().queries_per_minute(0),
                "queries_per_minute: 0 is out of range; write 1 to 300",
            ),
            (
                ready().timeout(Duration::ZERO),
                "timeout_seconds: 0 is out of range",
            ),
            (ready().proxy("http://u:hunter2@"), "proxy: it is not a URL"),
        ] {
            let message = refused(builder);
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn query_variable_errors_name_the_variable() {
        let env = |set: &'static [(&str, &str)]| {
            QueryClientBuilder::from_env(move |name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).into())
            })
        };
        let message = |set| refused(env(set).unwrap());
        assert!(message(&[]).starts_with("CORALOGIX_DOMAIN: it is missing"));
        let no_key = message(&[("CORALOGIX_DOMAIN", "EU2"), ("CORALOGIX_QUERY_KEY", " ")]);
        assert!(
            no_key.starts_with("CORALOGIX_QUERY_KEY: it is missing"),
            "{no_key}"
        );
        let no_file = message(&[
            ("CORALOGIX_DOMAIN", "EU2"),
            ("CORALOGIX_QUERY_KEY_FILE", "/nowhere/key"),
        ]);
        assert!(
            no_file
                .starts_with("CORALOGIX_QUERY_KEY_FILE: the file \"/nowhere/key\" cannot be read"),
            "{no_file}"
        );
        let twice = env(&[
            ("CORALOGIX_QUERY_KEY", "k"),
            ("CORALOGIX_QUERY_KEY_FILE", "/k"),
        ])
        .unwrap_err();
        assert!(
            twice.detail().contains("so is CORALOGIX_QUERY_KEY;"),
            "{twice}"
        );
        let both = [
            ("CORALOGIX_DOMAIN", "EU1"),
            (
                "CORALOGIX_QUERY_ENDPOINT",
                "https://ng-api-http.coralogix.com",
            ),
            ("CORALOGIX_QUERY_KEY", "k"),
        ];
        let client = env(Box::leak(Box::new(both))).unwrap().build().unwrap();
        assert_eq!(
            client.endpoint().base_url(),
            "https://ng-api-http.coralogix.com"
        );
        assert_eq!(client.max_rows(), 49_999);
    }
}
