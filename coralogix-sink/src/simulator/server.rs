//! The ingress on a real socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::handler::SimulatedResponse;
use super::ingress::CoralogixSimulator;

/// The most bytes of a request that are read.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A simulator that listens on 127.0.0.1. Dropping it closes the socket and breaks its connections.
#[derive(Debug)]
pub struct CoralogixServer {
    simulator: CoralogixSimulator,
    address: SocketAddr,
    task: Option<Task>,
}

#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl CoralogixServer {
    pub(super) async fn start_new(simulator: CoralogixSimulator) -> io::Result<Self> {
        let mut server = Self {
            simulator,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            task: None,
        };
        server.start().await?;
        Ok(server)
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and closes all connections: new ones are refused from now on.
    pub async fn stop(&mut self) {
        if let Some(mut task) = self.task.take() {
            task.0.abort();
            // The one outcome is that it was aborted.
            drop((&mut task.0).await);
        }
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub async fn start(&mut self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await?;
        self.address = listener.local_addr()?;
        let accept = accept(listener, self.simulator.clone());
        self.task = Some(Task(tokio::spawn(accept)));
        Ok(())
    }
}

/// Accepts connections. The set owns them, so that they end with the task.
async fn accept(listener: TcpListener, simulator: CoralogixSimulator) {
    let mut connections = JoinSet::new();
    loop {
        // The connection broke before it was accepted, or file handles have run out: neither ends the server.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, simulator.clone()));
    }
}

async fn connection(stream: TcpStream, simulator: CoralogixSimulator) {
    let service = service_fn(|request| answer(&simulator, request));
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // It ends with an error after a fault, or when the client disconnects.
    drop(served.await);
}

/// An error makes hyper drop the connection without an answer.
async fn answer(
    simulator: &CoralogixSimulator,
    request: Request<Incoming>,
) -> io::Result<Response<BoxBody<Bytes, io::Error>>> {
    let (head, body) = request.into_parts();
    let read = async {
        let whole = Limited::new(body, MAX_BODY_BYTES).collect().await;
        whole.ok().map(|whole| whole.to_bytes())
    };
    match simulator.handle(&head, read).await {
        SimulatedResponse::Whole(answer) => {
            Ok(answer.map(|body| Full::new(body).map_err(io::Error::other).boxed()))
        }
        SimulatedResponse::Half(answer) => Ok(cut(answer, false)),
        SimulatedResponse::Stalled(answer) => Ok(cut(answer, true)),
        SimulatedResponse::Broken => Err(reset()),
    }
}

/// A response whose `Content-Length` covers the whole body, but that carries half of it.
fn cut(mut answer: Response<Bytes>, stalls: bool) -> Response<BoxBody<Bytes, io::Error>> {
    let whole = answer.body().len();
    answer.headers_mut().insert(CONTENT_LENGTH, whole.into());
    let end = async move {
        if stalls {
            std::future::pending::<()>().await;
        }
        // A pause in between lets hyper send the head and the half before it meets the error.
        tokio::task::yield_now().await;
        Err(reset())
    };
    answer.map(|body| {
        let half = Frame::data(body.slice(..body.len() / 2));
        let frames = stream::iter([Ok(half)]).chain(stream::once(end));
        BodyExt::boxed(StreamBody::new(frames))
    })
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
