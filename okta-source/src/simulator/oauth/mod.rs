//! The org authorization server: tokens for service apps, and what they open.

mod app;
mod assertion;
mod endpoint;
mod jws;
mod proof;
mod resource;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use app::OAuthApp;
pub(super) use endpoint::TOKEN_PATH;

use super::bucket::Bucket;
use super::fault::Script;

/// What the authorization server is told once.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) apps: Vec<OAuthApp>,
    pub(super) token_life: Duration,
    pub(super) token_limit: u32,
    pub(super) nonce_for_tokens: bool,
    pub(super) nonce_for_resources: bool,
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

/// What it remembers.
#[derive(Debug)]
pub(super) struct OAuth {
    settings: Settings,
    pub(super) script: Script,
    bucket: Bucket,
    assertions: HashSet<String>,
    proofs: HashSet<String>,
    tokens: HashMap<String, Issued>,
    nonce: u64,
}

/// An access token that was given.
#[derive(Debug)]
struct Issued {
    app: OAuthApp,
    /// The thumbprint of the key that it is bound to.
    key: Option<String>,
    expires: DateTime<Utc>,
}

impl OAuth {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            bucket: Bucket::new(settings.token_limit, Duration::from_secs(60), 1.0),
            settings,
            script: Script::default(),
            assertions: HashSet::new(),
            proofs: HashSet::new(),
            tokens: HashMap::new(),
            nonce: 1,
        }
    }

    pub(super) fn revoke_all(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn rotate_nonce(&mut self) {
        self.nonce += 1;
    }

    pub(super) fn demand_nonce_of_resources(&mut self, demand: bool) {
        self.settings.nonce_for_resources = demand;
    }

    /// The nonce of now, one for each server.
    fn nonce(&self, server: &str) -> String {
        format!("nonce-{server}-{}", self.nonce)
    }
}
