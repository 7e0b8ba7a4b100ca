//! The ingress without a socket, for tests under paused time.

use std::future::ready;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use okta_coralogix_core::transport::{Body, Transport, TransportError};

use super::handler::SimulatedResponse;
use super::ingress::CoralogixSimulator;

#[async_trait]
impl Transport for CoralogixSimulator {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if self.ingress().state().down {
            return Err(TransportError::Connect("connection refused".into()));
        }
        let (head, body) = request.into_parts();
        match self.handle(&head, ready(Some(body))).await {
            SimulatedResponse::Whole(answer) => {
                Ok(answer.map(|body| stream::iter([Ok(body)]).boxed()))
            }
            SimulatedResponse::Half(answer) => Ok(answer.map(|body| {
                let half = body.slice(..body.len() / 2);
                stream::iter([Ok(half), Err(reset())]).boxed()
            })),
            SimulatedResponse::Stalled(answer) => Ok(answer.map(|body| {
                let half = body.slice(..body.len() / 2);
                stream::iter([Ok(half)]).chain(stream::pending()).boxed()
            })),
            SimulatedResponse::Broken => Err(reset()),
        }
    }
}

fn reset() -> TransportError {
    TransportError::Interrupted("connection reset".into())
}
