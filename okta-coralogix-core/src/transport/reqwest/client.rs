//! The client: what it does not do, its proxy, and the connection of each request.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http::{Request, Response, StatusCode, Uri};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy, Url};
use rustls::ClientConfig;

use super::connections::{Connections, Lease};
use super::explain::{Route, explain};
use super::tls::{self, CertificateVariables};
use super::upload::Upload;
use crate::transport::upload::UploadProgress;
use crate::transport::{Body, Transport, TransportCause, TransportError};
use crate::{Error, ErrorKind, Result, Secret};

/// Opening a connection may take this long.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`Transport`] over reqwest and rustls, with the root certificates of the system.
///
/// It does nothing by itself that a client which carries a credential must decide: it follows no redirect, retries nothing,
/// keeps no cookie, decompresses nothing, and uses no proxy unless it was told to.
///
/// A connection on which two requests in a row failed (408, 5xx, no complete response in time, or a broken connection) takes no further
/// request, and neither does one that is five minutes old. The next request then opens a new one, to an address that DNS names
/// anew.
#[derive(Clone)]
pub struct ReqwestTransport(Arc<Inner>);

struct Inner {
    proxy: ProxyChoice,
    tls: OnceLock<Arc<ClientConfig>>,
    connections: Arc<Connections<Origin, Client>>,
}

enum ProxyChoice {
    Direct,
    /// The proxy, and its host and port.
    Fixed(Box<Proxy>, String),
    Environment,
}

impl ReqwestTransport {
    /// A transport that connects directly, also where the environment names a proxy.
    ///
    /// # Errors
    /// None at present: [`check_scheme`](Self::check_scheme) tells whether an `https` URL can be used.
    pub fn new() -> Result<Self> {
        Ok(Self::build(ProxyChoice::Direct))
    }

    /// A transport that sends everything through the proxy at the URL `proxy`.
    ///
    /// # Errors
    /// `Config` if `proxy` is no URL, which the error does not repeat, since it may hold a password.
    pub fn with_proxy(proxy: &Secret) -> Result<Self> {
        let written = proxy.expose();
        let no_url = || {
            let detail = "it is not a URL; write one such as `http://proxy.example.org:3128`";
            Error::config("proxy", detail)
        };
        let proxy = Proxy::all(written).map_err(|_| no_url())?;
        let name = host_and_port(written).ok_or_else(no_url)?;
        Ok(Self::build(ProxyChoice::Fixed(Box::new(proxy), name)))
    }

    /// A transport that uses the proxy which `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    ///
    /// # Errors
    /// None at present, as of [`new`](Self::new).
    pub fn with_environment_proxy() -> Result<Self> {
        Ok(Self::build(ProxyChoice::Environment))
    }

    fn build(proxy: ProxyChoice) -> Self {
        Self(Arc::new(Inner {
            proxy,
            tls: OnceLock::new(),
            connections: Arc::default(),
        }))
    }

    /// A transport that connects directly, with its own TLS settings instead of the system's.
    #[cfg(test)]
    pub(super) fn with_tls(config: ClientConfig) -> Self {
        let transport = Self::build(ProxyChoice::Direct);
        transport.0.tls.get_or_init(|| Arc::new(config));
        transport
    }

    /// Checks that this machine can send requests to URLs of `scheme`: `https` needs root certificates, `http` does not.
    ///
    /// # Errors
    /// `Config` if `scheme` is `https` and the system has no root certificates.
    pub fn check_scheme(&self, scheme: &str) -> Result<()> {
        if scheme != "https" {
            return Ok(());
        }
        self.0.tls().map(drop).map_err(|_| {
            let detail = CertificateVariables::read().explain_no_roots();
            Error::new(ErrorKind::Config, detail)
        })
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport")
            .field("proxy", &self.0.proxy_name())
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// The TLS settings, read when the first `https` URL is used.
    fn tls(&self) -> Result<&Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(config);
        }
        let config = tls::system()?;
        Ok(self.tls.get_or_init(|| config))
    }

    /// A client for one connection to `origin`.
    fn client(&self, origin: &Origin) -> Result<Client, TransportCause> {
        let builder = match &self.proxy {
            ProxyChoice::Direct => Client::builder().no_proxy(),
            ProxyChoice::Fixed(proxy, _) => Client::builder().no_proxy().proxy((**proxy).clone()),
            ProxyChoice::Environment => Client::builder(),
        };
        let builder = match (origin.https, &self.proxy) {
            (true, _) => with_tls(
                builder,
                self.tls().map_err(|error| {
                    let sentence = CertificateVariables::read().explain_no_roots();
                    TransportCause::from(sentence).with_source(error)
                })?,
            ),
            (false, ProxyChoice::Direct) => builder.tls_certs_only([]),
            // The proxy may have an `https` URL.
            (false, _) => match self.tls() {
                Ok(tls) => with_tls(builder, tls),
                Err(_) => builder.tls_certs_only([]),
            },
        };
        builder
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            // Another crate of the program may have enabled these features.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(CONNECT_TIMEOUT)
            // A lease is the right to the one connection of its client.
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| self.cause(origin, error))
    }

    /// The error of reqwest, explained, without the URL.
    fn cause(&self, origin: &Origin, error: reqwest::Error) -> TransportCause {
        let error = error.without_url();
        let route = Route {
            https: origin.https,
            host: &origin.host,
            port: origin.port,
            proxy: self.proxy_name(),
            certificates: CertificateVariables::read(),
        };
        TransportCause::from(explain(&error, &route)).with_source(error)
    }

    fn proxy_name(&self) -> Option<&str> {
        match &self.proxy {
            ProxyChoice::Fixed(_, name) => Some(name),
            ProxyChoice::Direct | ProxyChoice::Environment => None,
        }
    }

    /// The chunks of a response. Its connection is free again after the last one.
    fn body(
        self: Arc<Self>,
        chunks: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
        lease: Lease<Origin, Client>,
        origin: Origin,
        is_failure: bool,
    ) -> Body {
        let chunks =
            chunks.map_err(move |error| TransportError::Interrupted(self.cause(&origin, error)));
        let state = (chunks.boxed(), lease);
        stream::try_unfold(state, move |(mut chunks, lease)| async move {
            match chunks.try_next().await? {
                Some(chunk) => Ok(Some((chunk, (chunks, lease)))),
                None => {
                    if !is_failure {
                        lease.succeeded();
                    }
                    Ok(None)
                }
            }
        })
        .boxed()
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let inner = &self.0;
        let origin = Origin::of(request.uri())
            .ok_or_else(|| TransportError::Connect("the request has no host".into()))?;
        let lease = inner
            .connections
            .lease(origin.clone(), |origin| inner.client(origin))
            .map_err(TransportError::Connect)?;
        let request = with_progress(request)
            .try_into()
            .map_err(|error| TransportError::Connect(inner.cause(&origin, error)))?;
        let response = lease.client().execute(request).await;
        let mut response = response.map_err(|error| {
            let unsent = error.is_connect() || error.is_builder();
            let cause = inner.cause(&origin, error);
            match unsent {
                true => TransportError::Connect(cause),
                false => TransportError::Interrupted(cause),
            }
        })?;
        let mut head = Response::new(());
        *head.status_mut() = response.status();
        *head.version_mut() = response.version();
        *head.headers_mut() = std::mem::take(response.headers_mut());
        let is_failure = is_failure(head.status());
        let body = Arc::clone(inner).body(response.bytes_stream(), lease, origin, is_failure);
        Ok(head.map(|()| body))
    }

    fn reconnect(&self) {
        self.0.connections.forget();
    }
}

/// The request with a body that tells how far it has been sent, if its caller wants to know.
fn with_progress(mut request: Request<Bytes>) -> Request<reqwest::Body> {
    let progress = request.extensions_mut().remove::<UploadProgress>();
    request.map(|body| match progress {
        Some(progress) if !body.is_empty() => {
            progress.connecting(CONNECT_TIMEOUT);
            reqwest::Body::wrap(Upload::new(body, progress))
        }
        _ => body.into(),
    })
}

/// True if another connection may do better: the server, or the one that a load balancer has chosen, cannot answer.
fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

fn with_tls(builder: ClientBuilder, config: &Arc<ClientConfig>) -> ClientBuilder {
    builder.tls_backend_preconfigured((**config).clone())
}

/// What a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    https: bool,
    host: String,
    port: Option<u16>,
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        Some(Self {
            https: uri.scheme_str()? == "https",
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16(),
        })
    }
}

/// Host and port of a proxy's URL, which may be written without its scheme, and may hold a password.
fn host_and_port(proxy: &str) -> Option<String> {
    let has_host = |url: &Url| url.has_host();
    let url = Url::parse(proxy).ok().filter(has_host);
    let url = url.or_else(|| Url::parse(&format!("http://{proxy}")).ok().filter(has_host))?;
    let host = url.host_str()?;
    Some(match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
