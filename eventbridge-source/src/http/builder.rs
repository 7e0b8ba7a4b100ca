//! The settings of an [`HttpSource`], their defaults and checks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::HeaderName;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::text::quote;
use okta_coralogix_core::{Error, Result, Secret, SharedClockOffset};

use super::HttpSource;
use super::authenticator::Authenticator;
use super::sink_probe::SinkProbe;
use crate::BodyParser;
use crate::receiver::CredentialDigest;

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) path: String,
    pub(super) authenticator: Authenticator,
    pub(super) parser: BodyParser,
    pub(super) names_from_headers: bool,
    pub(super) response_deadline: Duration,
    pub(super) retry_after: Duration,
    pub(super) max_body_bytes: usize,
    pub(super) max_buffered_bytes: usize,
    pub(super) max_waiting_requests: usize,
    pub(super) max_connections: usize,
    pub(super) io_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) linger: Duration,
    pub(super) dedup_window: DedupWindow,
}

/// Builds an [`HttpSource`].
#[derive(Debug)]
#[must_use]
pub struct HttpSourceBuilder {
    settings: Settings,
    sink: SinkProbe,
    /// The first setting that was found wrong.
    invalid: Option<Error>,
}

impl HttpSourceBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings {
                path: "/aws/event-bridge".into(),
                authenticator: Authenticator {
                    header: HeaderName::from_static("x-amz-event-bridge-access-key"),
                    keys: Vec::new(),
                    basic: Vec::new(),
                    tokens: Vec::new(),
                    bearer_check: None,
                    accept_all: false,
                },
                parser: BodyParser::default(),
                names_from_headers: false,
                response_deadline: Duration::from_secs(4),
                retry_after: Duration::from_secs(5),
                max_body_bytes: 2 << 20,
                max_buffered_bytes: 256 << 20,
                max_waiting_requests: 4096,
                max_connections: 4096,
                io_timeout: Duration::from_secs(5),
                idle_timeout: Duration::from_secs(75),
                linger: Duration::from_millis(50),
                dedup_window: DedupWindow::default(),
            },
            sink: SinkProbe::default(),
            invalid: None,
        }
    }

    /// Where events are posted to. Default: `/aws/event-bridge`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.settings.path = path.into();
        self
    }

    /// One more API key that is accepted (authorization type `API_KEY`): during a rotation there are two.
    pub fn api_key(self, key: impl Into<Secret>) -> Self {
        self.secret("api_key", &key.into(), |authenticator| {
            &mut authenticator.keys
        })
    }

    /// The header of the API key. Default: `x-amz-event-bridge-access-key`.
    pub fn api_key_header(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        match name.parse() {
            Ok(header) => self.settings.authenticator.header = header,
            Err(_) => {
                let name = quote(&name);
                let detail = format!(
                    "is {name}, which is no name of a header; write one of letters, digits and hyphens, such as x-api-key"
                );
                self.invalid("api_key_header", detail);
            }
        }
        self
    }

    /// One more user and password that are accepted (authorization type `BASIC`).
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        let (user, password) = (user.into(), password.into());
        if user.contains(':') {
            self.invalid("basic", "the user has a colon");
        }
        if password.expose().is_empty() {
            self.invalid("basic", "the password is empty");
        }
        let pair = Secret::from(format!("{user}:{}", password.expose()));
        self.secret("basic", &pair, |authenticator| &mut authenticator.basic)
    }

    /// One more bearer token that is accepted (authorization type `OAUTH_CLIENT_CREDENTIALS`), for issuers that give out a fixed one.
    pub fn bearer_token(self, token: impl Into<Secret>) -> Self {
        self.secret("bearer_token", &token.into(), |authenticator| {
            &mut authenticator.tokens
        })
    }

    /// Checks a bearer token (authorization type `OAUTH_CLIENT_CREDENTIALS`). An error means that it cannot be checked now: the request is
    /// answered 503, and EventBridge sends it again.
    pub fn bearer_check<F, C>(mut self, check: C) -> Self
    where
        C: Fn(Secret) -> F + Send + Sync + 'static,
        F: Future<Output = Result<bool>> + Send + 'static,
    {
        self.settings.authenticator.bearer_check =
            Some(Arc::new(move |token| check(token).boxed()));
        self
    }

    /// Accepts every request, where a proxy has authenticated the sender. Default: a credential is required.
    pub fn without_authentication(mut self) -> Self {
        self.settings.authenticator.accept_all = true;
        self
    }

    /// Which bodies are taken, and how. Default: Okta's envelopes, and bare events.
    pub fn body_parser(mut self, parser: BodyParser) -> Self {
        self.settings.parser = parser;
        self
    }

    /// Lets a request name application and subsystem of its events by the headers `cx-application-name` and
    /// `cx-subsystem-name`, as Coralogix's own endpoint does. Default: not.
    pub fn names_from_headers(mut self, allowed: bool) -> Self {
        self.settings.names_from_headers = allowed;
        self
    }

    /// How long a request may take until it is answered 503. Default: 4 s, of the 5 s that EventBridge waits for a response (AWS, "API
    /// destinations").
    pub fn response_deadline(mut self, deadline: Duration) -> Self {
        self.settings.response_deadline = deadline;
        self
    }

    /// The `Retry-After` of a 503, in whole seconds. EventBridge takes the later of it and its own backoff. Default: 5 s.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.settings.retry_after = wait;
        self
    }

    /// The most bytes of a body. Default: 2 MiB, twice the largest event (AWS, January 2026: 1 MB).
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_body_bytes = bytes;
        self
    }

    /// The most bytes of bodies that are being read or wait for their outcome; more are answered 503. Default: 256 MiB.
    pub fn max_buffered_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_buffered_bytes = bytes;
        self
    }

    /// The most requests that wait for the pipeline, and as many again in it; more are answered 503. Default: 4,096, over 13 seconds
    /// of the 300 requests per second that AWS lets an API destination send.
    pub fn max_waiting_requests(mut self, requests: usize) -> Self {
        self.settings.max_waiting_requests = requests;
        self
    }

    /// The most connections of [`serve`](HttpSource::serve). Default: 4,096.
    ///
    /// It is lowered to what the process's limit of open files (`RLIMIT_NOFILE`, when `serve` begins) allows: three quarters of it, so that
    /// descriptors for the disk and for the requests to Coralogix are left, and at least 64 of them.
    ///
    /// For one connection more, the one is closed that was idle for the longest, of those on which no credential was accepted if there is
    /// one. If all have a request in progress, the new one waits.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = connections;
        self
    }

    /// How long a client of [`serve`](HttpSource::serve) may take to send the head of a request, leave a response unread, and stay idle
    /// before a credential was accepted on its connection. Default: 5 s.
    pub fn io_timeout(mut self, timeout: Duration) -> Self {
        self.settings.io_timeout = timeout;
        self
    }

    /// How long a connection of [`serve`](HttpSource::serve) may stay idle once a credential was accepted on it. Default: 75 s, longer than a
    /// load balancer keeps it (60 s at AWS): of the two ends, the one that sends must close first, or a request meets a closed connection.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// The linger of [`pipeline`](HttpSource::pipeline). Default: 50 ms.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// The window in which events are de-duplicated. Default: a new one of the default size.
    pub fn dedup_window(mut self, window: DedupWindow) -> Self {
        self.settings.dedup_window = window;
        self
    }

    /// The offset of Coralogix's clock, as the sink notes it: a request of EventBridge has no `Date`. Default: events are judged by the
    /// host's clock.
    ///
    /// Until the sink has answered for the first time, events that look expired by the host's clock are neither dropped nor sent, but
    /// answered 503. The [`sink_check`](Self::sink_check), which is required too, asks the sink until it answers.
    pub fn clock_offset(mut self, offset: SharedClockOffset) -> Self {
        self.sink.clock_offset = Some(offset);
        self
    }

    /// Checks whether the sink can be reached, for `/readyz` and for the clock of the sink; called at most once in 10 seconds. Default:
    /// it is taken to be.
    pub fn sink_check<F, C>(mut self, check: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.sink.check = Some(Box::new(move || check().boxed()));
        self
    }

    /// The source.
    ///
    /// # Errors
    /// `Config`, which names the setting: no credential, an empty one, no path, no header name, or a bound of zero.
    pub fn build(mut self) -> Result<HttpSource> {
        let settings = &self.settings;
        if self.sink.clock_offset.is_some() && self.sink.check.is_none() {
            let detail =
                "needs a `sink_check`, which asks the sink for its clock where no request does";
            self.invalid("clock_offset", detail);
        } else if !settings.authenticator.has_credential() {
            let detail = "give an API key, a user and password, or a check of bearer tokens; or say `without_authentication`";
            self.invalid("api_key", detail);
        } else if !is_plain_path(&settings.path) {
            let detail = format!(
                "is {}, which is no path of its own; write one such as /aws/event-bridge: with a slash in front, without placeholders \
                 and queries, and not /healthz or /readyz, which show the endpoint's health",
                quote(&settings.path)
            );
            self.invalid("path", detail);
        } else if settings.max_buffered_bytes < settings.max_body_bytes {
            self.invalid("max_buffered_bytes", "is less than `max_body_bytes`");
        }
        let settings = &self.settings;
        let is_zero = [
            ("max_body_bytes", settings.max_body_bytes == 0),
            ("max_waiting_requests", settings.max_waiting_requests == 0),
            ("max_connections", settings.max_connections == 0),
            ("response_deadline", settings.response_deadline.is_zero()),
            ("io_timeout", settings.io_timeout.is_zero()),
            ("idle_timeout", settings.idle_timeout.is_zero()),
        ];
        for (field, _) in is_zero.iter().filter(|(_, is_zero)| *is_zero) {
            self.invalid(field, "must be greater than zero");
        }
        match self.invalid {
            Some(error) => Err(error),
            None => Ok(HttpSource::new(self.settings, self.sink)),
        }
    }

    fn invalid(&mut self, field: &'static str, detail: impl fmt::Display) {
        self.invalid
            .get_or_insert_with(|| Error::config(field, detail.to_string()));
    }

    /// One more credential of a kind.
    fn secret(
        mut self,
        field: &'static str,
        secret: &Secret,
        kind: impl FnOnce(&mut Authenticator) -> &mut Vec<CredentialDigest>,
    ) -> Self {
        if secret.expose().is_empty() {
            self.invalid(field, "is empty");
        }
        let digest = CredentialDigest::of(secret.expose().as_bytes());
        kind(&mut self.settings.authenticator).push(digest);
        self
    }
}

/// Without axum's placeholders, and none of the health checks.
fn is_plain_path(path: &str) -> bool {
    let is_plain = path.starts_with('/') && !path.contains(['{', '}', '*', ':', '?', '#']);
    is_plain && !["/healthz", "/readyz"].contains(&path)
}
