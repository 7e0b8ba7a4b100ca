//! TLS servers with a certificate of this run.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use axum::serve::Listener;
use base64::prelude::{BASE64_STANDARD, Engine};
use http::Uri;
use http::uri::Scheme;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate of its own for 127.0.0.1, and its key.
pub(super) struct Authority(CertifiedKey<rcgen::KeyPair>);

/// A server that speaks TLS.
pub(super) struct TlsServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Accepts connections, with TLS.
struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    connections: Arc<AtomicUsize>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((client, address)) = self.tcp.accept().await else {
                continue;
            };
            self.connections.fetch_add(1, Ordering::Relaxed);
            if let Ok(stream) = self.acceptor.accept(client).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl Authority {
    pub(super) fn new() -> Result<Self, Box<dyn Error>> {
        let issued = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
        Ok(Self(issued))
    }

    /// The certificate to trust.
    pub(super) fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(self.0.cert.der());
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// Passes what it reads on to the server at this URL.
    pub(super) async fn before(&self, server: &str) -> Result<TlsServer, Box<dyn Error>> {
        let server = server.trim_start_matches("http://").to_owned();
        self.serve(|mut listener| async move {
            loop {
                let (mut client, _) = listener.accept().await;
                let server = server.clone();
                tokio::spawn(async move {
                    let mut behind = TcpStream::connect(server).await?;
                    copy_bidirectional(&mut client, &mut behind).await
                });
            }
        })
        .await
    }

    /// Answers by `router`, which sees URLs with `https`.
    pub(super) async fn answer(&self, router: Router) -> Result<TlsServer, Box<dyn Error>> {
        let router = router.layer(map_request(with_https));
        self.serve(|listener| async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "a server stops");
            }
        })
        .await
    }

    async fn serve<F: Future<Output = ()> + Send + 'static>(
        &self,
        server: impl FnOnce(TlsListener) -> F,
    ) -> Result<TlsServer, Box<dyn Error>> {
        let key = PrivatePkcs8KeyDer::from(self.0.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.0.cert.der().clone()], PrivateKeyDer::Pkcs8(key))?;
        let listener = TlsListener {
            tcp: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            connections: Arc::default(),
        };
        Ok(TlsServer {
            address: listener.local_addr()?,
            connections: Arc::clone(&listener.connections),
            task: tokio::spawn(server(listener)),
        })
    }
}

/// The request as the client wrote it: a server sees no scheme, and the org's links must have one.
async fn with_https(mut request: Request) -> Request {
    let host = request.headers().get(http::header::HOST);
    let host = host.and_then(|host| host.to_str().ok()?.parse().ok());
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(Scheme::HTTPS);
    parts.authority = host;
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

impl TlsServer {
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many it has accepted.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
