//! What the ingress's clock shows.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use okta_coralogix_core::transport::{Body, Transport, TransportError, date};
use okta_coralogix_core::{Clock, ClockOffset, SharedClockOffset};

/// Notes the `Date` of every answer.
#[derive(Debug)]
pub(crate) struct Dated {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) offset: SharedClockOffset,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for Dated {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let answer = self.inner.call(request).await?;
        match date(answer.headers()) {
            Some(date) => {
                let offset = ClockOffset::between(self.clock.now(), date);
                self.offset.set(offset);
            }
            // What refuses may be something on the way.
            None if answer.status().is_success() => self.offset.heard_no_clock(),
            None => {}
        }
        Ok(answer)
    }
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
    async fn only_who_takes_a_request_can_say_that_there_is_no_clock() {
        let offset = SharedClockOffset::default();
        let hear = async |answers| {
            let dated = Dated {
                inner: Arc::new(answers),
                offset: offset.clone(),
                clock: Arc::new(SystemClock),
            };
            dated.call(Request::default()).await.unwrap();
            offset.get()
        };
        assert!(hear(Answers(502, None)).await.is_awaited());
        assert_eq!(hear(Answers(200, None)).await, ClockOffset::default());
        let date = Some("Sun, 22 Nov 2026 12:00:00 GMT");
        let seen = hear(Answers(401, date)).await;
        assert_ne!(seen, ClockOffset::default());
        assert_eq!(hear(Answers(200, None)).await, seen);
    }
}
