//! The network between a program and a far side: latency, and whatever can happen to one exchange.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use http::header::{CONTENT_TYPE, DATE, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use okta_coralogix_core::Clock;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::time::sleep;

use crate::book::PostId;
use crate::life::Life;
use crate::plan::{NetFault, Seam};
use crate::post::Fate;

/// The connections of one life to the org or the ingress.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) life: Life,
    pub(crate) seam: Seam,
    pub(crate) far: Arc<dyn Transport>,
}

/// What the ingress is asked with.
pub(crate) const NOTHING: &[u8] = b"[]";

#[async_trait]
impl Transport for Wire {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let scene = self.life.scene();
        let (head, body) = request.into_parts();
        let fault = scene.net_fault(self.seam);
        let to = self.seam;
        self.life
            .step(|| format!("{to:?}: {} {}{}", head.method, head.uri, met(fault)))
            .await;
        scene.hears_what_is_sent(to, &head, &body);
        let mut post = Attempt::begin(&self.life, to, &body);
        // A question whether anybody is there is none of the requests that are bounded.
        let _busy = (&*body != NOTHING).then(|| scene.busy(self.life.number(), to));
        let latency = scene.latency();
        let delay = match fault {
            Some(NetFault::Delay(time)) => time / 2,
            _ => Duration::ZERO,
        };
        sleep(latency + delay).await;
        self.life.step(|| format!("{to:?}: on the way")).await;
        match fault {
            Some(NetFault::Refused) => {
                post.answered(503);
                return Err(TransportError::Connect("refused".into()));
            }
            Some(NetFault::ResetBefore) => return Err(reset()),
            Some(NetFault::Status(status)) => {
                post.answered(status);
                return Ok(dated(scripted(status), scene.host.now()));
            }
            Some(NetFault::Html) => {
                post.answered(400);
                return Ok(page());
            }
            Some(NetFault::Late(time)) => {
                self.later(head, body, post.id, time);
                return Err(reset());
            }
            _ => {}
        }
        if let Some(refusal) = scene.refuses(to, &head) {
            post.answered(refusal);
            return Ok(scripted(refusal));
        }
        let (answer, whole) = self.act(&head, &body, post.id).await?;
        if fault == Some(NetFault::Twice) {
            self.act(&head, &body, post.id).await?;
        }
        self.life
            .step(|| format!("{to:?}: has acted and says {}", answer.status()))
            .await;
        sleep(latency + delay).await;
        let half = whole.slice(..whole.len() / 2);
        match fault {
            Some(NetFault::ResetAfter) => return Err(reset()),
            Some(NetFault::HalfBody) => {
                return Ok(answer.map(|()| stream::iter([Ok(half), Err(reset())]).boxed()));
            }
            Some(NetFault::Stalled) => {
                return Ok(
                    answer.map(|()| stream::iter([Ok(half)]).chain(stream::pending()).boxed())
                );
            }
            _ => {}
        }
        self.life
            .step(|| format!("{to:?}: the answer is there"))
            .await;
        post.answered(answer.status().as_u16());
        Ok(answer.map(|()| stream::iter([Ok(whole)]).boxed()))
    }
}

impl Wire {
    /// The far side acts.
    async fn act(
        &self,
        head: &Parts,
        body: &Bytes,
        post: Option<PostId>,
    ) -> Result<(Response<()>, Bytes), TransportError> {
        let request = Request::from_parts(head.clone(), body.clone());
        let (head, body) = self.far.call(request).await?.into_parts();
        let whole: Vec<Bytes> = body.try_collect().await?;
        let whole = Bytes::from(whole.concat());
        if head.status.is_success() {
            let scene = self.life.scene();
            match (self.seam, post) {
                (Seam::Okta, _) => scene.serves(&self.life, &whole),
                (_, Some(post)) => scene.book().taken(post),
                _ => {}
            }
        }
        Ok((Response::from_parts(head, ()), whole))
    }

    /// The request arrives when nobody waits for its answer any more.
    fn later(&self, head: Parts, body: Bytes, post: Option<PostId>, time: Duration) {
        let late = Self {
            life: self.life.clone(),
            seam: self.seam,
            far: Arc::clone(&self.far),
        };
        tokio::spawn(async move {
            sleep(time).await;
            let scene = late.life.scene();
            scene.say(|| format!("{:?}: a request arrives late", late.seam));
            if scene.refuses(late.seam, &head).is_none() {
                late.act(&head, &body, post).await.ok();
            }
        });
    }
}

/// What becomes of one attempt at the ingress, for the books: whatever ends it without an answer breaks it.
struct Attempt {
    life: Life,
    id: Option<PostId>,
    ended: bool,
}

impl Attempt {
    fn begin(life: &Life, seam: Seam, body: &Bytes) -> Self {
        let id = match seam {
            Seam::Ingress => life.scene().attempt(life, body),
            _ => None,
        };
        Self {
            life: life.clone(),
            id,
            ended: false,
        }
    }

    fn answered(&mut self, status: u16) {
        self.ends(Fate::Answered(status));
    }

    fn ends(&mut self, fate: Fate) {
        if let Some(id) = self.id.filter(|_| !self.ended) {
            self.life.scene().book().fate(id, fate);
        }
        self.ended = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.ends(Fate::Broken);
    }
}

pub(crate) fn met(fault: Option<NetFault>) -> String {
    fault.map_or_else(String::new, |fault| format!(", meets {fault:?}"))
}

pub(crate) fn reset() -> TransportError {
    TransportError::Interrupted("reset".into())
}

/// An answer of something on the way.
pub(crate) fn scripted(status: u16) -> Response<Body> {
    let said = Bytes::from_static(b"{\"said\":\"by something on the way\"}");
    let mut answer = Response::new(stream::iter([Ok(said)]).boxed());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    answer
}

/// The time by the clock of something on the way: that of the host, which may be wrong. What judges the content of a request is taken for
/// the ingress if it tells the time, so that nothing else here does both.
fn dated(mut answer: Response<Body>, now: DateTime<Utc>) -> Response<Body> {
    let judges = matches!(answer.status().as_u16(), 400 | 422);
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let (false, Ok(date)) = (judges, HeaderValue::from_str(&date)) {
        answer.headers_mut().insert(DATE, date);
    }
    answer
}

fn page() -> Response<Body> {
    let said = Bytes::from_static(b"<html><body>Please sign in</body></html>");
    let mut answer = Response::new(stream::iter([Ok(said)]).boxed());
    let html = HeaderValue::from_static("text/html");
    answer.headers_mut().insert(CONTENT_TYPE, html);
    answer
}
