//! No message, log or stored record contains a secret.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use okta_coralogix_core::EventSource;
use okta_coralogix_core::testing::LogCapture;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_source::simulator::{Fault, OAuthApp, OktaSimulator};
use okta_source::{Credentials, ServiceApp};

use super::{CLIENT, app, app_with, builder, harness_with, key_file, registered};
use crate::harness::{Harness, settle};
use crate::secrets::everything;

const CLIENT_SECRET: &str = "M4rk3d-Cl13nt-S3cr3t";

/// A transport that remembers each secret that passes through it, and may echo the request in its answer.
struct Tap {
    org: OktaSimulator,
    seen: Mutex<Vec<String>>,
    echo: Mutex<Option<Echo>>,
}

#[derive(Debug, Clone, Copy)]
struct Echo {
    status: u16,
    /// Each letter written as a number, as JSON allows.
    hidden: bool,
    /// Only token requests are answered so.
    tokens: bool,
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tap")
    }
}

impl Tap {
    fn note(&self, secret: &str) {
        self.seen.lock().unwrap().push(secret.to_owned());
    }
}

#[async_trait]
impl Transport for Tap {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let mut sent = Vec::new();
        for name in ["authorization", "dpop"] {
            for value in request.headers().get_all(name) {
                assert!(value.is_sensitive(), "{name} is marked");
                let value = value.to_str().unwrap();
                sent.push(
                    value
                        .split_once(' ')
                        .map_or(value, |(_, secret)| secret)
                        .to_owned(),
                );
            }
        }
        let form = url::form_urlencoded::parse(request.body()).into_owned();
        sent.extend(
            form.filter(|(name, _)| name == "client_assertion")
                .map(|(_, value)| value),
        );
        sent.iter().for_each(|secret| self.note(secret));
        let is_token = request.uri().path().ends_with("/token");
        let echo = *self.echo.lock().unwrap();
        if let Some(echo) = echo.filter(|echo| echo.tokens == is_token) {
            let all = sent.join(" , ");
            let said = match echo.hidden {
                false => all.clone(),
                true => all
                    .chars()
                    .map(|c| format!("\\u{:04x}", c as u32))
                    .collect(),
            };
            let body = format!(
                r#"{{"error":"invalid_client","error_description":"{said}","errorSummary":"{said}"}}"#
            );
            return Ok(Response::builder()
                .status(echo.status)
                .header("x-okta-request-id", &all)
                .header("www-authenticate", format!("DPoP error=\"{all}\""))
                .body(stream::iter([Ok(Bytes::from(body))]).boxed())
                .unwrap());
        }
        let response = self.org.call(request).await?;
        Ok(response)
    }
}

/// All that one kind of app prints and logs under every fault.
async fn run(harness: &Harness, app: ServiceApp) -> (String, Vec<String>) {
    let tap = Arc::new(Tap {
        org: harness.org.clone(),
        seen: Mutex::default(),
        echo: Mutex::default(),
    });
    let credentials = Credentials::from(app.clone());
    let transport = Arc::clone(&tap) as Arc<dyn Transport>;
    let builder = builder(harness, app).transport(transport);
    let mut printed = format!("{credentials:?} {credentials:#?} {builder:?} {builder:#?}");
    let mut source = builder.open().await.unwrap();
    let echoes = [400, 401, 403, 404, 429, 503, 302, 200]
        .into_iter()
        .flat_map(|status| {
            let hidden = [false, true];
            let echo = move |hidden| {
                [false, true].map(|tokens| Echo {
                    status,
                    hidden,
                    tokens,
                })
            };
            hidden.into_iter().flat_map(echo)
        });
    for echo in echoes {
        *tap.echo.lock().unwrap() = Some(echo);
        harness.org.revoke_tokens();
        let failed = source.check().await;
        printed += &everything(&failed.expect_err("an echo is no answer"));
    }
    *tap.echo.lock().unwrap() = None;
    for fault in [
        Fault::Unavailable,
        Fault::Html,
        Fault::HalfBody,
        Fault::Unreachable,
    ] {
        harness.org.revoke_tokens();
        harness.org.script_token(fault.clone());
        if let Err(error) = source.check().await {
            printed += &everything(&error);
        }
        harness.org.script(fault);
        if let Err(error) = source.check().await {
            printed += &everything(&error);
        }
    }
    harness.append(0..2);
    // The source itself waits as the faults ask.
    if let Ok(Some(delivery)) = source.next().await {
        printed += &format!("{delivery:?}");
        settle(delivery).await.unwrap();
    }
    let requests = harness.org.requests();
    printed += &format!(
        "{source:?} {source:#?} {:?} {requests:?} {:?}",
        harness.org, harness.store
    );
    let seen = tap.seen.lock().unwrap().clone();
    (printed, seen)
}

#[tokio::test(start_paused = true)]
async fn oauth_keys_secrets_tokens_and_proofs_are_never_visible() {
    let log = LogCapture::start();
    let integration = || OAuthApp::with_secret("0oa2", CLIENT_SECRET);
    let org = || {
        harness_with(|org| {
            org.oauth_app(registered())
                .oauth_app(integration())
                .clock_skew(chrono::TimeDelta::minutes(9))
        })
    };
    let with_secret = ServiceApp::with_client_secret("0oa2", &CLIENT_SECRET.into()).unwrap();
    let wrong_secret = ServiceApp::with_client_secret("0oa2", &"Wr0ng-S3cr3t".into()).unwrap();
    let (mut printed, mut secrets) = (String::new(), Vec::new());
    for app in [
        app(),
        app_with("p521.jwk.json", "p521"),
        with_secret,
        wrong_secret,
        app_with("other.pkcs8.pem", "rsa"),
    ] {
        let (text, seen) = run(&org(), app).await;
        assert!(seen.len() > 20, "requests went out");
        printed += &text;
        secrets.extend(seen);
    }
    printed += &log.text();
    assert!(
        printed.contains(CLIENT) && printed.contains("clock"),
        "something was said and logged"
    );
    secrets.push(CLIENT_SECRET.to_owned());
    secrets.push("Wr0ng-S3cr3t".to_owned());
    let standard = base64::engine::general_purpose::STANDARD;
    secrets.push(standard.encode(format!("0oa2:{CLIENT_SECRET}")));
    for file in ["rsa.pkcs8.pem", "other.pkcs8.pem"] {
        secrets.extend(
            key_file(file)
                .lines()
                .filter(|line| !line.starts_with('-'))
                .map(str::to_owned),
        );
    }
    let jwk: serde_json::Value = serde_json::from_str(&key_file("p521.jwk.json")).unwrap();
    secrets.push(jwk["d"].as_str().unwrap().to_owned());
    let printed = printed.to_ascii_lowercase();
    let is_other = |c: char| !c.is_ascii_alphanumeric() && !"+/=-_".contains(c);
    let words: HashSet<_> = printed
        .split(is_other)
        .filter(|word| word.len() > 8)
        .collect();
    for secret in secrets {
        // The claims of a JWT are no secret; its signature is, and so is the whole.
        let tail = secret.rsplit('.').next().unwrap().to_ascii_lowercase();
        let seen = words.iter().find(|word| word.contains(&tail));
        assert_eq!(seen, None, "{tail} can be seen");
    }
    assert!(
        printed.contains("***"),
        "copies came back and were redacted out"
    );
}
