//! Against moto, a stand-in for AWS: the CloudFormation template, events on the bus, rule → SQS → this program; SNS → SQS in both
//! forms, with credentials that STS gives for a role, and for the token of a pod, also when they expire early.
//!
//! Skipped unless `MOTO` names the folder of its executables; `.ci/moto` installs it. What it does not model: partner event
//! sources (the bus is there already), `account` in the envelope, and session tokens that expire: a server before it refuses them.

use std::collections::HashMap;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::testing::GeneratedEvent;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::front::{SqsCall, SqsError, SqsFront};
use super::harness::{Harness, envelope, write};
use crate::harness::{Exit, fresh, start_program};

const OKTA: &str = "aws.partner/okta.com/acme/audit";
const EVENTS: usize = 600;
const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

type Variables = HashMap<&'static str, String>;

struct Moto {
    tools: PathBuf,
    endpoint: String,
    _server: Child,
}

impl Moto {
    /// `None` where it is not installed.
    async fn start() -> Option<Self> {
        let Some(tools) = std::env::var_os("MOTO").map(PathBuf::from) else {
            println!("skipped: MOTO is not set; .ci/moto installs it");
            return None;
        };
        // It takes a port by number only: one that was free a moment ago.
        let free = StdListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let server = Command::new(tools.join("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let ready = async {
            while TcpStream::connect(&address).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), ready)
            .await
            .expect("moto listens");
        Some(Self {
            tools,
            endpoint: format!("http://{address}"),
            _server: server,
        })
    }

    /// Publishes the events to a topic before two queues, and returns the queues' URLs: that with raw delivery first.
    async fn publish(&self, events: &[GeneratedEvent]) -> Vec<String> {
        let text =
            |event: &GeneratedEvent| String::from_utf8(envelope(&event.json)).unwrap() + "\n";
        let lines: String = events.iter().map(text).collect();
        let urls = self.run_script(&["publish"], &lines).await;
        serde_json::from_str(&urls).unwrap()
    }

    /// The variables of a run that reads this queue, and has to find its credentials.
    fn variables_without_keys(&self, harness: &Harness, queue_url: &str) -> Variables {
        let mut variables = harness.variables();
        variables.insert("AWS_ENDPOINT_URL", self.endpoint.clone());
        variables.insert("SQS_QUEUE_URL", queue_url.into());
        variables.remove("AWS_ACCESS_KEY_ID");
        variables.remove("AWS_SECRET_ACCESS_KEY");
        variables
    }

    async fn run_script(&self, args: &[&str], input: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto/aws.py");
        let mut child = Command::new(self.tools.join("python"))
            .arg(script)
            .args([args[0], &self.endpoint])
            .args(&args[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = timeout(Duration::from_secs(120), child.wait_with_output()).await;
        let output = output.expect("it ends").unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A role for the token of a pod, by `sts:AssumeRoleWithWebIdentity`.
fn add_pod_role(variables: &mut Variables, folder: &Path) {
    let token = write(folder, "token", "marked.pod.token");
    variables.insert("AWS_ROLE_ARN", ROLE.into());
    variables.insert("AWS_WEB_IDENTITY_TOKEN_FILE", token);
}

/// The session tokens that calls were signed with, in the order of their first call. The first one expires.
#[derive(Debug, Default)]
struct Sessions {
    tokens: Vec<String>,
    is_expired: bool,
    has_received: bool,
    refused: usize,
}

impl Sessions {
    /// True if the call is refused.
    fn refuse(&mut self, call: &SqsCall<'_>, with_messages_in_flight: bool) -> bool {
        let token = call.session_token();
        if !self.tokens.iter().any(|known| known == token) {
            self.tokens.push(token.to_owned());
        }
        let is_deletion = call.operation() == "DeleteMessageBatch";
        self.is_expired |= !with_messages_in_flight || self.has_received && is_deletion;
        self.has_received |= call.operation() == "ReceiveMessage";
        let is_refused = self.is_expired && self.tokens[0] == token;
        self.refused += usize::from(is_refused);
        is_refused
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_carries_events_from_the_bus_to_coralogix_once_each() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let template = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../eventbridge-source/setup/sqs.cloudformation.yaml");
    let outputs = moto
        .run_script(&["deploy", template.to_str().unwrap()], "")
        .await;
    let outputs: Value = serde_json::from_str(&outputs).unwrap();

    let events = fresh(EVENTS);
    let mut lines = String::new();
    for (n, event) in events.iter().enumerate() {
        let detail: Value = serde_json::from_slice(&event.json).unwrap();
        lines += &format!("{}\n", json!([OKTA, detail]));
        if n % 50 == 0 {
            // The rule keeps these out.
            lines += &format!("{}\n", json!(["another.app", detail]));
        }
    }
    moto.run_script(&["put"], &lines).await;

    // Its queue is not used: only the ingress and the folder are.
    let harness = Harness::new(SqsSimulator::builder().build()).await;
    let mut variables = harness.variables();
    variables.insert("AWS_ENDPOINT_URL", moto.endpoint.clone());
    let queue_url = outputs["QueueUrl"].as_str().unwrap();
    variables.insert("SQS_QUEUE_URL", queue_url.to_owned());
    // One consumer: moto's receives are not atomic, so that two consumers may be given the same message at once.
    let flags = ["--once"];
    let child = start_program("eventbridge_sqs", harness.folder.path(), &variables, &flags);
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = ended.summary();
    assert_eq!(summary["delivered"], EVENTS as u64, "{summary:?}");
    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0]);
    assert_eq!((ledger.repeats(), ledger.entries().len()), (0, EVENTS));
    println!(
        "moto: {EVENTS} events through the bus, the rule, the queue and the program, once each"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_gives_roles_by_sts_and_both_forms_of_sns() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let events = fresh(40);
    let urls = moto.publish(&events).await;

    // The raw form with the role of a pod, the wrapped one with a role of a profile.
    for (url, is_pod) in urls.iter().zip([true, false]) {
        let harness = Harness::new(SqsSimulator::builder().build()).await;
        let folder = harness.folder.path();
        let mut variables = moto.variables_without_keys(&harness, url);
        if is_pod {
            add_pod_role(&mut variables, folder);
        } else {
            let text = format!(
                "[profile reader]\nrole_arn = {ROLE}\nsource_profile = base\n[profile base]\n\
                 aws_access_key_id = moto\naws_secret_access_key = moto\n"
            );
            variables.insert("AWS_CONFIG_FILE", write(folder, "config", &text));
            variables.insert("AWS_PROFILE", "reader".into());
        }
        let child = start_program("eventbridge_sqs", folder, &variables, &["--once"]);
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.summary()["delivered"], 40, "{ended:?}");
        assert!(!ended.stderr.contains("marked.pod.token"), "{ended:?}");
        let ledger = harness.ingress.ledger();
        let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
        assert_eq!((missing.len(), ledger.repeats()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_behind_a_session_that_expires_gives_each_event_once() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let events = fresh(40);
    let urls = moto.publish(&events).await;
    let message = "The security token included in the request is expired";
    let by_shape = SqsError {
        status: 400,
        shape: "com.amazon.coral.service#ExpiredTokenException",
        query_code: None,
        message,
    };
    let by_header = SqsError {
        status: 403,
        query_code: Some("ExpiredToken"),
        ..by_shape
    };
    for (url, with_messages_in_flight, error) in
        [(&urls[0], false, by_shape), (&urls[1], true, by_header)]
    {
        let harness = Harness::new(SqsSimulator::builder().build()).await;
        let folder = harness.folder.path();
        let sessions = Arc::new(Mutex::new(Sessions::default()));
        let seen = Arc::clone(&sessions);
        let front = SqsFront::before(&moto.endpoint, move |call| {
            let mut sessions = seen.lock().unwrap();
            sessions
                .refuse(&call, with_messages_in_flight)
                .then_some(error)
        })
        .await;
        let mut variables = moto.variables_without_keys(&harness, url);
        add_pod_role(&mut variables, folder);
        variables.insert("AWS_ENDPOINT_URL_SQS", front.url());
        let child = start_program("eventbridge_sqs", folder, &variables, &["--once"]);
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let summary = ended.summary();
        assert_eq!(
            (summary["received"], summary["delivered"]),
            (40, 40),
            "{ended:?}"
        );
        let ledger = harness.ingress.ledger();
        let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
        assert_eq!((missing.len(), ledger.repeats()), (0, 0), "{ended:?}");
        let sessions = sessions.lock().unwrap();
        assert_eq!(
            sessions.tokens.len(),
            2,
            "one refusal leads to one new session"
        );
        assert!(sessions.refused > 0);
        let is_told = |token: &String| ended.stderr.contains(token);
        assert!(!sessions.tokens.iter().any(is_told), "{ended:?}");
    }
}
