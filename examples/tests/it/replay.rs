//! The `replay` program as a process.

use std::process::Output;
use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::{Clock, Origin, SystemClock};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{Harness, KEY, example, fresh};

async fn dead_letter(harness: &Harness, events: &[Bytes]) {
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let origin = Arc::new(Origin::org("acme"));
    let letter = |event: &Bytes| {
        let now = SystemClock.now();
        DeadLetter::new(
            now,
            DeadLetterReason::Rejected,
            "",
            Arc::clone(&origin),
            event.clone(),
        )
    };
    letters
        .write(&events.iter().map(letter).collect::<Vec<_>>())
        .await
        .unwrap();
}

async fn run(harness: &Harness, key: &str, arguments: &[&str]) -> Output {
    Command::new(example("replay"))
        .env_clear()
        .env("CORALOGIX_ENDPOINT", harness.ingress_server.base_url())
        .env("CORALOGIX_API_KEY", key)
        .current_dir(harness.folder.path())
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

fn summary(output: &Output) -> Value {
    let stdout = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

fn envelope(event: &Bytes) -> Bytes {
    let event = std::str::from_utf8(event).unwrap();
    format!("{{\"detail-type\":\"SystemLog\",\"source\":\"aws.partner/okta.com/acme/audit\",\"detail\":{event}}}").into()
}

#[tokio::test]
async fn replay_sends_events_and_envelopes_and_keeps_refused_ones() {
    let harness = Harness::new().await;
    let mut events: Vec<_> = fresh(1_200).into_iter().map(|event| event.json).collect();
    for event in &mut events[..100] {
        *event = envelope(event);
    }
    let poison = String::from_utf8(events[777].to_vec()).unwrap();
    let bad = poison.clone();
    harness.ingress.poison(move |text| text == bad);
    dead_letter(&harness, &events).await;
    let output = run(&harness, KEY, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let counts = summary(&output);
    assert_eq!(
        (&counts["delivered"], &counts["dead_lettered"]),
        (&json!(1199), &json!(1))
    );
    let ledger = harness.ingress.ledger();
    assert_eq!((ledger.entries().len(), ledger.repeats()), (1199, 0));
    let left = std::fs::read_to_string(harness.dead_letters()).unwrap();
    let record: DeadLetterRecord = serde_json::from_str(&left).unwrap();
    assert_eq!(
        (&*record.reason, &record.bytes[..]),
        ("rejected", poison.as_bytes())
    );
    assert!(record.detail.contains("poison"), "{}", record.detail);
}

#[tokio::test]
async fn refused_key_keeps_every_letter() {
    let harness = Harness::new().await;
    let events: Vec<_> = fresh(700).into_iter().map(|event| event.json).collect();
    dead_letter(&harness, &events).await;
    let output = run(&harness, "another-key", &[]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(summary(&output)["delivered"], 0);
    // Only a rotated file exists now: the name of the original is enough.
    let output = run(&harness, KEY, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(summary(&output)["delivered"], 700);
    assert_eq!(harness.ingress.ledger().repeats(), 0);
}

#[tokio::test]
async fn wrong_settings_are_named() {
    let harness = Harness::new().await;
    for (arguments, expected) in [
        (
            &["--dead-letters", "nowhere"][..],
            "--dead-letters: nowhere does not exist",
        ),
        (
            &["--too-old", "burn"],
            "--too-old: is \"burn\"; write keep, drop or restamp",
        ),
    ] {
        dead_letter(&harness, &[Bytes::from_static(b"{}")]).await;
        let output = run(&harness, KEY, arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[tokio::test]
async fn demonstration_runs_without_settings() {
    let output = Command::new(example("replay"))
        .env_clear()
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = json!({
        "received": 505, "delivered": 500, "too_old": 0, "duplicate": 1, "filtered": 0, "dead_lettered": 4, "handed_back": 0
    });
    assert_eq!(summary(&output), expected);
}
