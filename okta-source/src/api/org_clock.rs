//! The org's clock and the host's, compared by the `Date` of each answer.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use okta_coralogix_core::internal::exchange::date;
use okta_coralogix_core::{Clock, ClockOffset};

use crate::api::org_url::OrgUrl;

/// No release of this program is older than 2026, and none will be run in 2100 (both in seconds since 1970): a `Date` outside of these
/// is wrong, whatever the host's clock shows.
const DATES: Range<i64> = 1_767_225_600..4_102_444_800;

/// The `Date` of an answer, if a clock can show it: one that is absurd is no time.
pub(crate) fn plausible_date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    date(headers).filter(|date| DATES.contains(&date.timestamp()))
}

/// Both clocks, as far as they are known.
#[derive(Debug)]
pub(crate) struct OrgClock {
    host: Arc<dyn Clock>,
    offset: ClockOffset,
    /// It was reported that the answers carry an absurd `Date`.
    has_warned: bool,
}

impl OrgClock {
    pub(crate) fn new(host: Arc<dyn Clock>) -> Self {
        Self {
            host,
            offset: ClockOffset::default(),
            has_warned: false,
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

    /// The later of the two times.
    fn later_time(&self) -> DateTime<Utc> {
        self.host.now().max(self.org_time())
    }

    /// The latest `published` that is believed now: what lies behind it tells nothing of the time.
    pub(crate) fn latest_published(&self) -> DateTime<Utc> {
        self.later_time() + ClockOffset::TOLERANCE
    }

    /// Learns from an answer. Warns when the clocks come to be more than 5 minutes apart.
    pub(crate) fn observe(&mut self, org: &OrgUrl, headers: &HeaderMap) {
        let Some(date) = plausible_date(headers) else {
            self.warn_of_date(org, headers);
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

    /// Reports an absurd `Date`, once.
    fn warn_of_date(&mut self, org: &OrgUrl, headers: &HeaderMap) {
        if let Some(date) = date(headers)
            && !self.has_warned
        {
            self.has_warned = true;
            tracing::warn!(
                %org,
                %date,
                "the org's answers carry a Date that no clock can show, so that it is ignored: find the gateway or proxy on the way to \
                 the org that sets it, and have it pass Okta's on"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::DATE;

    use super::*;

    #[test]
    fn date_that_no_clock_can_show_is_no_time() {
        for (date, is_plausible) in [
            ("Sat, 01 Jan 2000 00:00:00 GMT", false),
            ("Thu, 01 Jan 1970 00:00:00 GMT", false),
            ("Wed, 31 Dec 2025 23:59:59 GMT", false),
            ("Thu, 01 Jan 2026 00:00:00 GMT", true),
            ("Sun, 22 Nov 2026 10:00:00 GMT", true),
            ("Fri, 01 Jan 2100 00:00:00 GMT", false),
            ("Fri, 31 Dec 9999 23:59:59 GMT", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            assert_eq!(plausible_date(&headers).is_some(), is_plausible, "{date}");
        }
    }
}
