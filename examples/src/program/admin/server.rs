//! Serves the routes on a socket, in bounded time, memory and number of connections.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::routes::Routes;

/// Connections at a time; the next one waits to be accepted.
const MAX_CONNECTIONS: usize = 16;

/// How long a client may take to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take, which is of one request. Longer than the longest answer takes.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest head.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Before another attempt to accept, when descriptors have run out for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A thread that serves. Dropped, it stops.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    /// Dropped, it tells the thread to stop.
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// # Errors
    /// If the operating system gives no thread or no descriptor.
    pub(super) fn start(listener: std::net::TcpListener, routes: Routes) -> io::Result<Self> {
        let address = listener.local_addr()?;
        // A disk that hangs keeps one of the threads for files, and none of the others.
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(2)
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let serves = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, routes) => {}
                }
            });
            runtime.shutdown_background();
        };
        thread::Builder::new().name("admin".into()).spawn(serves)?;
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: std::net::TcpListener, routes: Routes) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the listener of --admin-listen has ended");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    timeout(CONNECTION_TIMEOUT, answer(stream, &routes))
                        .await
                        .ok();
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection to --admin-listen cannot be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One request and its response. A client that breaks off is no fault of ours.
async fn answer(stream: TcpStream, routes: &Routes) {
    let service = service_fn(
        |request: hyper::Request<hyper::body::Incoming>| async move {
            let response = routes.answer(request.method(), request.uri()).await;
            Ok::<_, Infallible>(response)
        },
    );
    http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}
