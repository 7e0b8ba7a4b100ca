//! The `service_logs` program as a process.

use std::process::{Output, Stdio};

use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::harness::{KEY, binary};

/// The program with `input`, sent to `ingress` with `key`.
async fn run(ingress: &CoralogixServer, key: &str, input: &[u8]) -> Output {
    let mut child = Command::new(binary("service_logs"))
        .env_clear()
        .env("CORALOGIX_ENDPOINT", ingress.base_url())
        .env("CORALOGIX_API_KEY", key)
        .env("CORALOGIX_APPLICATION", "shop")
        .env("OKTA_CORALOGIX_REFUSAL_WAIT", "1s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that has ended reads no more.
    stdin.write_all(input).await.ok();
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

fn count(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ingress() -> CoralogixSimulator {
    let ingress = CoralogixSimulator::builder()
        .key(KEY)
        .identity(|text| Some(text.to_owned()))
        .build();
    ingress.poison(|text| text.contains("poison"));
    ingress
}

#[tokio::test]
async fn lines_arrive_once_and_a_refused_one_is_logged() {
    let ingress = ingress();
    let server = ingress.serve().await.unwrap();
    let mut lines: Vec<_> = (0..3_000)
        .map(|n| format!("{{\"level\":\"error\",\"order\":{n}}}"))
        .collect();
    lines[1234] = "poison".to_owned();
    lines.push("plain text, \"quoted\"".to_owned());
    let output = run(&server, KEY, lines.join("\n").as_bytes()).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = json!({"read": 3001, "accepted": 3000, "refused": 1, "unsent": 0});
    assert_eq!(count(&output), expected);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("a line cannot be sent"), "{stderr}");
    let ledger = ingress.ledger();
    assert_eq!((ledger.entries().len(), ledger.repeats()), (3000, 0));
    lines.remove(1234);
    assert!(ledger.missing(lines.iter().map(String::as_str)).is_empty());
}

#[tokio::test]
async fn refused_key_exits_with_1_and_counts_unsent_lines() {
    let ingress = ingress();
    let server = ingress.serve().await.unwrap();
    let output = run(&server, "another-key", b"one\ntwo\nthree\n").await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let expected = json!({"read": 3, "accepted": 0, "refused": 0, "unsent": 3});
    assert_eq!(count(&output), expected);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("key"), "{stderr}");
    assert!(!stderr.contains("another-key"), "{stderr}");
}

#[tokio::test]
async fn demonstration_runs_without_variables() {
    let output = Command::new(binary("service_logs"))
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = json!({"read": 5000, "accepted": 5000, "refused": 0, "unsent": 0});
    assert_eq!(count(&output), expected);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("in the ingress 5000, repeated 0"),
        "{stderr}"
    );
}
