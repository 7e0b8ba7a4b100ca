//! `eventbridge_sqs` in a company's network: SQS, STS and Coralogix lie behind its forward proxy.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use eventbridge_source::sqs::simulator::SqsSimulator;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::proxy::{CREDENTIALS, InspectingProxy};
use crate::eventbridge_sqs::harness::{Harness, write};
use crate::harness::{Exit, start_program};

const SQS: &str = "sqs.eu-west-1.amazonaws.com";
const STS: &str = "sts.eu-west-1.amazonaws.com";
const INGRESS: &str = "ingress.eu2.coralogix.com";

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

const ONCE: [&str; 3] = ["--once", "--give-up-after", "1s"];

type Variables = HashMap<&'static str, String>;

/// A server on loopback that answers each request alike.
struct Fixed {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Fixed {
    async fn answering<F>(answer: F) -> Self
    where
        F: Fn(&Request) -> (StatusCode, String) + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            Router::new().fallback(async move |request: Request| answer(&request).into_response());
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self { address, task }
    }
}

impl Drop for Fixed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// STS, which gives credentials for the token of a pod.
async fn sts() -> Fixed {
    Fixed::answering(|_| {
        let key = "<AccessKeyId>KEY-OF-ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>";
        let session = "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>";
        let result = format!("<Credentials>{key}{session}</Credentials>");
        let result = format!(
            "<AssumeRoleWithWebIdentityResult>{result}</AssumeRoleWithWebIdentityResult>"
        );
        let name_space = "https://sts.amazonaws.com/doc/2011-06-15/";
        let body = format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"{name_space}\">{result}</AssumeRoleWithWebIdentityResponse>"
        );
        (StatusCode::OK, body)
    })
    .await
}

/// The simulators behind a proxy, with five events, and the variables of a run through it.
async fn behind_proxy(sts: Option<&Fixed>) -> (Harness, InspectingProxy, Variables) {
    let harness = Harness::new(SqsSimulator::builder().max_receive_count(10).build()).await;
    harness.backlog(5);
    let queue = harness.queue_server.endpoint();
    let queue = queue.trim_start_matches("http://").parse().unwrap();
    let mut servers = HashMap::from([(SQS, queue), (INGRESS, harness.ingress_server.address())]);
    servers.extend(sts.map(|sts| (STS, sts.address)));
    let proxy = InspectingProxy::new(servers).await;
    let mut variables = harness.variables();
    variables.remove("CORALOGIX_ENDPOINT");
    let ca_file = write(harness.folder.path(), "proxy.pem", &proxy.authority);
    variables.extend([
        ("AWS_ENDPOINT_URL_SQS", format!("https://{SQS}")),
        ("CORALOGIX_DOMAIN", "EU2".to_owned()),
        ("HTTPS_PROXY", proxy.url(CREDENTIALS)),
        ("OKTA_CORALOGIX_CA_FILE", ca_file),
    ]);
    variables.remove("AWS_ENDPOINT_URL");
    (harness, proxy, variables)
}

async fn run(harness: &Harness, variables: &Variables, flags: &[&str]) -> Exit {
    let folder = harness.folder.path();
    let ended = Exit::of(start_program("eventbridge_sqs", folder, variables, flags)).await;
    assert!(!ended.stderr.contains("hunter"), "{ended:?}");
    ended
}

#[tokio::test]
async fn queue_and_role_are_reached_through_a_proxy_that_inspects_tls() {
    let sts = sts().await;
    let (harness, proxy, mut variables) = behind_proxy(Some(&sts)).await;
    harness
        .queue
        .accept_access_key("KEY-OF-ROLE", "InvalidClientTokenId");
    variables.remove("AWS_ACCESS_KEY_ID");
    variables.remove("AWS_SECRET_ACCESS_KEY");
    let token = write(harness.folder.path(), "token", "marked.pod.token");
    variables.insert("AWS_ROLE_ARN", ROLE.into());
    variables.insert("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    let ended = run(&harness, &variables, &ONCE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 5, "{ended:?}");
    let asked = proxy.asked();
    for host in [SQS, STS, INGRESS] {
        assert!(asked.iter().any(|asked| asked == host), "{host}: {asked:?}");
    }
    let address = proxy.address;
    let started = ended.stderr.lines().find(|line| line.contains("started"));
    let started = started.expect("it says that it starts");
    for field in ["source_proxy", "proxy"] {
        let named = format!(" {field}=\"{address} (of HTTPS_PROXY)\"");
        assert!(started.contains(&named), "{started}");
    }

    let checked = run(&harness, &variables, &["--check"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let through = format!(" through the proxy {address} (of HTTPS_PROXY)");
    assert_eq!(checked.stderr.matches(&through).count(), 2, "{checked:?}");
}

#[tokio::test]
async fn proxy_that_refuses_is_named_by_queue_and_role() {
    let sts = sts().await;
    for is_of_role in [false, true] {
        let (harness, proxy, mut variables) = behind_proxy(Some(&sts)).await;
        // Coralogix is asked first: directly, here.
        variables.remove("CORALOGIX_DOMAIN");
        variables.insert("CORALOGIX_ENDPOINT", harness.ingress_server.base_url());
        variables.insert("HTTPS_PROXY", proxy.url("user:hunter3"));
        if is_of_role {
            variables.remove("AWS_ACCESS_KEY_ID");
            let token = write(harness.folder.path(), "token", "marked.pod.token");
            variables.insert("AWS_ROLE_ARN", ROLE.into());
            variables.insert("AWS_WEB_IDENTITY_TOKEN_FILE", token);
        }
        // The SDK asks STS three times before it says why there is no role.
        let flags = ["--once", "--give-up-after", "10s"];
        let flags = if is_of_role { flags } else { ONCE };
        let ended = run(&harness, &variables, &flags).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let address = proxy.address;
        let named = format!(
            "no connection: the proxy {address} (of HTTPS_PROXY) wants a user name and a password, or refuses those that it got (407)"
        );
        assert!(ended.stderr.contains(&named), "{ended:?}");
        let what = match is_of_role {
            true => "the AWS credentials cannot be read now",
            false => "no answer to sqs:GetQueueAttributes",
        };
        assert!(ended.stderr.contains(what), "{ended:?}");
        assert_eq!(harness.queue.depth_now().visible, 5);
    }
}

#[tokio::test]
async fn answer_407_of_a_proxy_without_a_tunnel_is_the_proxys() {
    let (harness, _proxy, mut variables) = behind_proxy(None).await;
    let plain = Fixed::answering(|request| {
        assert_eq!(request.uri().host(), Some("sqs.example"));
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, String::new())
    })
    .await;
    variables.remove("CORALOGIX_DOMAIN");
    variables.insert("CORALOGIX_ENDPOINT", harness.ingress_server.base_url());
    variables.insert("AWS_ENDPOINT_URL_SQS", "http://sqs.example".into());
    variables.insert("HTTP_PROXY", format!("http://{}", plain.address));
    let ended = run(&harness, &variables, &ONCE).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let named = "a proxy on the way to http://sqs.example wants a user name and a password, or refuses those that it got (407)";
    assert!(ended.stderr.contains(named), "{ended:?}");
    assert!(!ended.stderr.contains("SQS refused"), "{ended:?}");
}

#[tokio::test]
async fn loopback_credentials_and_excepted_hosts_are_asked_without_the_proxy() {
    let (harness, proxy, mut variables) = behind_proxy(None).await;
    let credentials = Fixed::answering(|_| {
        let body = r#"{"AccessKeyId": "KEY-OF-POD", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}"#;
        (StatusCode::OK, body.to_owned())
    })
    .await;
    harness
        .queue
        .accept_access_key("KEY-OF-POD", "InvalidClientTokenId");
    variables.remove("AWS_ACCESS_KEY_ID");
    variables.remove("AWS_SECRET_ACCESS_KEY");
    let port = credentials.address.port();
    // Every request that went through this proxy would fail.
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        variables.insert(name, "http://127.0.0.1:1".to_owned());
    }
    variables.remove("CORALOGIX_DOMAIN");
    variables.insert("CORALOGIX_ENDPOINT", harness.ingress_server.base_url());
    variables.insert("AWS_ENDPOINT_URL_SQS", harness.queue_server.endpoint());
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}/credentials");
        variables.insert("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
        let ended = run(&harness, &variables, &ONCE).await;
        assert_eq!(ended.code, Some(0), "{host}: {ended:?}");
        assert!(!ended.stderr.contains("proxy"), "{ended:?}");
    }

    // The host of the queue is not there: its name is looked up, and no proxy is.
    variables.insert(
        "AWS_ENDPOINT_URL_SQS",
        "https://sqs.internal.invalid".into(),
    );
    variables.insert("NO_PROXY", ".internal.invalid,10.0.0.0/8".into());
    let ended = run(&harness, &variables, &ONCE).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let named = "the name sqs.internal.invalid cannot be resolved";
    assert!(ended.stderr.contains(named), "{ended:?}");
    assert!(proxy.asked().is_empty());
}

#[tokio::test]
async fn ca_bundle_is_trusted_for_the_queue_alone_and_beside_the_ca_file() {
    let (harness, _proxy, mut variables) = behind_proxy(None).await;
    let authority = variables.remove("OKTA_CORALOGIX_CA_FILE").unwrap();
    variables.insert("AWS_CA_BUNDLE", authority.clone());
    variables.remove("CORALOGIX_DOMAIN");
    variables.insert("CORALOGIX_ENDPOINT", harness.ingress_server.base_url());
    let ended = run(&harness, &variables, &ONCE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 5, "{ended:?}");

    // Of another authority: the message names the file to add to, and `--ca-file`, which adds.
    let other = InspectingProxy::new(HashMap::new()).await;
    let other = write(harness.folder.path(), "other.pem", &other.authority);
    variables.insert("AWS_CA_BUNDLE", other.clone());
    let ended = run(&harness, &variables, &ONCE).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let advice = format!(
        "add its certificate to the file of AWS_CA_BUNDLE ({other}), which is used in place of the roots of the system, or name a PEM file \
         with it by --ca-file"
    );
    assert!(ended.stderr.contains(&advice), "{ended:?}");

    harness.backlog(5);
    variables.insert("OKTA_CORALOGIX_CA_FILE", authority);
    let ended = run(&harness, &variables, &ONCE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
