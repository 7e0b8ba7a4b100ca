//! The org's clock and the host's, compared by the `Date` of each answer.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use okta_coralogix_core::{Clock, ClockOffset, transport};

use crate::api::org_url::OrgUrl;

/// Both clocks, as far as they are known.
#[derive(Debug)]
pub(crate) struct OrgClock {
    host: Arc<dyn Clock>,
    offset: ClockOffset,
}

impl OrgClock {
    pub(crate) fn new(host: Arc<dyn Clock>) -> Self {
        Self {
            host,
            offset: ClockOffset::default(),
        }
    }

    pub(crate) fn offset(&self) -> ClockOffset {
        self.offset
    }

    /// The org's time.
    pub(crate) fn org_time(&self) -> DateTime<Utc> {
        self.host.now() + self.offset.get()
    }

    /// The earlier of the two times, from which the source looks back, so that a wrong clock hides no event.
    pub(crate) fn earlier_time(&self) -> DateTime<Utc> {
        self.offset.earlier(self.host.now())
    }

    /// Learns from an answer. Warns when the clocks come to be more than 5 minutes apart.
    pub(crate) fn observe(&mut self, org: &OrgUrl, headers: &HeaderMap) {
        let Some(date) = transport::date(headers) else {
            return;
        };
        let offset = ClockOffset::between(self.host.now(), date);
        let change = offset.get() - self.offset.get();
        if offset.is_significant()
            && (!self.offset.is_significant() || change.abs() > ClockOffset::TOLERANCE)
        {
            tracing::warn!(
                %org,
                seconds = offset.get().num_seconds(),
                "the host's clock and the org's are more than 5 minutes apart (positive: the org's is ahead); set the host's clock"
            );
        }
        self.offset = offset;
    }
}
