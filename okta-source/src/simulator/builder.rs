//! The builder of an org.

use std::hash::RandomState;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::{Clock, Secret, SystemClock};
use tokio::sync::watch;

use super::log::Log;
use super::oauth::{self, AuthorizationServer, OAuthApp};
use super::org::{OktaSimulator, Org, State};
use super::rate_limit::RateLimit;
use super::script::Script;

/// Builds an [`OktaSimulator`].
#[derive(Debug, Default)]
#[must_use]
pub struct OktaSimulatorBuilder(Settings);

/// The settings of an org.
#[derive(Debug)]
pub(super) struct Settings {
    token: Secret,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) skew: TimeDelta,
    pub(super) folded_links: bool,
    pub(super) other_tokens: Vec<Secret>,
    pub(super) concurrency: Option<usize>,
    pub(super) latency: Duration,
    rate_limit: u32,
    rate_window: Duration,
    token_share: f64,
    oauth: oauth::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: Secret::from("00simulator"),
            clock: Arc::new(SystemClock),
            skew: TimeDelta::zero(),
            folded_links: false,
            other_tokens: Vec::new(),
            concurrency: None,
            latency: Duration::ZERO,
            rate_limit: 120,
            rate_window: Duration::from_secs(60),
            token_share: 1.0,
            oauth: oauth::Settings::default(),
        }
    }
}

impl OktaSimulatorBuilder {
    /// The API token that is accepted. Default: `00simulator`.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.0.token = token.into();
        self
    }

    /// The org's clock, but for the skew. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// How far the org's time is ahead of its clock (negative: behind). Default: zero.
    pub fn clock_skew(mut self, skew: TimeDelta) -> Self {
        self.0.skew = skew;
        self
    }

    /// Sends both links in one header line instead of two. Default: false.
    pub fn folded_links(mut self, folded: bool) -> Self {
        self.0.folded_links = folded;
        self
    }

    /// Requests per window. Default: 120.
    pub fn rate_limit(mut self, requests: u32) -> Self {
        self.0.rate_limit = requests;
        self
    }

    /// The length of a window, which begins with the first request in it. Default: 60 s.
    pub fn rate_window(mut self, window: Duration) -> Self {
        self.0.rate_window = window;
        self
    }

    /// One more app that may ask for access tokens.
    pub fn oauth_app(mut self, app: OAuthApp) -> Self {
        self.0.oauth.apps.push(app);
        self
    }

    /// How long an access token is good for, in whole seconds. Default: an hour, as Okta's.
    pub fn token_life(mut self, life: Duration) -> Self {
        self.0.oauth.token_life = life;
        self
    }

    /// Token requests per minute, apart from those for the log. Default: 1200.
    pub fn token_limit(mut self, requests: u32) -> Self {
        self.0.oauth.token_limit = requests;
        self
    }

    /// Whether the proof of a token request must carry a nonce, which the first one cannot know. Default: true, as Okta.
    pub fn dpop_nonce_for_tokens(mut self, demand: bool) -> Self {
        self.0.oauth.nonce_for_tokens = demand;
        self
    }

    /// Whether the proof of a request for the log must carry a nonce. Default: false, as Okta.
    pub fn dpop_nonce_for_logs(mut self, demand: bool) -> Self {
        self.0.oauth.nonce_for_resources = demand;
        self
    }

    /// One more API token that is accepted, with a bucket of its own.
    pub fn another_token(mut self, token: impl Into<Secret>) -> Self {
        self.0.other_tokens.push(token.into());
        self
    }

    /// The share of the requests per window that one token gets, 0 to 1. Okta's is 0.5. Default: 1.
    pub fn token_share(mut self, share: f64) -> Self {
        self.0.token_share = share;
        self
    }

    /// Requests that are answered at the same time; one more is answered 429 with a limit of 0. Default: any number.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.0.concurrency = Some(requests);
        self
    }

    /// How long an answer takes to begin. Default: no time.
    pub fn latency(mut self, time: Duration) -> Self {
        self.0.latency = time;
        self
    }

    /// The org, with an empty log.
    #[must_use]
    pub fn build(self) -> OktaSimulator {
        let mut settings = self.0;
        let oauth = AuthorizationServer::new(std::mem::take(&mut settings.oauth));
        let (limit, window) = (settings.rate_limit, settings.rate_window);
        OktaSimulator(Arc::new(Org {
            in_flight: AtomicUsize::new(0),
            hasher: RandomState::new(),
            state: Mutex::new(State {
                token: settings.token.clone(),
                log: Log::default(),
                script: Script::default(),
                requests: Vec::new(),
                rate_limit: RateLimit::new(limit, window, settings.token_share),
                page_cap: None,
                moves_empty_links: false,
                date: None,
                oauth,
            }),
            caught_up: watch::Sender::new(false),
            settings,
        }))
    }
}
