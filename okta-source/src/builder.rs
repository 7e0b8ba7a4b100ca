//! The builder of a source.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::internal::Reloadable;
use okta_coralogix_core::observe::Observer;
#[cfg(feature = "reqwest")]
use okta_coralogix_core::transport::ReqwestTransport;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Clock, Error, Result, Secret, SystemClock};

use crate::api::org_clock::OrgClock;
use crate::api::org_url::OrgUrl;
use crate::auth::{ApiToken, ApiTokenError, Auth, Credentials, HttpContext};
use crate::client::Client;
use crate::config::{Settings, Since};
use crate::poll::poller::Poller;
use crate::position::identity::Identity;
use crate::position::resume::Position;
use crate::source::OktaSource;

/// Builds an [`OktaSource`]. The address, the credentials and the checkpoint have no default.
///
/// A clone has the same settings, with the same checkpoint and the same reading of the credentials.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct OktaSourceBuilder {
    org_url: String,
    api_token: Option<Secret>,
    credentials: Option<Arc<Reloadable<Credentials>>>,
    checkpoint: Option<Arc<dyn CheckpointStore>>,
    clock: Option<Arc<dyn Clock>>,
    transport: Option<Arc<dyn Transport>>,
    pub(crate) settings: Settings,
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

    /// An [`ApiToken`], a [`ServiceApp`](crate::ServiceApp) (OAuth, with DPoP where the org wants it), or the
    /// result of [`Credentials::from_env`].
    pub fn credentials(mut self, credentials: impl Into<Credentials>) -> Self {
        self.credentials = Some(Arc::new(Reloadable::fixed(credentials.into())));
        self
    }

    /// Credentials that `read` gives now, and that are read anew each time Okta refuses them: a token or key that a secret manager
    /// rewrites, say. If they have changed, the refused request goes out again at once with the new ones.
    ///
    /// `read` may block; later than now it is called on a thread where it may. If it fails then, the error is logged and the old
    /// credentials stay.
    ///
    /// ```no_run
    /// # fn main() -> okta_coralogix_core::Result<()> {
    /// use okta_source::{Credentials, OktaSource};
    ///
    /// let read = || Credentials::from_env(|name| std::env::var_os(name));
    /// let source = OktaSource::builder().org_url("example.okta.com").credentials_from(read)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// That of `read`.
    pub fn credentials_from(
        mut self,
        read: impl Fn() -> Result<Credentials> + Send + Sync + 'static,
    ) -> Result<Self> {
        self.credentials = Some(Arc::new(Reloadable::read_from(read)?));
        Ok(self)
    }

    /// Where to begin without a checkpoint: a time, or how long ago. Default: 24 hours ago.
    pub fn since(mut self, since: impl Into<Since>) -> Self {
        self.settings.since = since.into();
        self
    }

    /// From the start of one poll to the start of the next while there is nothing more to read. Default: 30 s.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.poll_interval = interval;
        self
    }

    /// Events per page, 1 to 1000. Default: 1000.
    pub fn page_size(mut self, events: u16) -> Self {
        self.settings.page_size = events;
        self
    }

    /// Ends when the log has been read to its end, as of the start of the run: at an empty page whose link is the one that was asked for, or
    /// at a page with room for more whose newest event is not older than that start. Default: false.
    ///
    /// If the org gives neither in 20 polls in a row that bring nothing, `next` fails with `UnexpectedResponse`.
    pub fn once(mut self, once: bool) -> Self {
        self.settings.once = once;
        self
    }

    /// How many recent uuids are kept with the position. Default: 20,000.
    pub fn dedup_capacity(mut self, uuids: usize) -> Self {
        self.settings.dedup_capacity = uuids;
        self
    }

    /// The share of the org's request limit that this source may use, above 0 and at most 1. Default: 0.5.
    pub fn rate_share(mut self, share: f64) -> Self {
        self.settings.rate_share = share;
        self
    }

    /// The longest answer that is read, in bytes. Default: 64 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_body_bytes = bytes;
        self
    }

    /// Where the position is kept.
    pub fn checkpoint(mut self, store: impl CheckpointStore) -> Self {
        self.checkpoint = Some(Arc::new(store));
        self
    }

    /// The host's clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// The network. Default: [`ReqwestTransport::new`].
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Which events the org gives: a SCIM expression, such as `severity eq "WARN" or eventType sw "user.session"`. It is passed on
    /// as it is. Okta takes no `published` in it, no `[ ]`, no search in `changeDetails`, and no `co` on
    /// `debugContext.debugData.url` or `.requestUri`. Default: all.
    ///
    /// No count of this process includes events that the org leaves out. A checkpoint remembers its filter and is refused with
    /// another one; see [`restart_on_changed_query`](Self::restart_on_changed_query).
    pub fn filter(mut self, expression: impl Into<String>) -> Self {
        self.settings.query.filter = Some(expression.into());
        self
    }

    /// Which events the org gives: those with all of these keywords, in any of their values. Up to 10 keywords of 40 characters.
    /// Default: all. Remembered as the filter is.
    pub fn q(mut self, keywords: impl Into<String>) -> Self {
        self.settings.query.q = Some(keywords.into());
        self
    }

    /// For a checkpoint that was written with another filter or other keywords. True: read on with the new ones from the
    /// overlap before the last settled event; earlier events that only the new ones match are *not* read (that takes a
    /// [`Backfill`](crate::Backfill)). False: refuse it. Default: false.
    pub fn restart_on_changed_query(mut self, restart: bool) -> Self {
        self.settings.restart_on_changed_query = restart;
        self
    }

    /// For an org whose domain has changed: the domain before. A checkpoint of that org is then taken for one of this, and is saved under
    /// the new domain. Only for the same org: a link of another one leads nowhere. Default: none, and a checkpoint of another org is refused.
    pub fn renamed_from(mut self, org: OrgUrl) -> Self {
        self.settings.renamed_from = Some(org);
        self
    }

    /// How far to go back behind the last settled event where Okta refuses the stored link. Repeats are removed by the window of uuids,
    /// which grows for it at need, up to 200,000. Up to 24 hours; default: 10 minutes.
    pub fn overlap(mut self, time: Duration) -> Self {
        self.settings.overlap = time;
        self
    }

    /// Reads the overlap again at this interval and once at the start, and delivers the events that were missing, marked as
    /// [`late`](okta_coralogix_core::Delivery::late). Okta documents that polling gives every event, so that none should be:
    /// [`PipelineEvent::OverlapReread`](okta_coralogix_core::observe::PipelineEvent::OverlapReread) reports the result. Default: never.
    ///
    /// A turn costs at most 3 requests; what does not fit into them is not read again, which is logged once. Turns take at most 5 % of the
    /// [`rate_share`](Self::rate_share), none while the source is behind, and none at the start of a run that reads
    /// [`once`](Self::once). Events that a filter of the pipeline dropped are not remembered, and are found each time.
    pub fn reread_every(mut self, time: Duration) -> Self {
        self.settings.reread_every = Some(time);
        self
    }

    /// The share of the org's request limit for a backlog whose events are of this `age` or older, so that they are read before they are
    /// too old to be delivered. A token gets half of the limit at most, unless an administrator has changed that. Default: 0.8
    /// from 20 hours.
    pub fn catch_up(mut self, share: f64, age: Duration) -> Self {
        self.settings.catch_up_share = share;
        self.settings.catch_up_age = age;
        self
    }

    /// After how long without any event the source reports silence to the observer; `None`: never. Default: 24 hours.
    pub fn silence_alarm(mut self, time: Option<Duration>) -> Self {
        self.settings.silence = time;
        self
    }

    /// An observer of the source alone, beside that of its pipeline. Default: none; a source that is in no pipeline logs.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings.observer = Some(Arc::new(observer));
        self
    }

    /// Makes one request to check the address, the token and its rights. Needs no checkpoint.
    ///
    /// # Errors
    /// `Config` for a wrong setting, otherwise the error that the source would give.
    pub async fn check(mut self) -> Result<()> {
        self.settings.validate()?;
        self.poller()?.check().await
    }

    /// Opens the source at the position of its checkpoint. Makes no request.
    ///
    /// # Errors
    /// `Config` names a missing or wrong setting; `Corrupt` if the checkpoint belongs to another org; the errors of the checkpoint's
    /// store.
    pub async fn open(mut self) -> Result<OktaSource> {
        self.settings.validate()?;
        let store = self.checkpoint.take().ok_or_else(|| {
            Error::config(
                "checkpoint",
                "is missing; give a place to keep the position in",
            )
        })?;
        let clock = self.host_clock();
        let poller = self.poller()?;
        let settings = self.settings;
        let identity = Identity::of(poller.org(), &settings.query, settings.range.as_ref());
        let position = Position::open(store, identity, &settings, clock.now()).await?;
        Ok(OktaSource::new(&settings, poller, position))
    }

    pub(crate) fn host_clock(&self) -> Arc<dyn Clock> {
        let clock = self.clock.clone();
        clock.unwrap_or_else(|| Arc::new(SystemClock))
    }

    fn poller(&mut self) -> Result<Poller> {
        let org = OrgUrl::parse(&self.org_url).map_err(|error| Error::config("org_url", error))?;
        let credentials = match (self.credentials.take(), self.api_token.take()) {
            (Some(_), Some(_)) => {
                let both = "is given beside other credentials; give one of them";
                return Err(Error::config("api_token", both));
            }
            (Some(credentials), None) => credentials,
            (None, token) => token
                .ok_or(ApiTokenError::Empty)
                .and_then(|token| ApiToken::parse(&token))
                .map(|token| Arc::new(Reloadable::fixed(token.into())))
                .map_err(|error| Error::config("api_token", error))?,
        };
        let auth = Auth::new(credentials, self.host_clock())?;
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => default_transport()?,
        };
        transport.check_scheme(org.url().scheme())?;
        let context = HttpContext {
            org,
            transport,
            max_body_bytes: self.settings.max_body_bytes,
        };
        let clock = OrgClock::new(self.host_clock());
        Ok(Poller::new(Client { auth, context }, clock, &self.settings))
    }
}

/// That of a source which is given none.
#[cfg(feature = "reqwest")]
fn default_transport() -> Result<Arc<dyn Transport>> {
    Ok(Arc::new(ReqwestTransport::new()))
}

/// # Errors
/// `Config`: there is none.
#[cfg(not(feature = "reqwest"))]
fn default_transport() -> Result<Arc<dyn Transport>> {
    let detail = "is not set; give a transport, or build with the default features, which have one";
    Err(Error::config("transport", detail))
}
