//! `pull` in a company's network: Okta and Coralogix lie behind a forward proxy that inspects TLS with an authority of its own.

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

use super::harness::{Exit, Harness, start};

const OKTA: &str = "acme.okta.com";
const INGRESS: &str = "ingress.eu2.coralogix.com";
const CREDENTIALS: &str = "user:hunter2";

/// A forward proxy that ends TLS with certificates of its own authority, and passes what it reads on to servers of this machine.
struct InspectingProxy {
    address: SocketAddr,
    authority: String,
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
    async fn new(servers: HashMap<&'static str, SocketAddr>) -> Self {
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

/// The simulators behind a proxy, and the variables of a run through it.
async fn behind_proxy() -> (Harness, InspectingProxy, HashMap<&'static str, String>) {
    let harness = Harness::new().await;
    let proxy = InspectingProxy::new(HashMap::from([
        (OKTA, harness.org_server.address()),
        (INGRESS, harness.ingress_server.address()),
    ]))
    .await;
    let ca_file = harness.folder.path().join("proxy.pem");
    std::fs::write(&ca_file, &proxy.authority).unwrap();
    let mut variables = harness.variables();
    variables.remove("CORALOGIX_ENDPOINT");
    variables.extend([
        ("OKTA_ORG_URL", format!("https://{OKTA}")),
        ("CORALOGIX_DOMAIN", "EU2".to_owned()),
        (
            "HTTPS_PROXY",
            format!("http://{CREDENTIALS}@{}", proxy.address),
        ),
        ("OKTA_CORALOGIX_CA_FILE", ca_file.display().to_string()),
    ]);
    (harness, proxy, variables)
}

#[tokio::test]
async fn pull_works_through_a_proxy_that_inspects_tls() {
    let (harness, proxy, variables) = behind_proxy().await;
    let events = harness.backlog(50);
    let ended = Exit::of(start(harness.folder.path(), &variables, &["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
    let asked = proxy.asked.lock().unwrap();
    assert!(asked.iter().any(|host| host == OKTA), "{asked:?}");
    assert!(asked.iter().any(|host| host == INGRESS), "{asked:?}");
}

#[tokio::test]
async fn orgs_of_a_file_go_through_the_proxy() {
    let (harness, proxy, mut variables) = behind_proxy().await;
    let events = harness.backlog(50);
    for name in [
        "OKTA_ORG_URL",
        "OKTA_API_TOKEN",
        "CORALOGIX_DOMAIN",
        "CORALOGIX_SUBSYSTEM",
    ] {
        variables.remove(name);
    }
    variables.insert("TOKEN", super::harness::TOKEN.to_owned());
    let file = format!(
        "[coralogix]\ndomain = \"EU2\"\napi_key = {{ env = \"CORALOGIX_API_KEY\" }}\n\n\
         [[integration]]\nname = \"acme\"\norg_url = \"https://{OKTA}\"\napi_token = {{ env = \"TOKEN\" }}\nsubsystem = \"acme\"\n"
    );
    std::fs::write(harness.folder.path().join("orgs.toml"), file).unwrap();
    let flags = ["--config", "orgs.toml", "--once"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
    assert!(!proxy.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn proxy_that_refuses_is_named_with_its_setting_and_no_password() {
    let (harness, proxy, mut variables) = behind_proxy().await;
    harness.backlog(5);
    let address = proxy.address;
    variables.insert("HTTPS_PROXY", format!("http://user:hunter3@{address}"));
    let flags = ["--once", "--give-up-after", "1s"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let named = format!(
        "the proxy {address} (of HTTPS_PROXY) wants a user name and a password, or refuses those that it got (407)"
    );
    assert!(ended.stderr.contains(&named), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter"), "{}", ended.stderr);
}

#[tokio::test]
async fn authority_that_is_not_trusted_is_named_with_what_to_do() {
    let (harness, _proxy, mut variables) = behind_proxy().await;
    variables.remove("OKTA_CORALOGIX_CA_FILE");
    let flags = ["--once", "--give-up-after", "1s"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        "is signed by an authority that this machine does not trust, as a proxy that inspects TLS does",
        "--ca-file",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn direct_ignores_the_proxy_of_the_environment() {
    let harness = Harness::new().await;
    let events = harness.backlog(5);
    let mut variables = harness.variables();
    variables.insert("HTTPS_PROXY", "http://127.0.0.1:1".to_owned());
    variables.insert("ALL_PROXY", "http://127.0.0.1:1".to_owned());
    // Loopback never goes through a proxy, with `direct` or without.
    for flags in [&["--once"][..], &["--once", "--proxy", "direct"]] {
        let ended = Exit::of(start(harness.folder.path(), &variables, flags)).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    harness.assert_all_once(&events);
}
