//! The requests of a connection, which tell its phase when one is in progress.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;

use super::table::Slot;

/// The routes as one connection uses them. Handlers find its [`Slot`] in the extensions of the request.
#[derive(Debug)]
pub(super) struct SlotService {
    pub(super) routes: TowerToHyperService<Router>,
    pub(super) slot: Arc<Slot>,
}

/// A request is in progress until this is dropped, with the last of its response.
#[derive(Debug)]
struct InProgress(Arc<Slot>);

/// The body of a response, until hyper has taken all of it.
#[derive(Debug)]
pub(super) struct ResponseBody {
    body: Body,
    _in_progress: InProgress,
}

impl Service<Request<Incoming>> for SlotService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.slot.head_completed();
        let in_progress = InProgress(Arc::clone(&self.slot));
        request.extensions_mut().insert(Arc::clone(&self.slot));
        let response = self.routes.call(request);
        async move {
            let response = response.await?;
            Ok(response.map(|body| ResponseBody {
                body,
                _in_progress: in_progress,
            }))
        }
        .boxed()
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.response_completed();
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
