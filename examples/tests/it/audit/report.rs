//! What it prints, and how it ends.

use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::{Clock, Origin, SystemClock};

use super::{audit, events, json, store, variables};
use crate::harness::{Exit, Harness, start_program, terminate};

#[tokio::test]
async fn audit_of_what_is_stored_ends_with_0() {
    let harness = Harness::new().await;
    store(&harness, &events(&harness));
    let ended = audit(&harness, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let last = ended.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("complete: every event is stored, once (1 requests to Okta, 2 queries"),
        "{last}"
    );
    let rows = ended
        .stdout
        .lines()
        .filter(|line| line.ends_with('0') && line.starts_with("20"));
    assert_eq!(rows.count(), 9, "an hour each: {}", ended.stdout);
    assert_eq!(
        std::fs::read_dir(harness.folder.path()).unwrap().count(),
        0,
        "it leaves nothing"
    );
}

#[tokio::test]
async fn audit_names_each_difference_and_ends_with_3() {
    let harness = Harness::new().await;
    let events = events(&harness);
    // An hour, a single one, one that is in the dead letters, and one twice.
    let is_lost = |number: usize| (60..120).contains(&number) || [5, 200].contains(&number);
    store(
        &harness,
        events
            .iter()
            .enumerate()
            .filter(|(number, _)| !is_lost(*number))
            .map(|(_, event)| event),
    );
    store(&harness, [&events[300]]);
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let origin = Origin::org("acme").into();
    let letter = DeadLetter::new(
        SystemClock.now(),
        DeadLetterReason::TooOld,
        "",
        origin,
        events[200].json.clone(),
    );
    letters.write(&[letter]).await.unwrap();
    drop(letters);
    let ended = audit(&harness, &["--json"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = json(&ended);
    assert_eq!(report["verdict"], "differences");
    let totals = &report["totals"];
    assert_eq!(
        (
            totals["in_okta"].as_u64(),
            totals["missing"].as_u64(),
            totals["doubled"].as_u64()
        ),
        (Some(360), Some(62), Some(1))
    );
    let missing = report["missing"].as_array().unwrap();
    let causes = |name: &str| {
        missing
            .iter()
            .filter(|event| event["cause"] == name)
            .count()
    };
    assert_eq!(
        (causes("outage"), causes("single"), causes("too_old")),
        (60, 1, 1),
        "{missing:?}"
    );
    let single = missing
        .iter()
        .find(|event| event["cause"] == "single")
        .unwrap();
    assert_eq!(single["uuid"], *events[5].uuid);
    assert!(
        single["event_type"]
            .as_str()
            .is_some_and(|name| name.contains('.'))
    );
    assert!(
        single["published"]
            .as_str()
            .unwrap()
            .parse::<chrono::DateTime<chrono::Utc>>()
            .is_ok()
    );
    assert_eq!(report["doubled"][0]["uuid"], *events[300].uuid);
    let hours = report["hours"].as_array().unwrap();
    assert!(
        hours.iter().any(|hour| hour["missing"] == 60
            && hour["in_okta"] == 60
            && hour["in_coralogix"] == 0)
    );
    let ended = audit(&harness, &[]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for words in [
        "60 missing: an outage: nothing from",
        "1 missing: too old when it came",
        &events[5].uuid,
        "and 42 more",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn event_types_that_pull_leaves_out_are_not_missed() {
    let harness = Harness::new().await;
    let events = events(&harness);
    let is_kept = |json: &[u8]| {
        !String::from_utf8_lossy(json).contains(r#""eventType":"user.session.start""#)
    };
    let kept: Vec<_> = events.iter().filter(|event| is_kept(&event.json)).collect();
    assert!((200..355).contains(&kept.len()), "{}", kept.len());
    store(&harness, kept.iter().copied());
    let ended = audit(
        &harness,
        &["--skip-event-types", "user.session.start", "--json"],
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        json(&ended)["totals"]["left_out"].as_u64(),
        Some((360 - kept.len()) as u64)
    );
    assert_eq!(audit(&harness, &[]).await.code, Some(3));
}

#[tokio::test]
async fn audit_that_finds_nothing_says_what_to_check_and_refills_nothing() {
    let harness = Harness::new().await;
    let events = events(&harness);
    harness.ingress.store_events(
        "okta",
        "another",
        [(
            coralogix_sink::query::EventId::new("x"),
            super::published(&events[9]),
        )],
    );
    let ended = audit(&harness, &["--refill"]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    for words in [
        "the key sees 1 other logs in this range, and none of application \"okta\" and subsystem \"acme\"",
        "not verified: not one of 360 events was found",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(
        ended.stderr.contains("error: --refill: nothing is sent"),
        "{ended:?}"
    );
    harness
        .ingress
        .set_query_account(|account| account.scope = Some("none".into()));
    let ended = audit(&harness, &[]).await;
    assert!(
        ended.stdout.contains("the key sees no log at all"),
        "{ended:?}"
    );
    assert_eq!(harness.ingress.ledger().entries().len(), 0);
}

#[tokio::test]
async fn refill_sends_what_is_missing_and_the_next_audit_ends_with_0() {
    let harness = Harness::new().await;
    let events = events(&harness);
    let lost: Vec<_> = events.iter().skip(100).take(70).cloned().collect();
    store(
        &harness,
        events
            .iter()
            .filter(|event| !lost.iter().any(|lost| lost.uuid == event.uuid)),
    );
    let state = ["--state-dir", "state"];
    let ended = audit(&harness, &[&state[..], &["--refill", "--json"]].concat()).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(json(&ended)["refill"]["accepted"], 70);
    harness.assert_all_once(&lost);
    let ledger = std::fs::read_to_string(
        harness
            .folder
            .path()
            .join("state/okta-coralogix.refills.ndjson"),
    )
    .unwrap();
    assert_eq!(ledger.lines().count(), 140, "an intent and a result each");
    let ended = audit(&harness, &[&state[..], &["--refill"]].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("refill: there was nothing to send"),
        "{ended:?}"
    );
    harness.assert_all_once(&lost);
}

#[tokio::test]
async fn audit_that_is_stopped_or_whose_remotes_fail_is_not_verified() {
    let harness = Harness::new().await;
    store(&harness, &events(&harness));
    harness
        .ingress
        .fail_all_queries(Some(coralogix_sink::simulator::QueryFault::error(
            "out of memory",
        )));
    let ended = audit(&harness, &[]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("Coralogix reports an error: \\\"out of memory\\\"")
            || ended.stdout.contains("out of memory"),
        "{ended:?}"
    );
    let slow = coralogix_sink::simulator::Fault::Silence;
    harness
        .ingress
        .fail_all_queries(Some(coralogix_sink::simulator::QueryFault::Http(slow)));
    let child = start_program(
        "audit",
        harness.folder.path(),
        &variables(&harness),
        &super::RANGE,
    );
    let before = harness.ingress.queries().len();
    while harness.ingress.queries().len() == before {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(5), ""),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("nothing is verified"), "{ended:?}");
}

#[tokio::test]
async fn check_of_an_audit_asks_both_ends() {
    let harness = Harness::new().await;
    let empty = audit(&harness, &["--check"]).await;
    assert_eq!(empty.code, Some(2), "{empty:?}");
    assert!(
        empty
            .stderr
            .contains("has no log of application \"okta\" and subsystem \"acme\" in the range"),
        "{empty:?}"
    );
    store(&harness, &events(&harness));
    let ended = audit(&harness, &["--check", "--refill"]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    for words in [
        "Okta: ok",
        "has 360 logs of application",
        "dead letters: ok: 0 events",
        "refill: ok",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}
