//! The settings of which events are sent and what of them: the same in every program.

use std::collections::HashMap;

use bytes::Bytes;
use chrono::SecondsFormat;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::{Clock, Origin, SystemClock};
use serde_json::{Value, json};

use super::eventbridge_http::harness::{Harness as Receiver, envelope};
use super::harness::{Exit, Harness, KEY, start, start_program, terminate};

/// An event that has all that is redacted, and is longer than 2 KB.
fn event(uuid: &str, event_type: &str) -> Bytes {
    let now = SystemClock
        .now()
        .to_rfc3339_opts(SecondsFormat::Millis, true);
    let event = json!({
        "uuid": uuid,
        "published": now,
        "eventType": event_type,
        "severity": "INFO",
        "actor": {"id": "00u1", "alternateId": "ann@example.com"},
        "client": {"ipAddress": "192.0.2.7"},
        "debugContext": {"debugData": {"padding": "x".repeat(2000)}},
    });
    event.to_string().into()
}

fn events() -> [Bytes; 3] {
    [
        event("one", "user.session.start"),
        event("two", "user.session.end"),
        event("three", "system.cron"),
    ]
}

const FLAGS: [&str; 10] = [
    "--event-types",
    "user.*",
    "--skip-event-types",
    "user.session.end",
    "--drop-fields",
    "$.client.ipAddress,$.actor.id",
    "--hash-fields",
    "$.actor.alternateId",
    "--max-entry-bytes",
    "2KB",
];

/// The variables of these flags.
fn as_variables(flags: &[&'static str]) -> Vec<(String, String)> {
    let pairs = flags.chunks(2).map(|pair| {
        let name = pair[0].trim_start_matches('-').replace('-', "_");
        let name = format!("OKTA_CORALOGIX_{}", name.to_uppercase());
        (name, pair[1].to_owned())
    });
    pairs.collect()
}

const SALT: (&str, &str) = ("OKTA_CORALOGIX_HASH_SALT", "a long random text");

/// SHA-256 over the salt and the address, of another program.
const DIGEST: &str = "sha256:47dd210c397744e6d512fd37f55c13e320e8e23f9ed891a6dd3563ee4498eaf6";

/// One entry arrived: of the first event, redacted and shortened.
fn assert_redacted(ingress: &CoralogixSimulator, in_envelope: bool) {
    let ledger = ingress.ledger();
    let [entry] = ledger.entries() else {
        panic!("{:?}", ledger.entries());
    };
    let text: Value = serde_json::from_str(&entry.text).unwrap();
    let event = match in_envelope {
        true => &text["detail"],
        false => &text,
    };
    assert_eq!(event["uuid"], "one");
    assert_eq!(event["client"], json!({}));
    assert_eq!(event["actor"].as_object().unwrap().len(), 1, "{event}");
    assert_eq!(event["actor"]["alternateId"], DIGEST);
    assert_eq!(event["debugContext"], json!({"debugData": null}), "{text}");
}

#[tokio::test]
async fn pull_sends_the_wanted_events_redacted_and_bounded() {
    let harness = Harness::new().await;
    harness.append(events());
    let mut variables = harness.variables();
    variables.insert(SALT.0, SALT.1.into());
    let flags = [&["--once"], &FLAGS[..]].concat();
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["delivered"], counts["filtered"]), (1, 2));
    assert_redacted(&harness.ingress, false);
}

#[tokio::test]
async fn integration_sends_the_wanted_events_redacted_and_bounded() {
    let harness = Harness::new().await;
    harness.append(events());
    std::fs::write(harness.folder.path().join("salt"), SALT.1).unwrap();
    let text = format!(
        "event_types = [\"user.*\"]\nmax_entry_bytes = 1000000\n\
         [coralogix]\nendpoint = \"{}\"\napi_key = {{ env = \"KEY\" }}\n\
         [[integration]]\nname = \"acme\"\nsubsystem = \"acme\"\norg_url = \"{}\"\napi_token = {{ env = \"TOKEN\" }}\n\
         skip_event_types = [\"user.session.end\"]\ndrop_fields = [\"$.client.ipAddress\", \"$.actor.id\"]\n\
         hash_fields = [\"$.actor.alternateId\"]\nhash_salt = {{ file = \"salt\" }}\nmax_entry_bytes = \"2KB\"\n",
        harness.ingress_server.base_url(),
        harness.org_server.base_url()
    );
    std::fs::write(harness.folder.path().join("orgs.toml"), text).unwrap();
    let token = harness.variables()["OKTA_API_TOKEN"].clone();
    let variables = HashMap::from([("KEY", KEY.to_owned()), ("TOKEN", token)]);
    let flags = ["--config", "orgs.toml", "--once"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["delivered"], counts["filtered"]), (1, 2));
    assert_redacted(&harness.ingress, false);
}

#[tokio::test]
async fn receiver_sends_the_wanted_events_redacted_and_bounded() {
    let harness = Receiver::new().await;
    let mut variables = harness.variables();
    let set = as_variables(&FLAGS);
    variables.insert(SALT.0, SALT.1.into());
    for (name, value) in &set {
        variables.insert(name.clone().leak(), value.clone());
    }
    let endpoint = harness.listen(&variables, &[]).await;
    let destination = endpoint.destination().build();
    for event in events() {
        destination.invoke(envelope(&event)).await.unwrap();
    }
    terminate(&endpoint.child).await;
    let ended = endpoint.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["delivered"], counts["filtered"]), (1, 2));
    assert_redacted(&harness.ingress, true);
}

#[tokio::test]
async fn replay_redacts_the_letters_that_it_sends() {
    let harness = Harness::new().await;
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let origin = std::sync::Arc::new(Origin::org("acme"));
    let event = event("one", "user.session.start");
    let reason = DeadLetterReason::Rejected;
    let letter = DeadLetter::new(SystemClock.now(), reason, "", origin, event);
    letters.write(&[letter]).await.unwrap();
    let mut variables = harness.variables();
    variables.insert(SALT.0, SALT.1.into());
    let folder = harness.folder.path();
    let ended = Exit::of(start_program("replay", folder, &variables, &FLAGS[4..])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_redacted(&harness.ingress, false);
}

#[tokio::test]
async fn query_flags_are_sent_to_okta_and_a_changed_one_needs_its_flag() {
    let harness = Harness::new().await;
    harness.append(events());
    let first = harness
        .run(&[
            "--once",
            "--filter",
            "eventType sw \"user.\"",
            "--q",
            "ann@example.com",
        ])
        .await;
    assert_eq!(first.summary()["delivered"], 2, "{first:?}");
    let refused = harness.run(&["--once", "--q", "ann@example.com"]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("restart_on_changed_query"),
        "{refused:?}"
    );
    let restart = [
        "--once",
        "--q",
        "ann@example.com",
        "--restart-on-changed-query",
    ];
    let restarted = harness.run(&restart).await;
    assert_eq!(restarted.code, Some(0), "{restarted:?}");
    assert!(restarted.summary()["delivered"] <= 1, "{restarted:?}");
}
