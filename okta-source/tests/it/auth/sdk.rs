//! Okta's own SDK for Python as a client of the simulator.
//!
//! `OKTA_SDK_PYTHON` names the interpreter that has it; `.ci/run` installs one. Without it the tests are skipped, and say so.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use chrono::TimeDelta;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::{OktaSimulator, RecordedRequest};

use super::{CLIENT, is_for_token, registered};
use crate::harness::TOKEN;

const EVENTS: usize = 1_234;

/// The interpreter, if it has the SDK.
fn interpreter() -> Option<String> {
    let named = std::env::var("OKTA_SDK_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", "import okta.client, okta.dpop"])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(
        named.is_none(),
        "OKTA_SDK_PYTHON is set, and has no Okta SDK: {python}"
    );
    None
}

/// Lists the log of an org with the SDK, and compares.
async fn lists(org: OktaSimulator, arguments: &[&str]) -> Option<Vec<RecordedRequest>> {
    let Some(python) = interpreter() else {
        say_skipped();
        return None;
    };
    let mut generator = EventGenerator::new(7);
    let now = SystemClock.now();
    let events: Vec<_> = (0..EVENTS)
        .map(|n| generator.event(now - TimeDelta::milliseconds((EVENTS - n) as i64)))
        .collect();
    org.append_all(events.iter().map(|event| event.json.clone()));
    let served = org.serve().await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command
        .arg(folder.join("tests/sdk/list.py"))
        .arg(served.base_url())
        .args(arguments);
    // Variables of this machine are not meant for the SDK; neither is a proxy for loopback.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().to_ascii_uppercase();
        if name.starts_with("OKTA_") || name.ends_with("_PROXY") {
            command
                .env_remove(&name)
                .env_remove(name.to_ascii_lowercase());
        }
    }
    command.current_dir(folder.join("tests/keys"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{stderr}");
    let listed: Vec<_> = String::from_utf8(stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let expected: Vec<_> = events.into_iter().map(|event| event.uuid).collect();
    assert_eq!(listed, expected, "{stderr}");
    Some(org.requests())
}

/// Bypasses the test harness, which hides the output of a test that passes: a skipped test must not look like one that ran.
fn say_skipped() {
    let why =
        "SKIPPED: the Okta SDK for Python is not installed; set OKTA_SDK_PYTHON, or run .ci/run";
    writeln!(std::io::stdout(), "{why}").ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn okta_sdk_lists_the_simulated_log_with_an_api_token() {
    let org = OktaSimulator::builder().token(TOKEN).build();
    let Some(requests) = lists(org, &["ssws", TOKEN]).await else {
        return;
    };
    let statuses: Vec<_> = requests.iter().map(|seen| seen.status).collect();
    assert_eq!(
        statuses,
        [Some(200); EVENTS / 100 + 2],
        "13 pages and the empty one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn okta_sdk_lists_the_simulated_log_with_dpop() {
    let org = OktaSimulator::builder().oauth_app(registered()).build();
    let Some(requests) = lists(org, &["dpop", CLIENT, "rsa.pkcs8.pem", "rsa"]).await else {
        return;
    };
    let (tokens, logs): (Vec<_>, Vec<_>) = requests.iter().partition(|seen| is_for_token(seen));
    let statuses: Vec<_> = tokens.iter().map(|seen| seen.status).collect();
    assert_eq!(
        statuses,
        [Some(400), Some(200)],
        "a nonce was asked for and given"
    );
    assert_eq!(logs.len(), EVENTS / 100 + 2);
    for seen in logs {
        assert_eq!(
            (seen.status, seen.scheme.as_deref()),
            (Some(200), Some("DPoP"))
        );
    }
}
