//! The client: what it does not do, its proxy, and the connection of each request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http::{Request, Response, StatusCode, Uri};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;

use super::connections::{Connections, Lease};
use super::explain::{Route, explain};
use super::proxy::{ProxyServer, ProxySettings};
use super::tls::{CertificateVariables, TlsSettings};
use super::upload::Upload;
use crate::transport::upload::UploadProgress;
use crate::transport::{Body, Transport, TransportCause, TransportError};
use crate::{Error, ErrorKind, Result};

/// Opening a connection may take this long, unless the caller says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    proxy: ProxySettings,
    tls: Arc<TlsSettings>,
    added_by: Option<&'static str>,
    connect_timeout: Duration,
    connections: Arc<Connections<Origin, Client>>,
}

/// Builds [`ReqwestTransport`]s with the same settings. They share the root certificates, and no connections.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ReqwestTransportBuilder {
    proxy: ProxySettings,
    tls: Arc<TlsSettings>,
    added_by: Option<&'static str>,
    connect_timeout: Option<Duration>,
}

impl ReqwestTransportBuilder {
    /// The proxy of requests. Default: none; the environment is not read.
    pub fn proxy(mut self, proxy: ProxySettings) -> Self {
        self.proxy = proxy;
        self
    }

    /// Asks these hosts without the proxy too, as [`ProxySettings::except`] does.
    pub fn except(mut self, hosts: &str) -> Self {
        self.proxy = self.proxy.except(hosts);
        self
    }

    /// Trusts the certificates of a PEM file beside the roots of the system, such as that of a proxy which inspects TLS.
    ///
    /// # Errors
    /// `Config`, which names `setting`, if `pem` has no certificate or one that cannot be read.
    pub fn root_certificates(mut self, setting: &str, pem: &[u8]) -> Result<Self> {
        self.tls = Arc::new(self.tls.adding(setting, pem)?);
        Ok(self)
    }

    /// Trusts the certificates of a PEM file in place of the roots of the system; those that cannot be used are left out, with a
    /// warning. What [`root_certificates`](Self::root_certificates) adds is trusted beside them.
    ///
    /// # Errors
    /// `Config`, which names `setting`, if `pem` has no certificate that can be used.
    pub fn root_certificates_in_place(mut self, setting: &str, pem: &[u8]) -> Result<Self> {
        self.tls = Arc::new(self.tls.in_place_of_system(setting, pem)?);
        Ok(self)
    }

    /// The setting by which a user of the program adds root certificates: errors advise it. Default: `SSL_CERT_FILE`.
    pub fn certificate_setting(mut self, setting: &'static str) -> Self {
        self.added_by = Some(setting);
        self
    }

    /// How long opening a connection may take, through a proxy and with TLS. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Another transport.
    #[must_use]
    pub fn build(&self) -> ReqwestTransport {
        ReqwestTransport(Arc::new(Inner {
            proxy: self.proxy.clone(),
            tls: Arc::clone(&self.tls),
            added_by: self.added_by,
            connect_timeout: self.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            connections: Arc::default(),
        }))
    }
}

impl ReqwestTransport {
    /// Starts with no proxy and the root certificates of the system.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder::default()
    }

    /// A transport that connects directly, also where the environment names a proxy.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A transport that connects directly, with its own TLS settings instead of the system's.
    #[cfg(test)]
    pub(super) fn with_tls(config: ClientConfig) -> Self {
        let tls = Arc::new(TlsSettings::fixed(config));
        let builder = ReqwestTransportBuilder {
            tls,
            ..Default::default()
        };
        builder.build()
    }
}

impl Default for ReqwestTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport")
            .field("proxy", &self.0.proxy)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// A client for one connection to `origin`.
    fn client(&self, origin: &Origin) -> Result<Client, TransportCause> {
        let proxy = self.proxy_of(origin);
        let builder = Client::builder().no_proxy();
        let builder = match proxy {
            Some(server) => builder.proxy(server.proxy.clone()),
            None => builder,
        };
        let builder = match (origin.https, proxy) {
            (true, _) => with_tls(
                builder,
                self.tls.config().map_err(|error| {
                    let sentence = self.certificates().explain_no_roots();
                    TransportCause::from(sentence).with_source(error)
                })?,
            ),
            (false, None) => builder.tls_certs_only([]),
            // The proxy may have an `https` URL.
            (false, Some(_)) => match self.tls.config() {
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
            .connect_timeout(self.connect_timeout)
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
            proxy: self.proxy_of(origin).map(|server| &*server.name),
            connect_timeout: self.connect_timeout,
            certificates: self.certificates(),
        };
        TransportCause::from(explain(&error, &route)).with_source(error)
    }

    fn certificates(&self) -> CertificateVariables {
        self.tls.certificates(self.added_by)
    }

    fn proxy_of(&self, origin: &Origin) -> Option<&ProxyServer> {
        self.proxy.server(origin.https, &origin.host, origin.port)
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
        let request = with_progress(request, inner.connect_timeout)
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

    fn check_scheme(&self, scheme: &str) -> Result<()> {
        if scheme != "https" {
            return Ok(());
        }
        self.0.tls.config().map(drop).map_err(|_| {
            let detail = self.0.certificates().explain_no_roots();
            Error::new(ErrorKind::Config, detail)
        })
    }

    fn reconnect(&self) {
        self.0.connections.forget();
    }
}

/// The request with a body that tells how far it has been sent, if its caller wants to know.
fn with_progress(mut request: Request<Bytes>, connect_timeout: Duration) -> Request<reqwest::Body> {
    let progress = request.extensions_mut().remove::<UploadProgress>();
    request.map(|body| match progress {
        Some(progress) if !body.is_empty() => {
            progress.connecting(connect_timeout);
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
