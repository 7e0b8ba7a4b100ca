//! What the ingress's clock shows.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use okta_coralogix_core::transport::{Body, Transport, TransportError, date};
use okta_coralogix_core::{Clock, ClockOffset, SharedClockOffset};

/// Notes the `Date` of each answer that the ingress must have given itself.
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
                None if answer.status().is_success() => self.offset.set_absent(),
                // Who says that nothing can be made of a request may not be the ingress after all, and tells no time either.
                None => {}
            }
        }
        Ok(answer)
    }
}

/// True if it is no answer of something on the way, whose clock may be as wrong as the host's: a request was taken, or its
/// content was judged. (A proxy too finds requests too large.)
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
    async fn only_who_has_read_a_request_shows_a_clock_or_none() {
        let offset = SharedClockOffset::unknown();
        let hear = async |answers| {
            let dated = ClockProbe {
                inner: Arc::new(answers),
                offset: offset.clone(),
                clock: Arc::new(SystemClock),
            };
            dated.call(Request::default()).await.unwrap();
            offset.get()
        };
        let date = Some("Sun, 22 Nov 2026 12:00:00 GMT");
        for status in [302, 401, 403, 407, 413, 429, 502, 503] {
            assert!(hear(Answers(status, None)).await.is_unknown(), "{status}");
            assert!(hear(Answers(status, date)).await.is_unknown(), "{status}");
        }
        assert!(hear(Answers(422, None)).await.is_unknown());
        let seen = hear(Answers(422, date)).await;
        assert_ne!(seen, ClockOffset::default());
        assert!(!seen.is_unknown());
        assert_eq!(hear(Answers(200, None)).await, seen);
    }
}
