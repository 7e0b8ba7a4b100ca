//! Setting the endpoint up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::HeaderName;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{Error, Result, Secret, SharedClockOffset};

use super::HttpSource;
use super::authenticator::{Authenticator, CredentialDigest};
use super::readiness::Readiness;
use crate::BodyParser;

/// What does not change while an endpoint lives.
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
    pub(super) linger: Duration,
    pub(super) dedup: DedupWindow,
    /// `None`: there is none to be had.
    pub(super) clock_offset: Option<SharedClockOffset>,
    pub(super) readiness: Readiness,
}

/// Builds an [`HttpSource`].
#[must_use]
pub struct HttpSourceBuilder {
    settings: Settings,
    header: String,
    keys: Vec<Secret>,
    basic: Vec<(String, Secret)>,
    tokens: Vec<Secret>,
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
                    bearer: None,
                    open: false,
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
                linger: Duration::from_millis(50),
                dedup: DedupWindow::default(),
                clock_offset: None,
                readiness: Readiness::default(),
            },
            header: "x-amz-event-bridge-access-key".into(),
            keys: Vec::new(),
            basic: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// Where events are posted to. Default: `/aws/event-bridge`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.settings.path = path.into();
        self
    }

    /// One more API key that is accepted (authorization type `API_KEY`): during a rotation there are two.
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// The header of the API key. Default: `x-amz-event-bridge-access-key`.
    pub fn api_key_header(mut self, name: impl Into<String>) -> Self {
        self.header = name.into();
        self
    }

    /// One more user and password that are accepted (authorization type `BASIC`).
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.basic.push((user.into(), password.into()));
        self
    }

    /// One more bearer token that is accepted (authorization type `OAUTH_CLIENT_CREDENTIALS`), for issuers that give out a fixed one.
    pub fn bearer_token(mut self, token: impl Into<Secret>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// How a bearer token is checked (authorization type `OAUTH_CLIENT_CREDENTIALS`). An error means that it cannot be told
    /// now: the request is answered 503 and comes again.
    pub fn bearer_check<F, C>(mut self, check: C) -> Self
    where
        C: Fn(Secret) -> F + Send + Sync + 'static,
        F: Future<Output = Result<bool>> + Send + 'static,
    {
        self.settings.authenticator.bearer = Some(Arc::new(move |token| check(token).boxed()));
        self
    }

    /// Takes events from anybody, for who has checked the sender elsewhere. Default: a credential is required.
    pub fn without_authentication(mut self) -> Self {
        self.settings.authenticator.open = true;
        self
    }

    /// How bodies are read.
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

    /// How long a request may take until it is answered 503. Default: 4 s of the 5 s after which EventBridge gives a request up
    /// (AWS, "API destinations").
    pub fn response_deadline(mut self, response_deadline: Duration) -> Self {
        self.settings.response_deadline = response_deadline;
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

    /// The most bytes of bodies that are being read or wait for their outcome; what is more is answered 503. Default: 256 MiB.
    pub fn max_buffered_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_buffered_bytes = bytes;
        self
    }

    /// The most requests that wait to be taken by the pipeline, and as many again in it; what is more is answered 503. Default:
    /// 4,096, over 13 seconds of the 300 requests per second that AWS lets an API destination send.
    pub fn max_waiting_requests(mut self, requests: usize) -> Self {
        self.settings.max_waiting_requests = requests;
        self
    }

    /// The most max_connections of [`serve`](HttpSource::serve); what is more waits to be accepted. Default: 4,096.
    pub fn max_connections(mut self, max_connections: usize) -> Self {
        self.settings.max_connections = max_connections;
        self
    }

    /// How long a caller of [`serve`](HttpSource::serve) may take to send the head of a request, may lie idle before the next one, and may
    /// leave an answer unread. Default: 5 s.
    pub fn io_timeout(mut self, io_timeout: Duration) -> Self {
        self.settings.io_timeout = io_timeout;
        self
    }

    /// The linger of [`pipeline`](HttpSource::pipeline). Default: 50 ms.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// The window in which events are de-duplicated. Default: a new one of the default size.
    pub fn dedup_window(mut self, window: DedupWindow) -> Self {
        self.settings.dedup = window;
        self
    }

    /// How far the far side's clock is: the one that a sink notes, for a request of EventBridge has no `Date`. Default: the
    /// host's clock judges alone.
    ///
    /// Until the sink has answered for the first time, an event that seems too old by the host's clock is neither dropped nor
    /// sent: it is answered 503, and comes again. So that the sink does answer, it is asked with the
    /// [`sink_check`](Self::sink_check) as long as it has not, which is required too.
    pub fn clock_offset(mut self, offset: SharedClockOffset) -> Self {
        self.settings.clock_offset = Some(offset);
        self
    }

    /// How `/readyz` learns whether the sink is reachable, and the source what its clock shows: asked at most once in 10 seconds,
    /// whoever asks. Default: it is taken to be.
    pub fn sink_check<F, C>(mut self, check: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.settings.readiness = Readiness::by(move || check().boxed());
        self
    }

    /// The source.
    ///
    /// # Errors
    /// `Config`, which names the setting: no credential, an empty one, no path, no header name, or a bound of zero.
    pub fn build(mut self) -> Result<HttpSource> {
        let settings = &mut self.settings;
        settings.authenticator.header = self.header.parse().map_err(|_| {
            Error::config(
                "api_key_header",
                format!("{:?} is no header name", self.header),
            )
        })?;
        for (field, secrets, known) in [
            ("api_key", &self.keys, &mut settings.authenticator.keys),
            (
                "bearer_token",
                &self.tokens,
                &mut settings.authenticator.tokens,
            ),
        ] {
            if secrets.iter().any(|secret| secret.expose().is_empty()) {
                return Err(Error::config(field, "is empty"));
            }
            let digest = |secret: &Secret| CredentialDigest::of(secret.expose().as_bytes());
            known.extend(secrets.iter().map(digest));
        }
        for (user, password) in &self.basic {
            if password.expose().is_empty() || user.contains(':') {
                return Err(Error::config(
                    "basic",
                    "the password is empty, or the user has a colon",
                ));
            }
            let pair = Secret::from(format!("{user}:{}", password.expose()));
            settings
                .authenticator
                .basic
                .push(CredentialDigest::of(pair.expose().as_bytes()));
        }
        if settings.clock_offset.is_some() && !settings.readiness.can_ask() {
            let detail = "needs a `sink_check`: without it nobody might ever ask the sink, whose clock is awaited";
            return Err(Error::config("clock_offset", detail));
        }
        let authenticator = &settings.authenticator;
        let has_secret = !(authenticator.keys.is_empty()
            && authenticator.basic.is_empty()
            && authenticator.tokens.is_empty());
        if !has_secret && authenticator.bearer.is_none() && !authenticator.open {
            let detail = "give an API key, a user and password, or a check of bearer tokens; or say `without_authentication`";
            return Err(Error::config("api_key", detail));
        }
        let is_plain =
            |path: &str| path.starts_with('/') && !path.contains(['{', '}', '*', ':', '?', '#']);
        if !is_plain(&settings.path) || ["/healthz", "/readyz"].contains(&&*settings.path) {
            let detail = format!(
                "{:?} is no path of its own, such as /aws/event-bridge",
                settings.path
            );
            return Err(Error::config("path", detail));
        }
        let millis = |time: Duration| usize::try_from(time.as_millis()).unwrap_or(usize::MAX);
        let bounds = [
            ("max_body_bytes", settings.max_body_bytes),
            ("max_waiting_requests", settings.max_waiting_requests),
            ("max_connections", settings.max_connections),
            ("response_deadline", millis(settings.response_deadline)),
            ("io_timeout", millis(settings.io_timeout)),
        ];
        if let Some((field, _)) = bounds.iter().find(|(_, bound)| *bound == 0) {
            return Err(Error::config(field, "must be more than nothing"));
        }
        if settings.max_buffered_bytes < settings.max_body_bytes {
            return Err(Error::config(
                "max_buffered_bytes",
                "is less than one body may have",
            ));
        }
        Ok(HttpSource::assemble(self.settings))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("path", &self.path)
            .field("authenticator", &self.authenticator)
            .field("parser", &self.parser)
            .field("names_from_headers", &self.names_from_headers)
            .field("response_deadline", &self.response_deadline)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("max_waiting_requests", &self.max_waiting_requests)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpSourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSourceBuilder")
            .field("settings", &self.settings)
            .field("header", &self.header)
            .field("keys", &self.keys.len())
            .field("basic", &self.basic.len())
            .field("tokens", &self.tokens.len())
            .finish()
    }
}
