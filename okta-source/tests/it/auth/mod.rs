//! Service apps: keys, tokens, proofs, refusals.

mod dpop;
mod environment;
mod keys;
mod oauth_errors;
mod reload;
mod sdk;
mod secrets;
mod simulator_checks;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, Secret};
use okta_source::simulator::{OAuthApp, OktaSimulator, OktaSimulatorBuilder, RecordedRequest};
use okta_source::{OktaSource, OktaSourceBuilder, PrivateKey, PrivateKeyError, ServiceApp};

use crate::harness::{Harness, ORG};

pub(crate) const CLIENT: &str = "0oa1service";

/// A file of `tests/keys`.
pub(crate) fn key_file(name: &str) -> String {
    let path = format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn key(name: &str) -> Result<PrivateKey, PrivateKeyError> {
    PrivateKey::parse(&Secret::from(key_file(name)))
}

/// The app with the RSA key of the tests.
pub(crate) fn app() -> ServiceApp {
    app_with("rsa.pkcs8.pem", "rsa")
}

pub(crate) fn app_with(file: &str, kid: &str) -> ServiceApp {
    let app = ServiceApp::with_private_key(CLIENT, key(file).unwrap()).unwrap();
    app.key_id(kid).unwrap()
}

/// The same app, as the org knows it.
pub(crate) fn registered() -> OAuthApp {
    OAuthApp::with_keys(CLIENT, &key_file("public.jwks.json")).unwrap()
}

pub(crate) fn harness() -> Harness {
    harness_with(|org| org.oauth_app(registered()))
}

pub(crate) fn harness_with(
    settings: impl FnOnce(OktaSimulatorBuilder) -> OktaSimulatorBuilder,
) -> Harness {
    Harness::with(settings)
}

pub(crate) fn builder(harness: &Harness, app: ServiceApp) -> OktaSourceBuilder {
    OktaSource::builder()
        .org_url(ORG)
        .credentials(app)
        .checkpoint(Arc::clone(&harness.store) as Arc<dyn CheckpointStore>)
        .clock(Arc::clone(&harness.clock))
        .transport(Arc::new(harness.org.clone()))
}

pub(crate) async fn open(harness: &Harness) -> OktaSource {
    builder(harness, app()).open().await.unwrap()
}

pub(crate) async fn refused(harness: &Harness, app: ServiceApp) -> Error {
    builder(harness, app).check().await.unwrap_err()
}

/// A network in which everything takes a second, so that requests are under way at the same time.
#[derive(Debug)]
pub(crate) struct Slow {
    org: OktaSimulator,
    /// Token requests under way, and the most that ever were.
    tokens: AtomicUsize,
    pub(crate) most_tokens: AtomicUsize,
}

/// One token request less, however it ends.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slow {
    pub(crate) fn new(harness: &Harness) -> Arc<Self> {
        Arc::new(Self {
            org: harness.org.clone(),
            tokens: AtomicUsize::default(),
            most_tokens: AtomicUsize::default(),
        })
    }
}

#[async_trait]
impl Transport for Slow {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let is_token = request.uri().path() == "/oauth2/v1/token";
        let under_way = is_token.then(|| {
            let now = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_tokens.fetch_max(now, Ordering::SeqCst);
            UnderWay(&self.tokens)
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let response = self.org.call(request).await;
        drop(under_way);
        response
    }
}

pub(crate) async fn open_slow(harness: &Harness) -> OktaSource {
    let slow = Slow::new(harness);
    builder(harness, app())
        .transport(slow)
        .open()
        .await
        .unwrap()
}

fn is_for_token(request: &RecordedRequest) -> bool {
    request.path_and_query == "/oauth2/v1/token"
}

/// The statuses of the token requests so far, and those of the requests for the log.
pub(crate) fn statuses(harness: &Harness) -> (Vec<u16>, Vec<u16>) {
    let status = |request: &RecordedRequest| request.status.unwrap_or_default();
    let requests = harness.org.requests();
    let (tokens, logs): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| is_for_token(request));
    (
        tokens.into_iter().map(status).collect(),
        logs.into_iter().map(status).collect(),
    )
}
