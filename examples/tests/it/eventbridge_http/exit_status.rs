//! Exit codes, and the files and entries that the program leaves behind.

use std::collections::HashMap;

use coralogix_sink::simulator::Fault;

use super::harness::{Harness, envelope};
use crate::harness::{Exit, KEY, fresh, start_program, terminate};

#[tokio::test]
async fn events_are_sent_and_a_signal_exits_with_0() {
    let harness = Harness::new().await;
    let program = harness.listen(&harness.variables(), &[]).await;
    let events = fresh(500);
    let envelopes = events.iter().map(|event| envelope(&event.json));
    let odd = [
        &br#"{"no":"published"}"#[..],
        br#"{"published":"2020-01-01T00:00:00Z"}"#,
        b"{}]",
    ];
    let destination = program.destination().build();
    let report = destination
        .invoke_all(envelopes.chain(odd.map(envelope)))
        .await;
    assert_eq!(
        (report.invoked.len(), report.undelivered.len()),
        (502, 1),
        "the last one is no JSON"
    );
    terminate(&program.child).await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["received"], counts["delivered"]), (503, 500));
    assert_eq!((counts["dead_lettered"], counts["too_old"]), (2, 1));
    harness.assert_all_once(&events);
    for entry in harness.ingress.ledger().entries() {
        assert_eq!(
            (&*entry.subsystem, entry.computer.as_deref()),
            ("audit", Some("acme"))
        );
    }
    assert_eq!(harness.dead_letters().lines().count(), 2);
}

#[tokio::test]
async fn refused_key_exits_with_1_before_an_event_is_accepted() {
    for status in [401, 403] {
        let harness = Harness::new().await;
        harness.ingress.fail_always(Some(Fault::status(status)));
        let ended = Exit::of(harness.start(&harness.variables(), &[])).await;
        assert_eq!(
            (ended.code, ended.summary()["received"]),
            (Some(1), 0),
            "{ended:?}"
        );
        assert!(ended.stderr.contains("key"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn key_refused_later_exits_with_1_and_leaves_events_to_the_caller() {
    let harness = Harness::new().await;
    let flags = ["--refusal-wait", "1s"];
    let program = harness.listen(&harness.variables(), &flags).await;
    harness.ingress.fail_always(Some(Fault::status(403)));
    let events = fresh(50);
    let envelopes: Vec<_> = events.iter().map(|event| envelope(&event.json)).collect();
    let refused = program.destination().max_retry_attempts(0).build();
    let report = refused.invoke_all(envelopes.clone()).await;
    assert_eq!(report.undelivered.len(), 50);
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.summary()["handed_back"], ended.summary()["received"]);

    harness.ingress.fail_always(None);
    let program = harness.listen(&harness.variables(), &[]).await;
    let again = program.destination().build().invoke_all(envelopes).await;
    assert_eq!(again.invoked.len(), 50);
    harness.assert_all_once(&events);
    terminate(&program.child).await;
    assert_eq!(program.ended().await.code, Some(0));
}

#[tokio::test]
async fn two_processes_share_a_file_of_dead_letters() {
    let harness = Harness::new().await;
    let (first, second) = (
        harness.listen(&harness.variables(), &[]).await,
        harness.listen(&harness.variables(), &[]).await,
    );
    let bad = |name: &str| {
        (0..100)
            .map(|n| envelope(format!(r#"{{"{name}":{n}}}"#).as_bytes()))
            .collect::<Vec<_>>()
    };
    let (to_first, to_second) = (first.destination().build(), second.destination().build());
    let (one, other) = tokio::join!(
        to_first.invoke_all(bad("a")),
        to_second.invoke_all(bad("b"))
    );
    assert_eq!((one.invoked.len(), other.invoked.len()), (100, 100));
    let letters = harness.dead_letters();
    let whole = letters
        .lines()
        .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    assert_eq!(whole.count(), 200);
}

#[tokio::test]
async fn demonstration_ends_and_its_summary_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Exit::of(start_program(
        "eventbridge_http",
        folder.path(),
        &HashMap::new(),
        &[],
    ))
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["delivered"], counts["dead_lettered"]), (2400, 5));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "it leaves nothing behind"
    );
}

#[tokio::test]
async fn wrong_setting_exits_with_2_and_is_named() {
    let cases: [(&str, &str, &str); 9] = [
        ("EVENTBRIDGE_API_KEY", "", "EVENTBRIDGE_API_KEY: is not set"),
        ("EVENTBRIDGE_API_KEY", " ", "EVENTBRIDGE_API_KEY: is empty"),
        (
            "EVENTBRIDGE_BASIC",
            "user",
            "EVENTBRIDGE_BASIC: has no colon",
        ),
        ("LISTEN", "nowhere", "LISTEN: "),
        ("CORALOGIX_API_KEY", "", "CORALOGIX_API_KEY"),
        ("OKTA_CORALOGIX_PATH", "aws", "OKTA_CORALOGIX_PATH: "),
        (
            "OKTA_CORALOGIX_API_KEY_HEADER",
            "no header",
            "OKTA_CORALOGIX_API_KEY_HEADER: ",
        ),
        (
            "OKTA_CORALOGIX_BARE_EVENT",
            "maybe",
            "OKTA_CORALOGIX_BARE_EVENT",
        ),
        (
            "OKTA_CORALOGIX_DEAD_LETTERS",
            "/nowhere/at/all",
            "--dead-letters: ",
        ),
    ];
    let harness = Harness::new().await;
    for (name, value, says) in cases {
        let mut variables = harness.variables();
        match value {
            "" => variables.remove(name),
            value => variables.insert(name, value.into()),
        };
        let ended = Exit::of(harness.start(&variables, &[])).await;
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(2), ""),
            "{name}: {ended:?}"
        );
        assert!(ended.stderr.contains(says), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains(KEY));
    }
}
