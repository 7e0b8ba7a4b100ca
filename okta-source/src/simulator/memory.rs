//! The org in memory: a transport.

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{Request, Response};
use okta_coralogix_core::transport::{Body, Transport, TransportError};

use super::OktaSimulator;
use super::answer::ConnectFailed;

/// Every request through this transport reaches the org, whatever its host and scheme.
#[async_trait]
impl Transport for OktaSimulator {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let (head, body) = request.into_parts();
        let response = self.answer(&head, &body).await;
        if response.extensions().get::<ConnectFailed>().is_some() {
            return Err(TransportError::Connect("the org is down".into()));
        }
        Ok(response.map(|body| {
            body.into_data_stream()
                .map_err(|error| TransportError::Interrupted(error.to_string().into()))
                .boxed()
        }))
    }
}
