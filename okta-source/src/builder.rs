//! Settings in, a source out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::transport::{ReqwestTransport, Transport};
use okta_coralogix_core::{Clock, ClockOffset, Error, Origin, Result, Secret, SystemClock};

use crate::api::org_url::OrgUrl;
use crate::api::page_size::PageSize;
use crate::api::rate_limit::{RateBudget, is_share};
use crate::api::retry_headers::RetryHeaders;
use crate::auth::{ApiToken, ApiTokenError, Auth, Credentials, HttpContext, ServiceApp};
use crate::client::Client;
use crate::config::{self, Settings, Since};
use crate::metrics::backlog::Backlog;
use crate::metrics::overlap_window::OverlapWindow;
use crate::metrics::snapshot::Watch;
use crate::options::Options;
use crate::poll::reread::Reread;
use crate::position::committer::{Committer, Stored};
use crate::position::identity::{Identity, Relation};
use crate::position::link_cycle::LinkCycleDetector;
use crate::position::start::{self, Position, Start};
use crate::source::{OktaSource, check, place};
use okta_coralogix_core::text::sanitize;

/// Builds an [`OktaSource`]. The address, the credentials and the checkpoint have no default.
#[derive(Debug)]
#[must_use]
pub struct OktaSourceBuilder {
    org_url: String,
    api_token: Option<Secret>,
    credentials: Option<Credentials>,
    since: Since,
    poll_interval: Duration,
    page_size: u16,
    once: bool,
    dedup_capacity: usize,
    rate_share: f64,
    max_body_bytes: usize,
    pub(crate) options: Options,
    checkpoint: Option<Arc<dyn CheckpointStore>>,
    pub(crate) clock: Arc<dyn Clock>,
    transport: Option<Arc<dyn Transport>>,
}

impl Default for OktaSourceBuilder {
    fn default() -> Self {
        Self {
            org_url: String::new(),
            api_token: None,
            credentials: None,
            since: Since::default(),
            poll_interval: config::POLL_INTERVAL,
            page_size: config::PAGE_LIMIT,
            once: false,
            dedup_capacity: DedupWindow::DEFAULT_CAPACITY,
            rate_share: config::RATE_SHARE,
            max_body_bytes: config::BODY_LIMIT,
            options: Options::default(),
            checkpoint: None,
            clock: Arc::new(SystemClock),
            transport: None,
        }
    }
}

impl OktaSourceBuilder {
    /// The address of the org, as [`OrgUrl::parse`] takes it.
    pub fn org_url(mut self, org: impl fmt::Display) -> Self {
        self.org_url = org.to_string();
        self
    }

    /// An API token of an administrator with the Read-only or the Report Administrator role.
    pub fn api_token(mut self, token: impl Into<Secret>) -> Self {
        self.api_token = Some(token.into());
        self
    }

    /// A service app in place of an API token: OAuth, with DPoP where the org wants it.
    pub fn service_app(self, app: ServiceApp) -> Self {
        self.credentials(app)
    }

    /// An API token or a service app, as [`Credentials::from_env`] reads them.
    pub fn credentials(mut self, credentials: impl Into<Credentials>) -> Self {
        self.credentials = Some(credentials.into());
        self
    }

    /// Where to begin without a checkpoint: a time, or how long ago. Default: 24 hours ago.
    pub fn since(mut self, since: impl Into<Since>) -> Self {
        self.since = since.into();
        self
    }

    /// From the start of one poll to the start of the next while there is nothing more to read. Default: 30 s.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Events per page, 1 to 1000. Default: 1000.
    pub fn page_size(mut self, events: u16) -> Self {
        self.page_size = events;
        self
    }

    /// Ends when all that is there has been read. Default: false.
    pub fn once(mut self, once: bool) -> Self {
        self.once = once;
        self
    }

    /// How many recent uuids are kept with the position. Default: 20,000.
    pub fn dedup_capacity(mut self, uuids: usize) -> Self {
        self.dedup_capacity = uuids;
        self
    }

    /// The share of the org's request limit that this source may use, above 0 and at most 1. Default: 0.5.
    pub fn rate_share(mut self, share: f64) -> Self {
        self.rate_share = share;
        self
    }

    /// The longest answer that is read, in bytes. Default: 64 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Where the position is kept.
    pub fn checkpoint(mut self, store: impl CheckpointStore) -> Self {
        self.checkpoint = Some(Arc::new(store));
        self
    }

    /// The host's clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The network. Default: [`ReqwestTransport::new`].
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Makes one request to see whether the address, the token and its rights are good. Needs no checkpoint.
    ///
    /// # Errors
    /// `Config` for a wrong setting, otherwise what the source would say.
    pub async fn check(self) -> Result<()> {
        self.options.validate()?;
        let query = self.options.query.clone();
        check(&self.client()?, &query).await
    }

    /// Opens the source at the position of its checkpoint. Makes no request.
    ///
    /// # Errors
    /// `Config` names a missing or wrong setting; `Corrupt` if the checkpoint belongs to another org; what the checkpoint's
    /// store says.
    pub async fn open(self) -> Result<OktaSource> {
        self.open_range(None).await
    }

    /// `range`: where a bounded range ends, and how its checkpoint names it.
    pub(crate) async fn open_range(
        mut self,
        range: Option<(DateTime<Utc>, String)>,
    ) -> Result<OktaSource> {
        self.validate()?;
        let store = self.checkpoint.take().ok_or_else(|| {
            Error::config(
                "checkpoint",
                "is missing; give a place to keep the position in",
            )
        })?;
        let options = std::mem::take(&mut self.options);
        let mut settings = Settings {
            since: self.since,
            poll_interval: self.poll_interval,
            page_size: self.page_size,
            once: self.once && range.is_none(),
            overlap: options.overlap(),
            rate_share: self.rate_share,
            catch_up_share: options.catch_up.0,
            until: range.as_ref().map(|(until, _)| *until),
        };
        let (clock, dedup_capacity) = (Arc::clone(&self.clock), self.dedup_capacity);
        let client = self.client()?;
        let query = options.query;
        let identity = match &range {
            Some((_, range)) => Identity::backfill(client.org(), range, &query),
            None => Identity::polling(client.org(), &query),
        };
        let (mut stored, mut dedup) = (Stored::default(), DedupWindow::new(dedup_capacity));
        if let Some(found) = store.load().await? {
            let window = found.value.dedup.clone();
            // It may have grown for the overlap.
            let capacity = match dedup_capacity {
                0 => 0,
                capacity => capacity.max(window.len()),
            };
            dedup = DedupWindow::restore(window, capacity);
            stored.version = Some(found.version);
            let restarts = options.restart_on_changed_query
                && identity.relation(&found.value.identity) == Relation::OtherQuery
                && range.is_none();
            if restarts {
                settings.since = restart(&found.value, settings, clock.now());
            } else {
                stored.place = Some(place(&found.value, &identity, client.org())?);
            }
        }
        if stored.place.is_none() {
            config::check_start(settings.since, clock.now())?;
        }
        let owner = identity.as_str().to_owned();
        Ok(OktaSource {
            settings,
            origin: Arc::new(Origin::org(client.org().subdomain())),
            watch: Watch::new(
                client.org().subdomain().to_owned(),
                options.observer,
                options.silence,
            ),
            query,
            identity,
            client,
            clock,
            position: stored.place.as_ref().map_or(Position::Start, |place| {
                Position::behind(place.cursor.clone())
            }),
            progress: Arc::new(Committer::new(owner, store, dedup, stored)),
            generation: 0,
            budget: RateBudget::new(settings.rate_share),
            start: Start::new(settings.since),
            fallback: None,
            repeats: None,
            offset: ClockOffset::default(),
            caught_up: false,
            next_tick: None,
            size: PageSize::new(settings.page_size),
            attempts: RetryHeaders::default(),
            trail: LinkCycleDetector::default(),
            recent: OverlapWindow::new(settings.overlap),
            pace: Backlog::new(options.catch_up.1),
            again: Reread::new(options.reread),
        })
    }

    fn validate(&self) -> Result<()> {
        if !(1..=config::PAGE_LIMIT).contains(&self.page_size) {
            return Err(Error::config(
                "page_size",
                "is out of range; write 1 to 1000",
            ));
        }
        if self.poll_interval.is_zero() || self.poll_interval > config::LONGEST_POLL_INTERVAL {
            return Err(Error::config(
                "poll_interval",
                "is out of range; write a time above zero and up to 30 days, such as 30 s",
            ));
        }
        if !is_share(self.rate_share) {
            return Err(Error::config(
                "rate_share",
                "is out of range; write a number above 0 and up to 1, such as 0.5",
            ));
        }
        self.options.validate()
    }

    fn client(self) -> Result<Client> {
        let org = OrgUrl::parse(&self.org_url).map_err(|error| Error::config("org_url", error))?;
        let credentials = match (self.credentials, self.api_token) {
            (Some(_), Some(_)) => {
                let both = "is given beside other credentials; give one of them";
                return Err(Error::config("api_token", both));
            }
            (Some(credentials), None) => credentials,
            (None, token) => token
                .ok_or(ApiTokenError::Empty)
                .and_then(|token| ApiToken::parse(&token))
                .map(Credentials::from)
                .map_err(|error| Error::config("api_token", error))?,
        };
        let auth = Auth::new(credentials, self.clock)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(ReqwestTransport::new()?),
        };
        Ok(Client {
            auth,
            context: HttpContext {
                org,
                transport,
                max_body_bytes: self.max_body_bytes,
            },
        })
    }
}

/// Where to read on with another query: from the overlap before the last event that was settled with the old one.
fn restart(record: &Checkpoint, settings: Settings, now: DateTime<Utc>) -> Since {
    let since = match record.published_ms {
        Some(published) => start::before(published, now, settings.overlap).into(),
        None => settings.since,
    };
    tracing::warn!(
        old = sanitize(&record.identity),
        ?since,
        "the query was changed: reading on with the new one; repeats are removed by their uuid"
    );
    since
}
