//! The state of the authorization server.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::OAuthApp;
use crate::simulator::rate_limit::RateLimit;
use crate::simulator::script::Script;

/// The settings of the authorization server.
#[derive(Debug)]
pub(in crate::simulator) struct Settings {
    pub(in crate::simulator) apps: Vec<OAuthApp>,
    pub(in crate::simulator) token_life: Duration,
    pub(in crate::simulator) token_limit: u32,
    pub(in crate::simulator) nonce_for_tokens: bool,
    pub(in crate::simulator) nonce_for_resources: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            apps: Vec::new(),
            token_life: Duration::from_secs(3600),
            token_limit: 1200,
            nonce_for_tokens: true,
            nonce_for_resources: false,
        }
    }
}

/// Issues access tokens and verifies them. Remembers identifiers of assertions and proofs, so that a repeat is refused.
#[derive(Debug)]
pub(in crate::simulator) struct AuthorizationServer {
    pub(super) settings: Settings,
    pub(in crate::simulator) script: Script,
    pub(super) rate_limit: RateLimit,
    pub(super) assertions: HashSet<String>,
    pub(super) proofs: HashSet<String>,
    pub(super) tokens: HashMap<String, Issued>,
    nonce: u64,
}

/// An issued access token.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) app: OAuthApp,
    /// The thumbprint of the key that it is bound to.
    pub(super) key: Option<String>,
    pub(super) expires: DateTime<Utc>,
}

impl AuthorizationServer {
    pub(in crate::simulator) fn new(settings: Settings) -> Self {
        Self {
            rate_limit: RateLimit::new(settings.token_limit, Duration::from_secs(60), 1.0),
            settings,
            script: Script::default(),
            assertions: HashSet::new(),
            proofs: HashSet::new(),
            tokens: HashMap::new(),
            nonce: 1,
        }
    }

    pub(in crate::simulator) fn replace(&mut self, app: OAuthApp) {
        let apps = &mut self.settings.apps;
        apps.retain(|known| known.client_id != app.client_id);
        apps.push(app);
    }

    pub(in crate::simulator) fn revoke_all(&mut self) {
        self.tokens.clear();
    }

    pub(in crate::simulator) fn rotate_nonce(&mut self) {
        self.nonce += 1;
    }

    pub(in crate::simulator) fn demand_nonce_of_resources(&mut self, demand: bool) {
        self.settings.nonce_for_resources = demand;
    }

    /// The nonce that is valid now, one for each server.
    pub(super) fn nonce(&self, server: &str) -> String {
        format!("nonce-{server}-{}", self.nonce)
    }
}
