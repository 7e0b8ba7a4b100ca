//! The `replay` program as a process.

use std::process::Output;
use std::sync::Arc;

use bytes::Bytes;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetterSource, DeadLetterTarget,
    DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::{Clock, Origin, SystemClock};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::harness::{Harness, KEY, binary, fresh, start_program, terminate};
use crate::stops::refused;

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
    Command::new(binary("replay"))
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
            "--too-old: is \"burn\"; write drop, dead-letter or restamp",
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
    let output = Command::new(binary("replay"))
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

/// Six letters of two integrations, in turns.
pub(crate) async fn letters_of_two(harness: &Harness) -> Vec<Bytes> {
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let origin = Arc::new(Origin::org("acme"));
    let events: Vec<_> = fresh(6).into_iter().map(|event| event.json).collect();
    let written = events.iter().enumerate().map(|(n, event)| {
        let (now, reason) = (SystemClock.now(), DeadLetterReason::Rejected);
        let mut letter = DeadLetter::new(now, reason, "", Arc::clone(&origin), event.clone());
        letter.target = Some(DeadLetterTarget::integration(["one", "two"][n % 2]));
        letter
    });
    letters.write(&written.collect::<Vec<_>>()).await.unwrap();
    events
}

/// How many letters name each integration, in the file and in those that were rotated away from it.
async fn integrations(harness: &Harness) -> Vec<(Option<String>, u64)> {
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let source = DeadLetterSource::open(&letters).await.unwrap();
    source.integrations().await.unwrap().into_iter().collect()
}

#[tokio::test]
async fn letter_without_an_integration_comes_back_without_one() {
    let harness = Harness::new().await;
    harness.ingress.poison(|_| true);
    dead_letter(&harness, &[fresh(1).pop().unwrap().json]).await;
    let output = run(&harness, KEY, &[]).await;
    assert_eq!(summary(&output)["dead_lettered"], 1, "{output:?}");
    assert_eq!(integrations(&harness).await, [(None, 1)]);
    // One of an integration is beside it from now on.
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let (now, reason) = (SystemClock.now(), DeadLetterReason::Rejected);
    let event = fresh(2).pop().unwrap().json;
    let mut letter = DeadLetter::new(now, reason, "", Origin::org("acme").into(), event);
    letter.target = Some(DeadLetterTarget::integration("one"));
    letters.write(&[letter]).await.unwrap();
    let output = run(&harness, KEY, &[]).await;
    assert_eq!(summary(&output)["dead_lettered"], 2, "{output:?}");
    let left = [(None, 1), (Some("one".to_owned()), 1)];
    assert_eq!(integrations(&harness).await, left);
    harness.ingress.poison(|_| false);
    let output = run(&harness, KEY, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(summary(&output)["delivered"], 2);
}

#[tokio::test]
async fn letter_that_is_sent_as_one_of_an_integration_comes_back_without_one() {
    let harness = Harness::new().await;
    harness.ingress.poison(|_| true);
    config_of_two(&harness, &harness.ingress_server.base_url());
    dead_letter(&harness, &[fresh(1).pop().unwrap().json]).await;
    let child = with_config(&harness, &["--integration", "one"]);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(summary(&output)["dead_lettered"], 1, "{output:?}");
    assert_eq!(integrations(&harness).await, [(None, 1)]);
}

/// The file of `--config`: integration `one` has the place of the harness, `two` that at `endpoint`.
fn config_of_two(harness: &Harness, endpoint: &str) {
    let integration = |name: &str, endpoint: &str, key: &str| {
        format!(
            "[[integration]]\nname = \"{name}\"\nsubsystem = \"{name}-subsystem\"\norg_url = \"http://127.0.0.1:9\"\n\
             api_token = {{ env = \"TOKEN\" }}\ncoralogix = {{ endpoint = \"{endpoint}\", api_key = {{ env = \"{key}\" }} }}\n"
        )
    };
    let config = integration("one", &harness.ingress_server.base_url(), "ONE_KEY")
        + &integration("two", endpoint, "TWO_KEY");
    std::fs::write(harness.folder.path().join("orgs.toml"), config).unwrap();
}

fn with_config(harness: &Harness, flags: &[&str]) -> Child {
    let variables = [
        ("TOKEN", "00token".to_owned()),
        ("ONE_KEY", KEY.to_owned()),
        ("TWO_KEY", "another-key".to_owned()),
    ];
    let flags = [&["--config", "orgs.toml"], flags].concat();
    start_program("replay", harness.folder.path(), &variables.into(), &flags)
}

#[tokio::test]
async fn replay_that_cannot_open_the_letters_again_fails_with_its_summary() {
    let harness = Harness::new().await;
    letters_of_two(&harness).await;
    // The lock of the next part cannot be opened once the first part sends.
    let mut lock = harness.dead_letters().into_os_string();
    lock.push(".replay.lock");
    harness.ingress.poison(move |_| {
        if std::fs::remove_file(&lock).is_ok() {
            std::fs::create_dir(&lock).unwrap();
        }
        false
    });
    config_of_two(&harness, &harness.ingress_server.base_url());
    let output = with_config(&harness, &[]).wait_with_output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(summary(&output)["delivered"], 3, "{stderr}");
    for word in ["not all sent: two", "--dead-letters", ".replay.lock"] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
}

#[tokio::test]
async fn stopped_replay_names_the_integrations_that_it_has_not_begun() {
    let harness = Harness::new().await;
    letters_of_two(&harness).await;
    harness.ingress.fail_always(Some(Fault::status(503)));
    config_of_two(&harness, &harness.ingress_server.base_url());
    let mut child = with_config(&harness, &["--drain-timeout", "1s"]);
    let log = refused(&mut child).await;
    terminate(&child).await;
    let output = child.wait_with_output().await.unwrap();
    let log = log.await.unwrap();
    assert_eq!(output.status.code(), Some(4), "{log}");
    assert_eq!(summary(&output)["handed_back"], 3, "{log}");
    assert!(
        log.contains("before 3 letters were begun, which stay in the file (two: 3)"),
        "{log}"
    );
}

#[tokio::test]
async fn replay_with_a_config_file_sends_each_letter_to_its_integration() {
    let harness = Harness::new().await;
    let other = CoralogixSimulator::builder().key("another-key").build();
    let other_server = other.serve().await.unwrap();
    config_of_two(&harness, &other_server.base_url());
    letters_of_two(&harness).await;
    // An older one, which names no integration.
    dead_letter(&harness, &[fresh(7).pop().unwrap().json]).await;
    let run = async |flags: &[&str]| {
        let child = with_config(&harness, flags);
        child.wait_with_output().await.unwrap()
    };
    let output = run(&[]).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(summary(&output)["delivered"], 6, "{stderr}");
    for (ingress, subsystem) in [
        (&harness.ingress, "one-subsystem"),
        (&other, "two-subsystem"),
    ] {
        let entries = ingress.ledger().entries().to_vec();
        assert_eq!(entries.len(), 3);
        assert!(entries.iter().all(|entry| entry.subsystem == subsystem));
    }
    assert_eq!(
        output.status.code(),
        Some(1),
        "one letter is left: {stderr}"
    );
    assert!(stderr.contains("1 letters stay in the file"), "{stderr}");
    assert!(stderr.contains("--integration"), "{stderr}");
    let output = run(&["--integration", "two"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(summary(&output)["delivered"], 1);
    assert_eq!(other.ledger().entries().len(), 4);
}

#[tokio::test]
async fn replay_to_one_place_refuses_letters_of_several_integrations() {
    let harness = Harness::new().await;
    letters_of_two(&harness).await;
    let output = run(&harness, KEY, &[]).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for word in [
        "--dead-letters",
        "one: 3, two: 3",
        "--config",
        "--integration",
    ] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
    assert!(harness.ingress.ledger().entries().is_empty());
    assert!(harness.dead_letters().exists(), "it was not rotated away");
    let output = run(&harness, KEY, &["--integration", "one"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(summary(&output)["delivered"], 3);
    // Those of the other one are alone now.
    let output = run(&harness, KEY, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(summary(&output)["delivered"], 3);
}

#[tokio::test]
async fn replay_to_one_place_keeps_the_names_of_each_letter() {
    let harness = Harness::new().await;
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let (now, reason) = (SystemClock.now(), DeadLetterReason::Rejected);
    let origin = Arc::new(Origin::org("acme"));
    let event = fresh(1).pop().unwrap().json;
    let mut letter = DeadLetter::new(now, reason, "", origin, event);
    let mut target = DeadLetterTarget::integration("acme");
    target.application = Some("okta-production".into());
    target.subsystem = Some("audit".into());
    letter.target = Some(target);
    letters.write(&[letter]).await.unwrap();
    let output = run(&harness, KEY, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let ledger = harness.ingress.ledger();
    let entry = &ledger.entries()[0];
    assert_eq!(
        (&*entry.application, &*entry.subsystem),
        ("okta-production", "audit")
    );
}
