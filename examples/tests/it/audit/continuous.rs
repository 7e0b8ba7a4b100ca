//! `--audit-every` of programs as processes, between an org and an account on real sockets.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use coralogix_sink::query::EventId;
use coralogix_sink::simulator::{Priority, QueryFault};
use okta_coralogix_core::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{published, variables};
use crate::admin::samples::Program;
use crate::harness::{Exit, Harness, start_program, terminate};

const ROUNDS: [&str; 4] = ["--audit-every", "1s", "--audit-delay", "1s"];

fn hour_ago() -> String {
    let time = SystemClock.now() - TimeDelta::hours(1);
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The state of an audit that was at `through` when its process ended.
fn write_state(path: &Path, harness: &Harness, through: &str) {
    let org = okta_source::OrgUrl::parse(&harness.org_server.base_url()).unwrap();
    let state = json!({
        "format": "okta-coralogix audit 1",
        "org": org.to_string(),
        "audited_through": through,
        "open": [],
        "last_proof": null,
    });
    std::fs::write(path, state.to_string()).unwrap();
}

fn state(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Until all is audited that is a minute old.
async fn audited(path: &Path) {
    let began = SystemClock.now() - TimeDelta::minutes(1);
    let moves = async {
        loop {
            let through = state(path)["audited_through"].as_str().map(str::to_owned);
            let through: Option<DateTime<Utc>> = through.and_then(|time| time.parse().ok());
            if through.is_some_and(|time| time >= began) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), moves).await.unwrap();
}

#[tokio::test]
async fn pull_goes_on_with_a_stored_audit_and_names_what_is_missing() {
    let harness = Harness::new().await;
    let events = harness.backlog(40);
    let lost = events[17].uuid.clone();
    let (blocked, allowed) = (lost.clone(), events.len() - 1);
    harness
        .ingress
        .set_policy(move |_, _, text| match text.contains(&*blocked) {
            true => Priority::Block,
            false => Priority::High,
        });
    let file = harness
        .folder
        .path()
        .join("okta-coralogix.checkpoint.audit.json");
    write_state(&file, &harness, &hour_ago());
    let variables = variables(&harness);
    let child = start_program("pull", harness.folder.path(), &variables, &ROUNDS);
    audited(&file).await;
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], events.len() as u64);
    harness.assert_all_once(&events);
    let line = ended.stderr.lines().find(|line| line.contains("audit of "));
    let line = line.unwrap_or_else(|| panic!("{ended:?}"));
    let counts = format!("{} events in Okta", allowed + 1);
    for words in [
        "ERROR",
        &counts,
        "1 missing, 0 doubled, 0 foreign",
        &lost,
        "a single loss",
    ] {
        assert!(line.contains(words), "{words}: {line}");
    }
    assert!(!ended.stderr.contains(harness.ingress.query_key().expose()));
}

#[tokio::test]
async fn pull_delivers_while_no_query_is_answered() {
    let harness = Harness::new().await;
    let events = harness.backlog(40);
    let fault = coralogix_sink::simulator::Fault::status(403);
    harness
        .ingress
        .fail_all_queries(Some(QueryFault::Http(fault)));
    let file = harness
        .folder
        .path()
        .join("okta-coralogix.checkpoint.audit.json");
    let since = hour_ago();
    write_state(&file, &harness, &since);
    let variables = variables(&harness);
    let folder = harness.folder.path();
    let program = Program::start("pull", folder, &variables, &ROUNDS).await;
    program
        .until(|samples| {
            let sum = |name, label| {
                samples
                    .all(name, &[label])
                    .map(|(_, value)| value)
                    .sum::<f64>()
            };
            sum("events_total", "outcome=\"delivered\"") == 40.0
                && sum("audit_rounds_total", "outcome=\"failed\"") >= 2.0
        })
        .await;
    program.terminate().await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
    assert_eq!(state(&file)["audited_through"], *since);
    let words = "the audit failed, and is repeated in 1s; the delivery goes on: ";
    assert!(ended.stderr.contains(words), "{ended:?}");
}

#[tokio::test]
async fn receiver_is_audited_with_the_settings_of_okta_and_names_them_if_they_are_missing() {
    let harness = Harness::new().await;
    let events = harness.backlog(30);
    let stored = events.iter().skip(3);
    let stored = stored.map(|event| (EventId::new(&event.uuid), published(event)));
    harness
        .ingress
        .store_events("okta", "log stream", stored.collect::<Vec<_>>());
    let mut variables = variables(&harness);
    variables.remove("CORALOGIX_SUBSYSTEM");
    variables.insert("EVENTBRIDGE_API_KEY", "access-key-of-the-connection".into());
    variables.insert("LISTEN", "127.0.0.1:0".into());
    let state = harness.folder.path().join("okta-coralogix.audit.json");
    write_state(&state, &harness, &hour_ago());
    let flags = [&ROUNDS[..], &["--bare-event"]].concat();
    let folder = harness.folder.path();
    let child = start_program("eventbridge_http", folder, &variables, &flags);
    audited(&state).await;
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let words =
        "30 events in Okta, against application \"okta\": 3 missing, 0 doubled, 0 foreign: ";
    assert!(
        ended.stderr.replace("\\\"", "\"").contains(words)
            && ended.stderr.contains(&*events[0].uuid),
        "{ended:?}"
    );
    for name in ["OKTA_ORG_URL", "OKTA_API_TOKEN", "CORALOGIX_QUERY_KEY"] {
        variables.remove(name);
    }
    for program in ["eventbridge_http", "eventbridge_sqs"] {
        let child = start_program(program, folder, &variables, &ROUNDS);
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for name in [
            "OKTA_ORG_URL: is not set",
            "OKTA_API_TOKEN: is not set",
            "CORALOGIX_QUERY_KEY: is not set",
        ] {
            assert!(ended.stderr.contains(name), "{name}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn flags_of_an_audit_that_have_no_effect_are_refused() {
    let harness = Harness::new().await;
    let variables = variables(&harness);
    let run = async |flags: &[&str]| {
        let child = start_program("pull", harness.folder.path(), &variables, flags);
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.stderr
    };
    let once = run(&["--audit-every", "1h", "--once"]).await;
    assert!(
        once.contains(
            "--audit-every: goes on beside a delivery that goes on: leave it out with --once"
        ),
        "{once}"
    );
    let alone = run(&["--audit-delay", "1h"]).await;
    assert!(
        alone.contains("--audit-delay: has no effect without --audit-every"),
        "{alone}"
    );
}

#[tokio::test]
async fn check_of_a_program_asks_the_queries_of_its_audit() {
    let harness = Harness::new().await;
    let mut variables = variables(&harness);
    let flags = ["--check", "--audit-every", "1h"];
    let folder = harness.folder.path();
    let ended = Exit::of(start_program("pull", folder, &variables, &flags)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("audit: ok: http://127.0.0.1"),
        "{ended:?}"
    );
    variables.insert("CORALOGIX_QUERY_KEY", "another-key".into());
    let ended = Exit::of(start_program("pull", folder, &variables, &flags)).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("CORALOGIX_QUERY_KEY"), "{ended:?}");
}
