//! Serves the endpoint on a socket, with bounds on connections, heads and idle time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::router::server_router;
use super::service::HttpService;
use super::write_timeout::WriteTimeout;

/// The most headers, and the most bytes of them. API destinations add up to 100 headers of up to 512 bytes to their own.
const MAX_HEADERS: usize = 160;
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// How much longer than the response deadline connections may take to end after the shutdown.
const GRACE: Duration = Duration::from_secs(2);

pub(super) async fn serve(
    listener: TcpListener,
    service: Arc<HttpService>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let room = Arc::new(Semaphore::new(
        service.settings.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let routes = TowerToHyperService::new(server_router(Arc::clone(&service)));
    let io_timeout = service.settings.io_timeout;
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            taken = accept(&listener, &room) => taken,
            Some(_) = connections.join_next() => continue,
        };
        let served = connection(stream, io_timeout, routes.clone(), stopped.clone());
        connections.spawn(async move {
            served.await;
            drop(permit);
        });
    }
    drop(listener);
    service.close();
    stop.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(service.settings.response_deadline + GRACE, all)
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "connections that do not end are closed"
        );
    }
}

/// The next connection, once there is room for it.
///
/// # Cancel safety
/// A connection is taken in the last step, or not at all.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let permit = Arc::clone(room).acquire_owned().await;
        let permit = permit.expect("this semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            // The connection broke, or file handles have run out: neither ends the server.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    io_timeout: Duration,
    routes: TowerToHyperService<axum::Router>,
    mut stopped: watch::Receiver<bool>,
) {
    // Responses are small and must not be delayed.
    stream.set_nodelay(true).ok();
    let io = TokioIo::new(WriteTimeout::new(stream, io_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(io_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, routes);
    let mut connection = pin!(connection);
    let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
