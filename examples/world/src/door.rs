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

use crate::life::Life;
use crate::plan::{NetFault, Seam};
use crate::scene::{Scene, door_key};
use crate::wire::{met, reset, scripted};

const URL: &str = "http://localhost/aws/event-bridge";
const HEADER: HeaderName = HeaderName::from_static("x-amz-event-bridge-access-key");

/// Where the program listens; nobody does between two lives.
#[derive(Debug, Default)]
pub(crate) struct Door(Mutex<Option<(Life, Router)>>);

impl Door {
    pub(crate) fn open(&self, life: &Life, router: Router) {
        *self.inside() = Some((life.clone(), router));
    }

    pub(crate) fn close(&self) {
        *self.inside() = None;
    }

    fn inside(&self) -> MutexGuard<'_, Option<(Life, Router)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries the requests of one event.
#[derive(Debug)]
struct Call {
    scene: Arc<Scene>,
    place: usize,
}

#[async_trait]
impl Transport for Call {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let scene = &self.scene;
        let mut request = request;
        let key = door_key(scene.now().door_key.0);
        if let Ok(key) = HeaderValue::from_str(&key) {
            request.headers_mut().insert(HEADER, key);
        }
        let fault = scene.net_fault(Seam::Door);
        scene.say(|| format!("EventBridge sends event {}{}", self.place, met(fault)));
        let latency = scene.latency();
        let delay = match fault {
            Some(NetFault::Delay(time)) => time / 2,
            _ => Duration::ZERO,
        };
        sleep(latency + delay).await;
        match fault {
            Some(NetFault::Refused) => return Err(TransportError::Connect("refused".into())),
            Some(NetFault::ResetBefore) => return Err(reset()),
            Some(NetFault::Status(status)) => return Ok(scripted(status)),
            Some(NetFault::Late(time)) => {
                self.later(request, time);
                return Err(reset());
            }
            _ => {}
        }
        let (answer, whole) = self.knock(request.clone()).await?;
        if fault == Some(NetFault::Twice) {
            self.knock(request).await?;
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
    async fn knock(
        &self,
        request: Request<Bytes>,
    ) -> Result<(Response<()>, Bytes), TransportError> {
        let scene = &self.scene;
        let Some((life, router)) = scene.door.inside().clone() else {
            return Err(TransportError::Connect("nobody there".into()));
        };
        scene
            .book()
            .given(life.number(), scene.events[self.place].original);
        let answered = async {
            life.step(|| format!("event {} is at the door", self.place))
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
                scene.hears_it_is_settled(self.place, &how);
            }
            life.step(|| format!("event {} is answered {}", self.place, head.status))
                .await;
            (Response::from_parts(head, ()), Bytes::from(body.concat()))
        };
        tokio::select! {
            biased;
            () = life.over() => Err(reset()),
            answered = answered => Ok(answered),
        }
    }

    fn later(&self, request: Request<Bytes>, time: Duration) {
        let late = Self {
            scene: Arc::clone(&self.scene),
            place: self.place,
        };
        tokio::spawn(async move {
            sleep(time).await;
            late.knock(request).await.ok();
        });
    }
}

/// EventBridge has an event for the program, and sends it as often as it takes.
pub(crate) async fn bring(scene: Arc<Scene>, place: usize) {
    let destination = ApiDestination::builder(Uri::from_static(URL))
        .seed(scene.plan.seed.wrapping_add(place as u64))
        .transport(Arc::new(Call {
            scene: Arc::clone(&scene),
            place,
        }))
        .build();
    let sent = destination
        .invoke(scene.events[place].document.clone())
        .await;
    // What is not to be tried again stands in the program's dead letters, as its answer was looked at.
    if let Err(given_up) = sent
        && given_up.exhausted.is_some()
    {
        let what = given_up.error_message;
        scene
            .book()
            .wrong(format!("EventBridge gives event {place} up: {what}"));
    }
    scene.now().brought += 1;
}
