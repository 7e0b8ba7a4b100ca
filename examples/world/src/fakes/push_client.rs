//! The way of EventBridge to the program, and what it does there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body as AxumBody;
use bytes::Bytes;
use eventbridge_source::simulator::ApiDestination;
use futures::{StreamExt, TryStreamExt, stream};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::time::sleep;

use crate::env::{Env, push_key};
use crate::fakes::network::{met, proxy_response, reset};
use crate::plan::{NetFault, Seam};
use crate::process::Process;

const URL: &str = "http://localhost/aws/event-bridge";
const HEADER: HeaderName = HeaderName::from_static("x-amz-event-bridge-access-key");

/// Where the program listens; nobody does between two processes.
#[derive(Debug, Default)]
pub(crate) struct Endpoint(Mutex<Option<(Process, Router)>>);

impl Endpoint {
    pub(crate) fn open(&self, process: &Process, router: Router) {
        *self.inside() = Some((process.clone(), router));
    }

    pub(crate) fn close(&self) {
        *self.inside() = None;
    }

    fn inside(&self) -> MutexGuard<'_, Option<(Process, Router)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries the requests of one event.
#[derive(Debug)]
struct Call {
    env: Arc<Env>,
    index: usize,
}

#[async_trait]
impl Transport for Call {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let env = &self.env;
        let mut request = request;
        let key = push_key(env.state().push_key.0);
        if let Ok(key) = HeaderValue::from_str(&key) {
            request.headers_mut().insert(HEADER, key);
        }
        let fault = env.net_fault(Seam::Push);
        env.say(|| format!("EventBridge sends event {}{}", self.index, met(fault)));
        let latency = env.latency();
        let delay = match fault {
            Some(NetFault::Delay(time)) => time / 2,
            _ => Duration::ZERO,
        };
        sleep(latency + delay).await;
        match fault {
            Some(NetFault::Refused) => return Err(TransportError::Connect("refused".into())),
            Some(NetFault::ResetBefore) => return Err(reset()),
            Some(NetFault::Status(status)) => return Ok(proxy_response(status)),
            Some(NetFault::Late(time)) => {
                self.later(request, time);
                return Err(reset());
            }
            _ => {}
        }
        let (answer, whole) = self.handle(request.clone()).await?;
        if fault == Some(NetFault::Duplicated) {
            self.handle(request).await?;
        }
        sleep(latency + delay).await;
        let half = whole.slice(..whole.len() / 2);
        match fault {
            Some(NetFault::ResetAfter) => Err(reset()),
            Some(NetFault::HalfBody) => {
                Ok(answer.map(|()| stream::iter([Ok(half), Err(reset())]).boxed()))
            }
            Some(NetFault::Stalled) => {
                Ok(answer.map(|()| stream::iter([Ok(half)]).chain(stream::pending()).boxed()))
            }
            _ => Ok(answer.map(|()| stream::iter([Ok(whole)]).boxed())),
        }
    }
}

impl Call {
    /// The program answers, unless it is not there, or ends meanwhile.
    async fn handle(
        &self,
        request: Request<Bytes>,
    ) -> Result<(Response<()>, Bytes), TransportError> {
        let env = &self.env;
        let Some((process, router)) = env.endpoint.inside().clone() else {
            return Err(TransportError::Connect("nobody there".into()));
        };
        env.oracle()
            .received(process.number(), env.events[self.index].original);
        let answered = async {
            process
                .step(|| format!("event {} is at the door", self.index))
                .await;
            let service = TowerToHyperService::new(router);
            let answer = service.call(request.map(AxumBody::from)).await;
            let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
            let body: Vec<Bytes> = body
                .into_data_stream()
                .try_collect()
                .await
                .unwrap_or_default();
            if !head.status.is_server_error() && head.status != StatusCode::UNAUTHORIZED {
                let how = format!("answered {}", head.status);
                env.check_settled(self.index, &how);
            }
            process
                .step(|| format!("event {} is answered {}", self.index, head.status))
                .await;
            (Response::from_parts(head, ()), Bytes::from(body.concat()))
        };
        tokio::select! {
            biased;
            () = process.over() => Err(reset()),
            answered = answered => Ok(answered),
        }
    }

    fn later(&self, request: Request<Bytes>, time: Duration) {
        let late = Self {
            env: Arc::clone(&self.env),
            index: self.index,
        };
        tokio::spawn(async move {
            sleep(time).await;
            late.handle(request).await.ok();
        });
    }
}

/// EventBridge has an event for the program, and sends it as often as it takes.
pub(crate) async fn push(env: Arc<Env>, index: usize) {
    let destination = ApiDestination::builder(Uri::from_static(URL))
        .seed(env.plan.seed.wrapping_add(index as u64))
        .transport(Arc::new(Call {
            env: Arc::clone(&env),
            index,
        }))
        .build();
    let sent = destination.invoke(env.events[index].document.clone()).await;
    // What is not to be tried again stands in the program's dead letters, as its answer was looked at.
    if let Err(given_up) = sent
        && given_up.exhausted.is_some()
    {
        let what = given_up.error_message;
        env.oracle()
            .violation(format!("EventBridge gives event {index} up: {what}"));
    }
    env.state().pushed += 1;
}
