//! The settings of a source that few need.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::observe::{Observer, TracingObserver};
use okta_coralogix_core::{Error, Result};

use crate::api::query::Query;
use crate::api::rate_limit::is_share;
use crate::builder::OktaSourceBuilder;
use crate::config;

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) query: Query,
    pub(crate) restart_on_changed_query: bool,
    pub(crate) overlap: Duration,
    pub(crate) reread: Option<Duration>,
    pub(crate) catch_up: (f64, Duration),
    pub(crate) silence: Option<Duration>,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            query: Query::default(),
            restart_on_changed_query: false,
            overlap: config::OVERLAP,
            reread: None,
            catch_up: (config::CATCH_UP_SHARE, config::CATCH_UP_AGE),
            silence: Some(config::SILENCE),
            observer: Arc::new(TracingObserver),
        }
    }
}

impl OktaSourceBuilder {
    /// Which events the org gives: a SCIM expression, such as `severity eq "WARN" or eventType sw "user.session"`. It is passed on
    /// as it is. Okta takes no `published` in it, no `[ ]`, no search in `changeDetails`, and no `co` on
    /// `debugContext.debugData.url` or `.requestUri`. Default: all.
    ///
    /// What the org leaves out reaches no count of this process. A checkpoint remembers its filter and is refused with
    /// another one; see [`restart_on_changed_query`](Self::restart_on_changed_query).
    pub fn filter(mut self, expression: impl Into<String>) -> Self {
        self.options.query.filter = Some(expression.into());
        self
    }

    /// Which events the org gives: those with all of these keywords, in any of their values. Up to 10 keywords of 40 characters.
    /// Default: all. Remembered as the filter is.
    pub fn q(mut self, keywords: impl Into<String>) -> Self {
        self.options.query.q = Some(keywords.into());
        self
    }

    /// What to do with a checkpoint that was written with another filter or other keywords. True: read on with the new ones from the
    /// overlap before the last settled event; what the new ones let through of the time before is *not* read (that takes a
    /// [`Backfill`](crate::Backfill)). False: refuse it. Default: false.
    pub fn restart_on_changed_query(mut self, restart: bool) -> Self {
        self.options.restart_on_changed_query = restart;
        self
    }

    /// How far to go back behind the last settled event where Okta refuses the stored link. Repeats are removed by the window of uuids,
    /// which grows for it at need, up to 200,000. Up to 24 hours; default: 10 minutes.
    pub fn overlap(mut self, time: Duration) -> Self {
        self.options.overlap = time;
        self
    }

    /// Reads the time of the overlap again, so often and once at the start, and gives what had not been given. Okta documents that
    /// polling gives every event, so that nothing should be found:
    /// [`PipelineEvent::OverlapReread`](okta_coralogix_core::observe::PipelineEvent::OverlapReread) says what was. Costs a request or more each time. Default: never.
    pub fn reread_every(mut self, time: Duration) -> Self {
        self.options.reread = Some(time);
        self
    }

    /// The share of the org's request limit for a backlog whose events are of this `age` or older, so that they are read before they are
    /// too old to be delivered. A token gets half of the limit at most, unless an administrator has changed that. Default: 0.8
    /// from 20 hours.
    pub fn catch_up(mut self, share: f64, age: Duration) -> Self {
        self.options.catch_up = (share, age);
        self
    }

    /// After how long without any event the observer hears of it; `None`: never. Default: 24 hours.
    pub fn silence_alarm(mut self, time: Option<Duration>) -> Self {
        self.options.silence = time;
        self
    }

    /// Who hears what the source does. Default: `tracing`.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.options.observer = Arc::new(observer);
        self
    }
}

impl Options {
    /// # Errors
    /// `Config`, which names the setting.
    pub(crate) fn validate(&self) -> Result<()> {
        self.query.validate()?;
        if self.overlap.is_zero() || self.overlap > config::LONGEST_OVERLAP {
            return Err(Error::config(
                "overlap",
                "is out of range; write a time above zero and up to 24 hours, such as 10 minutes",
            ));
        }
        let (share, _) = self.catch_up;
        if !is_share(share) {
            return Err(Error::config(
                "catch_up",
                "has a share out of range; write a number above 0 and up to 1, such as 0.8",
            ));
        }
        for (name, time) in [
            ("reread_every", self.reread),
            ("silence_alarm", self.silence),
        ] {
            let fits = |time: Duration| !time.is_zero() && time <= config::LONGEST_POLL_INTERVAL;
            if time.is_some_and(|time| !fits(time)) {
                return Err(Error::config(
                    name,
                    "is out of range; write a time above zero and up to 30 days",
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn overlap(&self) -> TimeDelta {
        TimeDelta::from_std(self.overlap).unwrap_or(TimeDelta::MAX)
    }
}
