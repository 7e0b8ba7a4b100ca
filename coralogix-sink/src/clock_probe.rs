//! The clock of the ingress, read from its answers.

use std::sync::Arc;

use http::HeaderMap;
use okta_coralogix_core::internal::exchange::date;
use okta_coralogix_core::{Clock, ClockOffset, ErrorKind, Result, SharedClockOffset};

/// Stores the offset of the ingress's clock from the `Date` of each answer that only the ingress can have given.
#[derive(Debug)]
pub(crate) struct ClockProbe {
    pub(crate) offset: SharedClockOffset,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ClockProbe {
    /// An answer has come, and means this. Only the ingress accepts a request or refuses its content; any other answer may come from
    /// something between, whose clock may be as wrong as the local one. (A proxy answers 413 too, and a web filter 200 with a page.)
    pub(crate) fn observe(&self, headers: &HeaderMap, meaning: &Result<()>) {
        let is_acceptance = match meaning {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::Rejected => false,
            Err(_) => return,
        };
        match date(headers) {
            Some(date) => {
                let offset = ClockOffset::between(self.clock.now(), date);
                self.offset.set(offset);
            }
            None if is_acceptance => self.offset.set_unavailable(),
            // A 400 or 422 without `Date` may come from a proxy.
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use okta_coralogix_core::{Secret, SystemClock};

    use super::*;
    use crate::status::{IngressName, classify};

    const DATE: &str = "Sun, 22 Nov 2026 12:00:00 GMT";

    fn probe() -> ClockProbe {
        ClockProbe {
            offset: SharedClockOffset::unknown(),
            clock: Arc::new(SystemClock),
        }
    }

    /// What the probe knows after an answer.
    fn after(
        probe: &ClockProbe,
        status: u16,
        date: Option<&str>,
        body: &'static str,
    ) -> ClockOffset {
        let mut answer = Response::builder().status(status);
        if let Some(date) = date {
            answer = answer.header("date", date);
        }
        let answer = answer.body(Bytes::from_static(body.as_bytes())).unwrap();
        let ingress = IngressName {
            name: "ingress",
            key: &Secret::from("hunter2"),
            key_setting: "api_key",
        };
        probe.observe(answer.headers(), &classify(&answer, ingress));
        probe.offset.get()
    }

    #[test]
    fn clock_probe_trusts_only_answers_of_the_ingress_itself() {
        let probe = probe();
        for status in [302, 401, 403, 407, 413, 429, 502, 503] {
            for date in [None, Some(DATE)] {
                assert!(after(&probe, status, date, "").is_unknown(), "{status}");
            }
        }
        assert!(after(&probe, 422, None, "").is_unknown());
        let seen = after(&probe, 422, Some(DATE), "");
        assert_ne!(seen, ClockOffset::default());
        assert!(!seen.is_unknown());
        assert_eq!(after(&probe, 200, None, ""), seen);
    }

    #[test]
    fn clock_of_a_gateway_is_not_believed() {
        let probe = probe();
        for (status, body) in [
            (200, "<html>Please sign in</html>"),
            (200, r#"{"errors":["no route"]}"#),
            (203, ""),
            (206, ""),
            (400, "<?xml version=\"1.0\"?><Error/>"),
            (422, "<html>"),
        ] {
            for date in [None, Some(DATE)] {
                let offset = after(&probe, status, date, body);
                assert!(offset.is_unknown(), "{status} {body}");
            }
        }
    }
}
