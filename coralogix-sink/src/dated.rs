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
        if let Some(date) = date(answer.headers()) {
            self.offset
                .set(ClockOffset::between(self.clock.now(), date));
        }
        Ok(answer)
    }
}
