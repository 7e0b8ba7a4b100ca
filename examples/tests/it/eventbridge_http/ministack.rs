//! Against MiniStack, a stand-in for AWS whose API destinations really call: rule → API destination → this program.
//!
//! Skipped unless `MINISTACK` names its executable; `.ci/ministack` installs it. What it cannot model: it accepts no
//! events of Okta's own source, so that the program runs with `--any-source`, and it retries nothing.

use std::net::TcpListener as StdListener;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::harness::{Harness, nowhere};
use crate::harness::{TOKEN, fresh, terminate};

const SOURCE: &str = "test.okta.com/acme/audit";
const TIMEOUT: Duration = Duration::from_secs(60);

struct MiniStack {
    address: String,
    _child: Child,
}

impl MiniStack {
    /// `None` where it is not installed.
    async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("MINISTACK").map(PathBuf::from) else {
            println!("skipped: MINISTACK is not set; .ci/ministack installs it");
            return None;
        };
        // It takes a port by number only: one that was free a moment ago.
        let port = StdListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(program)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .stdin(nowhere())
            .stdout(nowhere())
            .stderr(nowhere())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{port}");
        let ready = async {
            while TcpStream::connect(&address).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(TIMEOUT, ready).await.expect("MiniStack listens");
        Some(Self {
            address,
            _child: child,
        })
    }

    /// An action of EventBridge.
    async fn events(&self, action: &str, body: Value) -> Value {
        let body = body.to_string();
        let scope = "test/20260101/us-east-1/events/aws4_request";
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\nx-amz-target: AWSEvents.{action}\r\nauthorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{action}: {answer}");
        // Chunked or not, the JSON is the part in braces.
        let json = body
            .find('{')
            .map_or("null", |start| &body[start..=body.rfind('}').unwrap()]);
        serde_json::from_str(json).unwrap()
    }
}

/// An OAuth server with one token, for the duration of the test.
async fn token_server(token: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let (mut line, mut length) = (String::new(), 0);
            // The whole request is read, or the connection would be cut instead of closed.
            while stream.read_line(&mut line).await.unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
                .to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    format!("http://{address}/token")
}

#[tokio::test]
async fn bus_events_arrive_once_with_each_type_of_authorization() {
    let Some(aws) = MiniStack::start().await else {
        return;
    };
    let token_url = token_server("marked-oauth-token").await;
    let key_header = "x-amz-event-bridge-access-key";
    let cases = [
        (
            "API_KEY",
            json!({"ApiKeyAuthParameters": {"ApiKeyName": key_header, "ApiKeyValue": TOKEN}}),
        ),
        (
            "BASIC",
            json!({"BasicAuthParameters": {"Username": "okta", "Password": "marked-password"}}),
        ),
        (
            "OAUTH_CLIENT_CREDENTIALS",
            json!({"OAuthParameters": {
                "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"},
                "AuthorizationEndpoint": token_url, "HttpMethod": "POST",
            }}),
        ),
    ];
    for (kind, parameters) in cases {
        let harness = Harness::new().await;
        let mut variables = harness.variables();
        variables.remove("EVENTBRIDGE_API_KEY");
        match kind {
            "API_KEY" => variables.insert("EVENTBRIDGE_API_KEY", TOKEN.into()),
            "BASIC" => variables.insert("EVENTBRIDGE_BASIC", "okta:marked-password".into()),
            _ => variables.insert("EVENTBRIDGE_BEARER_TOKEN", "marked-oauth-token".into()),
        };
        let program = harness.listen(&variables, &["--any-source"]).await;
        let name = kind.to_lowercase().replace('_', "-");
        let connection = aws
            .events(
                "CreateConnection",
                json!({"Name": name, "AuthorizationType": kind, "AuthParameters": parameters}),
            )
            .await;
        let destination = aws
            .events("CreateApiDestination", json!({
                "Name": name, "ConnectionArn": connection["ConnectionArn"], "HttpMethod": "POST",
                "InvocationEndpoint": format!("http://{}/aws/event-bridge", program.address),
            }))
            .await;
        aws.events("CreateEventBus", json!({"Name": name})).await;
        let pattern = json!({"source": [{"prefix": "test.okta.com/"}]}).to_string();
        aws.events(
            "PutRule",
            json!({"Name": name, "EventBusName": name, "EventPattern": pattern}),
        )
        .await;
        aws.events("PutTargets", json!({"Rule": name, "EventBusName": name, "Targets": [{
            "Id": "1", "Arn": destination["ApiDestinationArn"], "RoleArn": "arn:aws:iam::000000000000:role/invoke",
        }]}))
        .await;

        let events = fresh(40);
        let entry = |source: &str, detail: &[u8]| {
            let detail = std::str::from_utf8(detail).unwrap();
            json!({"EventBusName": name, "Source": source, "DetailType": "SystemLog", "Detail": detail})
        };
        for ten in events.chunks(10) {
            let mut entries: Vec<_> = ten.iter().map(|event| entry(SOURCE, &event.json)).collect();
            entries[0] = entry(
                "another.source",
                b"{\"published\":\"2999-01-01T00:00:00Z\"}",
            );
            let put = aws.events("PutEvents", json!({"Entries": entries})).await;
            assert_eq!(put["FailedEntryCount"], 0, "{put}");
        }
        let expected: Vec<_> = events
            .chunks(10)
            .flat_map(|ten| ten[1..].iter().cloned())
            .collect();
        let all = async {
            while harness.ingress.arrivals() < expected.len() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(TIMEOUT, all)
            .await
            .unwrap_or_else(|_| panic!("{kind}: {} arrived", harness.ingress.arrivals()));
        terminate(&program.child).await;
        let ended = program.ended().await;
        assert_eq!(
            (ended.code, ended.summary()["delivered"]),
            (Some(0), 36),
            "{kind}: {ended:?}"
        );
        harness.assert_all_once(&expected);
        println!(
            "MiniStack: 36 events through rule, API destination and {kind} authorization, each in the ingress once"
        );
    }
}
