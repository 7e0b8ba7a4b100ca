//! The task that serves one connection until its client, a timeout, the bound or the shutdown ends it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use futures::FutureExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};

use super::request::SlotService;
use super::stream::SlotStream;
use super::table::Slot;

/// The most headers, and the most bytes of them. API destinations add up to 100 headers of up to 512 bytes to their own.
const MAX_HEADERS: usize = 160;
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// Before it closes an idle connection, for another one or for the shutdown, it reads what has arrived: a request that is there is answered.
/// After the shutdown a request whose head is arriving is waited for, and every response says `Connection: close`.
pub(in crate::http) async fn drive<S>(
    stream: S,
    slot: Arc<Slot>,
    routes: TowerToHyperService<Router>,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(SlotStream::new(stream, Arc::clone(&slot)));
    let service = SlotService {
        routes,
        slot: Arc::clone(&slot),
    };
    let connection = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut timer = DeadlineTimer::default();
    let mut is_stopping = false;
    let mut stop = pin!(async {
        drop(stopped.wait_for(|stopped| *stopped).await);
        read_what_has_arrived().await;
    });
    let mut has_stopped = false;
    let ended = loop {
        let no_head = poll_fn(|_| match slot.is_reading_head() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        });
        // In this order: the branches after the first see the phase that it has left.
        tokio::select! {
            biased;
            ended = connection.as_mut() => break ended,
            () = &mut stop, if !is_stopping => is_stopping = true,
            () = no_head, if is_stopping && !has_stopped => {
                connection.as_mut().graceful_shutdown();
                has_stopped = true;
            }
            () = slot.asked_to_end() => {
                read_what_has_arrived().await;
                if let Some(ended) = connection.as_mut().now_or_never() {
                    break ended;
                }
                if slot.may_end() {
                    return;
                }
            }
            () = poll_fn(|context| timer.poll(slot.deadline(), context)) => {
                tracing::debug!("a connection is closed: its client was idle or too slow");
                return;
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// tokio looks for what has arrived before it continues a task that yielded.
async fn read_what_has_arrived() {
    yield_now().await;
}

/// A timer whose deadline may change between polls.
#[derive(Debug, Default)]
struct DeadlineTimer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl DeadlineTimer {
    fn poll(&mut self, deadline: Option<Instant>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }
}
