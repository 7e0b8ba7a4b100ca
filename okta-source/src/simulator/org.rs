//! The simulated org: its state, and how tests change it.

use std::fmt;
use std::hash::RandomState;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_core::Secret;
use tokio::sync::watch;

use super::builder::{OktaSimulatorBuilder, Settings};
use super::fault::Fault;
use super::log::Log;
use super::oauth::{AuthorizationServer, OAuthApp};
use super::rate_limit::RateLimit;
use super::request_log::RecordedRequest;
use super::script::Script;

/// A stateful Okta org. Clones are handles to the same org.
#[derive(Clone)]
pub struct OktaSimulator(pub(super) Arc<Org>);

pub(super) struct Org {
    pub(super) settings: Settings,
    pub(super) in_flight: AtomicUsize,
    pub(super) hasher: RandomState,
    pub(super) state: Mutex<State>,
    /// True while the last page ends at the end of the log.
    pub(super) caught_up: watch::Sender<bool>,
}

pub(super) struct State {
    /// The API token that is accepted.
    pub(super) token: Secret,
    pub(super) log: Log,
    pub(super) script: Script,
    pub(super) requests: Vec<RecordedRequest>,
    pub(super) rate_limit: RateLimit,
    /// The most events of a page, whatever `limit` asks for.
    pub(super) page_cap: Option<usize>,
    /// Each empty page has another `next` link.
    pub(super) moves_empty_links: bool,
    /// The text of the `Date` of each answer, in place of the org's time.
    pub(super) date: Option<String>,
    pub(super) oauth: AuthorizationServer,
}

impl OktaSimulator {
    /// Starts with the settings.
    pub fn builder() -> OktaSimulatorBuilder {
        OktaSimulatorBuilder::default()
    }

    /// Persists an event now. The text is served as it is, valid or not.
    pub fn append(&self, event: impl Into<Bytes>) {
        self.append_all([event]);
    }

    /// Persists events now, in this order.
    pub fn append_all<E: Into<Bytes>>(&self, events: impl IntoIterator<Item = E>) {
        self.append_at(self.now(), events);
    }

    /// Persists events as of a time, behind all others.
    pub fn append_at<E: Into<Bytes>>(
        &self,
        persisted: DateTime<Utc>,
        events: impl IntoIterator<Item = E>,
    ) {
        self.persist(events, |log, event| log.append(persisted, event));
    }

    /// Persists events late, as of a time before the last ones: a client that has read past that time does not get them by
    /// polling on.
    pub fn commit_late<E: Into<Bytes>>(
        &self,
        persisted: DateTime<Utc>,
        events: impl IntoIterator<Item = E>,
    ) {
        self.persist(events, |log, event| log.insert(persisted, event));
    }

    fn persist<E: Into<Bytes>>(
        &self,
        events: impl IntoIterator<Item = E>,
        put: impl Fn(&mut Log, Bytes),
    ) {
        let mut state = self.0.state();
        for event in events {
            put(&mut state.log, event.into());
        }
        drop(state);
        self.0.caught_up.send_replace(false);
    }

    /// Forgets all cursors: a request with one is refused with 400 `E0000001`.
    pub fn forget_cursors(&self) {
        self.0.state().log.forget_cursors();
    }

    /// From now on no page has more events than this, whatever `limit` asks for; `None`: as many as are asked for.
    pub fn cap_pages(&self, events: Option<usize>) {
        self.0.state().page_cap = events;
    }

    /// Whether each empty page has a `next` link that differs from that of the page before, though nothing new lies behind it. At
    /// first: no.
    pub fn move_empty_links(&self, moves: bool) {
        self.0.state().moves_empty_links = moves;
    }

    /// From now on each answer has this `Date`; `None`: the org's time.
    pub fn set_date(&self, date: Option<&str>) {
        self.0.state().date = date.map(str::to_owned);
    }

    /// Another client makes so many requests.
    pub fn spend(&self, requests: u32) {
        let now = self.now();
        self.0.state().rate_limit.spend(now, requests);
    }

    /// Applies a fault to the next request, after the faults that were scripted before.
    pub fn script(&self, fault: Fault) {
        self.script_times(1, fault);
    }

    /// The same for the next `times` requests.
    pub fn script_times(&self, times: usize, fault: Fault) {
        self.0.state().script.add(times, fault);
    }

    /// Applies a fault to the next token request, after the faults that were scripted before.
    pub fn script_token(&self, fault: Fault) {
        self.script_token_times(1, fault);
    }

    /// The same for the next `times` token requests.
    pub fn script_token_times(&self, times: usize, fault: Fault) {
        self.0.state().oauth.script.add(times, fault);
    }

    /// From now on the app with this client id is this one. Access tokens that it has stay valid.
    pub fn replace_app(&self, app: OAuthApp) {
        self.0.state().oauth.replace(app);
    }

    /// From now on the org takes this API token, in place of the one that it was built with.
    pub fn replace_token(&self, token: impl Into<Secret>) {
        self.0.state().token = token.into();
    }

    /// Revokes every access token.
    pub fn revoke_tokens(&self) {
        self.0.state().oauth.revoke_all();
    }

    /// Makes new DPoP nonces; the old ones become invalid.
    pub fn rotate_dpop_nonce(&self) {
        self.0.state().oauth.rotate_nonce();
    }

    /// Whether a request for the log must carry a DPoP nonce. At first: as built.
    pub fn demand_dpop_nonce(&self, demand: bool) {
        self.0.state().oauth.demand_nonce_of_resources(demand);
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.0.state().requests.clone()
    }

    /// How many requests there were so far.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.0.state().requests.len()
    }

    /// The number of events before the position of a `next` link (its path and query), or of a first request, which begins at a time;
    /// `None` if the link is not one of this org's.
    #[must_use]
    pub fn position(&self, link: &str) -> Option<usize> {
        let (_, query) = link.split_once('?')?;
        let value = |wanted: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let log = &self.0.state().log;
        match value("after") {
            Some(cursor) => log.position(&cursor),
            None => Some(log.since(value("since")?.parse().ok()?)),
        }
    }

    /// Resolves when a client has read the log to its end.
    pub async fn caught_up(&self) {
        // The sender lives as long as `self`, so that this never fails.
        self.0.caught_up.subscribe().wait_for(|end| *end).await.ok();
    }

    /// The time by the org's own clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.settings.clock.now() + self.0.settings.skew
    }
}

impl Org {
    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OktaSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        f.debug_struct("OktaSimulator")
            .field("events", &state.log.len())
            .field("requests", &state.requests.len())
            .finish_non_exhaustive()
    }
}
