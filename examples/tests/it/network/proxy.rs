//! A forward proxy of a company, which wants a login and inspects TLS with an authority of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub(super) const CREDENTIALS: &str = "user:hunter2";

/// A forward proxy that ends TLS with certificates of its own authority, and passes what it reads on to servers of this machine.
pub(super) struct InspectingProxy {
    pub(super) address: SocketAddr,
    /// In PEM.
    pub(super) authority: String,
    /// The hosts that it was asked for.
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for InspectingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl InspectingProxy {
    pub(super) async fn new(servers: HashMap<&'static str, SocketAddr>) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "inspecting proxy");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = BASE64_STANDARD.encode(params.self_signed(&key).unwrap().der());
        let authority =
            format!("-----BEGIN CERTIFICATE-----\n{authority}\n-----END CERTIFICATE-----\n");
        let issuer = Issuer::new(params, key);
        let targets: HashMap<_, _> = servers
            .into_iter()
            .map(|(host, server)| (host, (acceptor(host, &issuer), server)))
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        let hosts = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let targets = Arc::new(targets);
            while let Ok((client, _)) = listener.accept().await {
                let (targets, hosts) = (Arc::clone(&targets), Arc::clone(&hosts));
                tokio::spawn(async move { tunnel(client, &targets, &hosts).await });
            }
        });
        Self {
            address,
            authority,
            asked,
            task,
        }
    }
}

impl InspectingProxy {
    /// The value of `HTTPS_PROXY`, with these credentials.
    pub(super) fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}@{}", self.address)
    }

    /// The hosts that it was asked for so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn acceptor(host: &str, issuer: &Issuer<'_, KeyPair>) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([host.to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = params.signed_by(&key, issuer).unwrap().into();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

async fn tunnel(
    mut client: TcpStream,
    targets: &HashMap<&'static str, (TlsAcceptor, SocketAddr)>,
    hosts: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let host = head.strip_prefix("CONNECT ")?.split(':').next()?;
    hosts.lock().unwrap().push(host.to_owned());
    let wanted = format!("basic {}\r\n", BASE64_STANDARD.encode(CREDENTIALS));
    if !head.to_lowercase().contains(&wanted.to_lowercase()) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        return client.write_all(refusal).await.ok();
    }
    let (acceptor, server) = targets.get(host)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    // A client that does not trust the authority ends here.
    let mut inner = acceptor.accept(client).await.ok()?;
    let mut server = TcpStream::connect(server).await.ok()?;
    copy_bidirectional(&mut inner, &mut server).await.ok()?;
    Some(())
}
