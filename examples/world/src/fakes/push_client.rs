//! EventBridge, which pushes events to the program over HTTP.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body as AxumBody;
use bytes::Bytes;
use eventbridge_source::simulator::ApiDestination;
use futures::{TryStreamExt, stream};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::time::sleep;

use super::credentials::push_key;
use super::network::{proxy_response, refused, reset, respond};
use crate::checks::check_settled;
use crate::env::Env;
use crate::fault::{NetFault, Seam, suffix};
use crate::process::Process;

const URL: &str = "http://localhost/aws/event-bridge";
const KEY_HEADER: HeaderName = HeaderName::from_static("x-amz-event-bridge-access-key");

/// The address of the program. Nothing listens there between two processes.
#[derive(Debug, Default)]
pub(crate) struct Endpoint(Mutex<Option<(Process, Router)>>);

impl Endpoint {
    pub(crate) fn listen(&self, process: &Process, router: Router) {
        *self.inside() = Some((process.clone(), router));
    }

    pub(crate) fn close(&self) {
        *self.inside() = None;
    }

    fn inside(&self) -> MutexGuard<'_, Option<(Process, Router)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// EventBridge pushes a body until the program accepts it, or EventBridge gives up.
pub(crate) async fn push(env: Arc<Env>, number: usize) {
    let connection = Connection {
        env: Arc::clone(&env),
        number,
    };
    let destination = ApiDestination::builder(Uri::from_static(URL))
        .seed(env.plan.seed.wrapping_add(number as u64))
        .transport(Arc::new(connection))
        .build();
    let sent = destination.invoke(env.body(number)).await;
    // A refusal that EventBridge does not retry was checked with its response: the event is in the program's dead letters.
    if let Err(failed) = sent
        && failed.exhausted.is_some()
    {
        let error = failed.error_message;
        env.violation(format!("EventBridge gives body {number} up: {error}"));
    }
    env.state().pushed += 1;
}

/// The connections for one body.
#[derive(Debug, Clone)]
struct Connection {
    env: Arc<Env>,
    number: usize,
}

#[async_trait]
impl Transport for Connection {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let env = &self.env;
        let mut request = request;
        let key = push_key(env.state().push_key.current);
        if let Ok(key) = HeaderValue::from_str(&key) {
            request.headers_mut().insert(KEY_HEADER, key);
        }
        let fault = env.faults().net_fault(Seam::Push);
        env.trace(|| {
            let events = &env.bodies[self.number];
            format!("EventBridge sends events {events:?}{}", suffix(fault))
        });
        let one_way = env.faults().latency() + NetFault::delay(fault);
        sleep(one_way).await;
        match fault {
            Some(NetFault::Refused) => return Err(refused()),
            Some(NetFault::ResetBefore) => return Err(reset()),
            Some(NetFault::Silence) => pending().await,
            Some(NetFault::HalfRequest) => {
                self.handle(request, true).await?;
                return Err(reset());
            }
            Some(NetFault::Status(status)) => return Ok(proxy_response(status)),
            Some(NetFault::Late(time)) => {
                self.handle_later(request, time);
                return Err(reset());
            }
            _ => {}
        }
        let (response, whole) = self.handle(request.clone(), false).await?;
        if fault == Some(NetFault::Duplicated) {
            self.handle(request, false).await?;
        }
        sleep(one_way).await;
        respond(response, whole, fault)
    }
}

impl Connection {
    /// The program handles a request, unless it does not run or ends meanwhile. `broken`: its body breaks off halfway.
    async fn handle(
        &self,
        request: Request<Bytes>,
        broken: bool,
    ) -> Result<(Response<()>, Bytes), TransportError> {
        let (env, number) = (&self.env, self.number);
        let events = &env.bodies[number];
        let Some((process, router)) = env.endpoint.inside().clone() else {
            return Err(TransportError::Connect("nothing listens".into()));
        };
        if !broken {
            for event in &env.events[events.clone()] {
                env.oracle().received(process.number(), event.original);
            }
        }
        let request = request.map(|body| match broken {
            false => AxumBody::from(body),
            true => {
                let half = body.slice(..body.len() / 2);
                AxumBody::from_stream(stream::iter([Ok(half), Err(reset())]))
            }
        });
        let handled = async {
            process
                .step(|| format!("events {events:?} are received"))
                .await;
            let service = TowerToHyperService::new(router);
            let response = service.call(request).await;
            let (head, body) = response.unwrap_or_else(|never| match never {}).into_parts();
            let body = body.into_data_stream().try_collect::<Vec<Bytes>>().await;
            let body = body.unwrap_or_default();
            if !head.status.is_server_error() && head.status != StatusCode::UNAUTHORIZED {
                let why = format!("answered {}", head.status);
                check_settled(env, process.number(), number, &why);
            }
            process
                .step(|| format!("events {events:?} are answered {}", head.status))
                .await;
            (Response::from_parts(head, ()), Bytes::from(body.concat()))
        };
        tokio::select! {
            biased;
            () = process.ended() => Err(reset()),
            handled = handled => Ok(handled),
        }
    }

    fn handle_later(&self, request: Request<Bytes>, time: Duration) {
        let late = self.clone();
        tokio::spawn(async move {
            sleep(time).await;
            late.handle(request, false).await.ok();
        });
    }
}
