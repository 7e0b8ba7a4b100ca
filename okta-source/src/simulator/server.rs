//! The org on a loopback socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::OktaSimulator;

/// The longest body that is read; a token request takes 2 KB. A longer one counts as empty.
const MAX_BODY_BYTES: usize = 64 << 10;

/// A server of the org. Dropped, it finishes the requests that it has begun and closes its connections.
#[derive(Debug)]
#[must_use = "dropping it stops the server"]
pub struct OktaServer {
    address: SocketAddr,
    /// Dropped, it tells the server to stop.
    _stop: oneshot::Sender<()>,
}

impl OktaSimulator {
    /// Serves the org on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub async fn serve(&self) -> io::Result<OktaServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = self.router();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let server = axum::serve(listener, router).with_graceful_shutdown(async {
                stopped.await.ok();
            });
            if let Err(error) = server.await {
                tracing::error!(%error, "the simulated org stops");
            }
        });
        Ok(OktaServer {
            address,
            _stop: stop,
        })
    }

    /// The org as a router, to mount into another server.
    pub fn router(&self) -> Router {
        let org = self.clone();
        Router::new().fallback(move |request: Request| {
            let org = org.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await;
                org.answer(&head, &body.unwrap_or_default()).await
            }
        })
    }
}

impl OktaServer {
    /// The address of the socket.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to poll, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}
