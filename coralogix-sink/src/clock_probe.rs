//! The clock of the ingress, read from its answers.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use okta_coralogix_core::transport::{Body, Transport, TransportError, date};
use okta_coralogix_core::{Clock, ClockOffset, SharedClockOffset};

/// Passes requests on, and stores the offset of the ingress's clock from the `Date` of each answer that only the ingress can have given.
#[derive(Debug)]
pub(crate) struct ClockProbe {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) offset: SharedClockOffset,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for ClockProbe {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let answer = self.inner.call(request).await?;
        if is_the_ingress(answer.status()) {
            match date(answer.headers()) {
                Some(date) => {
                    let offset = ClockOffset::between(self.clock.now(), date);
                    self.offset.set(offset);
                }
                None if answer.status().is_success() => self.offset.set_unavailable(),
                // A 400 or 422 without `Date` may come from a proxy.
                None => {}
            }
        }
        Ok(answer)
    }
}

/// True if the ingress accepted the request or refused its content. Any other answer may come from a proxy, whose clock may be as
/// wrong as the local one. (A proxy answers 413 too.)
fn is_the_ingress(status: StatusCode) -> bool {
    status.is_success() || matches!(status.as_u16(), 400 | 422)
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use futures::stream;
    use okta_coralogix_core::SystemClock;

    use super::*;

    /// Answers with this status and date.
    #[derive(Debug)]
    struct Answers(u16, Option<&'static str>);

    #[async_trait]
    impl Transport for Answers {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
            let mut answer = Response::builder().status(self.0);
            if let Some(date) = self.1 {
                answer = answer.header("date", date);
            }
            Ok(answer.body(stream::empty().boxed()).unwrap())
        }
    }

    #[tokio::test]
    async fn clock_probe_trusts_only_answers_of_the_ingress_itself() {
        let offset = SharedClockOffset::unknown();
        let after = async |answers| {
            let probe = ClockProbe {
                inner: Arc::new(answers),
                offset: offset.clone(),
                clock: Arc::new(SystemClock),
            };
            probe.call(Request::default()).await.unwrap();
            offset.get()
        };
        let date = Some("Sun, 22 Nov 2026 12:00:00 GMT");
        for status in [302, 401, 403, 407, 413, 429, 502, 503] {
            assert!(after(Answers(status, None)).await.is_unknown(), "{status}");
            assert!(after(Answers(status, date)).await.is_unknown(), "{status}");
        }
        assert!(after(Answers(422, None)).await.is_unknown());
        let seen = after(Answers(422, date)).await;
        assert_ne!(seen, ClockOffset::default());
        assert!(!seen.is_unknown());
        assert_eq!(after(Answers(200, None)).await, seen);
    }
}
