//! `audit --config`: the orgs of the file of `pull --config`, one after the other.

use std::collections::HashMap;
use std::sync::Arc;

use coralogix_sink::query::EventId;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterTarget, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::testing::GeneratedEvent;
use okta_coralogix_core::{Clock, Origin, SystemClock};
use okta_source::simulator::{OktaServer, OktaSimulator};
use serde_json::Value;

use super::{RANGE, events, json, published, store};
use crate::harness::{Exit, Harness, KEY, TOKEN, start_program};

/// `acme`, the org of the harness, and `beta`, with the same events. Coralogix has all of `acme`.
struct Orgs {
    harness: Harness,
    events: Vec<GeneratedEvent>,
    beta: OktaServer,
}

impl Orgs {
    async fn new() -> Self {
        let harness = Harness::new().await;
        let events = events(&harness);
        store(&harness, &events);
        let beta = OktaSimulator::builder()
            .token(TOKEN)
            .rate_limit(100_000)
            .build();
        for event in &events {
            beta.append_at(published(event), [event.json.clone()]);
        }
        let server = beta.serve().await.unwrap();
        let orgs = Self {
            harness,
            events,
            beta: server,
        };
        let query_key = orgs.harness.ingress.query_key();
        for (name, secret) in [
            ("okta", TOKEN),
            ("coralogix", KEY),
            ("query", query_key.expose()),
        ] {
            std::fs::write(orgs.harness.folder.path().join(name), secret).unwrap();
        }
        orgs.write("query_key = { file = \"query\" }", "");
        orgs
    }

    /// The file, with this line in the table of the destination, and one in that of `beta`.
    fn write(&self, query_key: &str, beta: &str) {
        let (acme, other) = (self.harness.org_server.base_url(), self.beta.base_url());
        let ingress = self.harness.ingress_server.base_url();
        let text = format!(
            r#"[coralogix]
endpoint = "{ingress}"
query_endpoint = "{ingress}"
api_key = {{ file = "coralogix" }}
{query_key}

[[integration]]
name = "acme"
org_url = "{acme}"
subsystem = "acme"
api_token = {{ file = "okta" }}

[[integration]]
name = "beta"
org_url = "{other}"
subsystem = "beta"
api_token = {{ file = "okta" }}
{beta}
"#
        );
        std::fs::write(self.harness.folder.path().join("orgs.toml"), text).unwrap();
    }

    /// `beta` has all but those of `is_lost`.
    fn store_beta(&self, is_lost: impl Fn(usize) -> bool) {
        let events = self.events.iter().enumerate();
        let stored = events
            .filter(|(number, _)| !is_lost(*number))
            .map(|(_, event)| (EventId::new(&event.uuid), published(event)));
        self.harness.ingress.store_events("okta", "beta", stored);
    }

    async fn audit(&self, flags: &[&str]) -> Exit {
        let flags = [&RANGE[..], &["--config", "orgs.toml"], flags].concat();
        let folder = self.harness.folder.path();
        let ended = Exit::of(start_program("audit", folder, &HashMap::new(), &flags)).await;
        let key = self.harness.ingress.query_key();
        for secret in [TOKEN, KEY, key.expose()] {
            assert!(!format!("{ended:?}").contains(secret), "{ended:?}");
        }
        ended
    }
}

#[tokio::test]
async fn audit_of_one_integration_reads_all_from_the_file() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|number| number == 7);
    let ended = orgs.audit(&["--integration", "acme", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = json(&ended);
    assert_eq!(
        (&report["integration"], &report["verdict"]),
        (&"acme".into(), &"complete".into())
    );
    assert_eq!(report["totals"]["in_okta"], 360);
    let ended = orgs.audit(&["--integration", "beta"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.starts_with("integration \"beta\": http"));
    assert!(ended.stdout.contains(&*orgs.events[7].uuid), "{ended:?}");
    // Event types are those of the file.
    let kind: Value = serde_json::from_slice(&orgs.events[7].json).unwrap();
    let skipped = format!("skip_event_types = [{}]", kind["eventType"]);
    orgs.write("query_key = { file = \"query\" }", &skipped);
    let ended = orgs.audit(&["--integration", "beta", "--json"]).await;
    let missing = json(&ended)["missing"].clone();
    assert_eq!(missing, Value::Array(vec![]), "{ended:?}");
}

#[tokio::test]
async fn audit_of_all_integrations_ends_with_the_worst_code() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|_| false);
    let reports = |ended: &Exit| -> Vec<(Value, Value)> {
        let lines = ended.stdout.lines();
        let reports = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        reports
            .map(|report| (report["integration"].clone(), report["verdict"].clone()))
            .collect()
    };
    let pairs = |beta: &str| {
        [("acme", "complete"), ("beta", beta)].map(|(name, verdict)| (name.into(), verdict.into()))
    };
    let ended = orgs.audit(&["--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(reports(&ended), pairs("complete"));

    let orgs = Orgs::new().await;
    orgs.store_beta(|number| (60..120).contains(&number));
    let ended = orgs.audit(&["--json"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(reports(&ended), pairs("differences"));

    // Not one event of beta is found.
    let orgs = Orgs::new().await;
    let ended = orgs.audit(&["--json"]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(reports(&ended), pairs("nothing_found"));
    let keys = "check the keys `coralogix.application` and `subsystem` of integration \\\"beta\\\"";
    assert!(ended.stdout.contains(keys), "{ended:?}");
    let ended = orgs.audit(&["--check"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in [
        "the check failed for beta:",
        "check the keys `coralogix.application` and `subsystem`",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}

#[tokio::test]
async fn audit_of_a_file_refuses_dead_letters_that_replicas_share() {
    let orgs = Orgs::new().await;
    let ended = orgs.audit(&["--dead-letters", "state"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let refused = "error: --dead-letters: is state, and an audit does not read";
    assert!(ended.stderr.contains(refused), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert!(orgs.harness.ingress.queries().is_empty());
}

/// An org that cannot be audited is named, and the others are audited all the same.
#[tokio::test]
async fn audit_of_an_org_that_fails_leaves_the_others_audited() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|_| false);
    let folder = orgs.harness.folder.path();
    std::fs::write(
        folder.join("other"),
        "00-wrong-token-of-forty-two-characters-ok",
    )
    .unwrap();
    let text = std::fs::read_to_string(folder.join("orgs.toml")).unwrap();
    let wrong = text.replacen("file = \"okta\"", "file = \"other\"", 1);
    std::fs::write(folder.join("orgs.toml"), wrong).unwrap();
    let ended = orgs.audit(&[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let refused = "error: integration \"acme\": ";
    assert!(ended.stderr.contains(refused), "{ended:?}");
    assert!(ended.stdout.contains("integration \"beta\""), "{ended:?}");
    assert!(ended.stdout.contains("complete: every event"), "{ended:?}");
}

/// So does one whose secret cannot be read. Only a refill needs the key that sends.
#[tokio::test]
async fn audit_of_an_org_with_an_unreadable_secret_leaves_the_others_audited() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|_| false);
    let folder = orgs.harness.folder.path();
    std::fs::remove_file(folder.join("coralogix")).unwrap();
    let ended = orgs.audit(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = orgs.audit(&["--refill"]).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    let unreadable = "error: integration \"acme\": coralogix, api_key: the file";
    assert!(ended.stderr.contains(unreadable), "{ended:?}");
    let query_key = "query_key = { file = \"query\" }";
    orgs.write(query_key, "coralogix = { query_key = { file = \"gone\" } }");
    let of_query = std::fs::read_to_string(folder.join("orgs.toml")).unwrap();
    orgs.write(query_key, "");
    let text = std::fs::read_to_string(folder.join("orgs.toml")).unwrap();
    let (acme, beta) = text.split_once("name = \"beta\"").unwrap();
    let beta = beta.replace("file = \"okta\"", "file = \"gone\"");
    let of_okta = format!("{acme}name = \"beta\"{beta}");
    for (text, key) in [(of_query, "coralogix, query_key"), (of_okta, "api_token")] {
        std::fs::write(folder.join("orgs.toml"), text).unwrap();
        let ended = orgs.audit(&[]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stdout.contains("integration \"acme\""), "{ended:?}");
        let unreadable = format!("error: integration \"beta\": {key}: the file");
        assert!(ended.stderr.contains(&unreadable), "{ended:?}");
        let ended = orgs.audit(&["--check"]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for words in ["the check failed for beta:", "has 360 logs"] {
            assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn refill_of_the_file_has_a_ledger_for_each_integration() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|number| [100, 200, 300].contains(&number));
    let ended = orgs.audit(&["--refill", "--json"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let beta: Value = serde_json::from_str(ended.stdout.lines().nth(1).unwrap()).unwrap();
    assert_eq!(beta["refill"]["accepted"], 3, "{beta}");
    let sent = orgs.harness.ingress.ledger();
    let sent: Vec<_> = sent
        .entries()
        .iter()
        .map(|entry| entry.subsystem.clone())
        .collect();
    assert_eq!(sent, ["beta"; 3]);
    let ledger = orgs
        .harness
        .folder
        .path()
        .join("beta.checkpoint.refills.ndjson");
    assert!(
        std::fs::read_to_string(ledger)
            .unwrap()
            .contains(&*orgs.events[200].uuid)
    );
    // One ledger for two orgs would let each hide what the other has sent.
    let ended = orgs
        .audit(&["--refill", "--refill-ledger", "one.ndjson"])
        .await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in [
        "--refill-ledger: is the file of one integration",
        "--integration",
    ] {
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}

/// `replay --config` sends a letter to the integration that it names.
#[tokio::test]
async fn letter_of_a_refill_names_the_integration_of_the_file() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|number| number == 100);
    let uuid = orgs.events[100].uuid.to_string();
    orgs.harness
        .ingress
        .poison(move |text| text.contains(&uuid));
    let ended = orgs
        .audit(&["--integration", "beta", "--refill", "--json"])
        .await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(json(&ended)["refill"]["dead_lettered"], 1, "{ended:?}");
    let letters = std::fs::read_to_string(orgs.harness.dead_letters()).unwrap();
    let letter: Value = serde_json::from_str(&letters).unwrap();
    assert_eq!(letter["target"]["integration"], "beta", "{letter}");
}

/// One that names another integration is sent to that one; one that names none, or has the name of all refills before, may be its own.
#[tokio::test]
async fn letters_of_another_integration_hide_no_loss() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|number| [100, 200, 300].contains(&number));
    let letters = FileDeadLetters::open(orgs.harness.dead_letters()).await;
    let letters = letters.unwrap();
    let names = [(100, Some("acme")), (200, Some("refill")), (300, None)];
    let written = names.map(|(event, name)| {
        let mut letter = DeadLetter::new(
            SystemClock.now(),
            DeadLetterReason::Rejected,
            "",
            Arc::new(Origin::org("beta")),
            orgs.events[event].json.clone(),
        );
        letter.target = name.map(DeadLetterTarget::integration);
        letter
    });
    letters.write(&written).await.unwrap();
    drop(letters);
    let flags = ["--integration", "beta", "--refill", "--json"];
    let ended = orgs.audit(&flags).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let refill = &json(&ended)["refill"];
    assert_eq!(refill["accepted"], 1, "{ended:?}");
    assert_eq!(refill["in_dead_letters"], 2, "{ended:?}");
    let sent = orgs.harness.ingress.ledger();
    let counts = sent.count_by_id();
    assert!(counts.contains_key(&*orgs.events[100].uuid), "{counts:?}");
}

#[tokio::test]
async fn mistakes_in_an_audit_of_the_file_are_named() {
    let orgs = Orgs::new().await;
    let check = async |flags: &[&str], words: &[&str]| {
        let ended = orgs.audit(flags).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
        for words in words {
            assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        }
    };
    check(
        &["--integration", "acne"],
        &["--integration: \"acne\" is not in the file of --config: acme, beta"],
    )
    .await;
    check(
        &["--q", "x"],
        &["--q: belongs into the file of --config, as the key `q`"],
    )
    .await;
    let checkpoint = "--refill-ledger: needs the file ";
    check(
        &[
            "--integration",
            "beta",
            "--refill",
            "--refill-ledger",
            "acme.checkpoint",
        ],
        &[checkpoint, "integration \"acme\": checkpoint"],
    )
    .await;
    orgs.write("", "coralogix = { query_key = { file = \"query\" } }");
    check(
        &[],
        &[
            "integration \"acme\": coralogix, query_key: is missing, and an audit needs it",
            "DataQuerying",
        ],
    )
    .await;
    // The other one has a key.
    orgs.store_beta(|_| false);
    let ended = orgs.audit(&["--integration", "beta"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let flags = [&RANGE[..], &["--integration", "acme"]].concat();
    let folder = orgs.harness.folder.path();
    let ended = Exit::of(start_program("audit", folder, &HashMap::new(), &flags)).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("which is not given; add it"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn check_of_the_file_asks_both_ends_of_each_org() {
    let orgs = Orgs::new().await;
    orgs.store_beta(|_| false);
    let ended = orgs.audit(&["--check"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in [
        "has 360 logs of application \"okta\" and subsystem \"beta\"",
        "acme",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}
