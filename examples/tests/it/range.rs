//! `pull --from TIME --to TIME`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use coralogix_sink::simulator::Fault;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};

use crate::harness::{Exit, Harness, terminate};
use crate::many_orgs::{config_file, run as run_many};
use crate::stops::refused;

/// An event in each minute of six hours, from the first time on.
fn log(harness: &Harness) -> (DateTime<Utc>, Vec<GeneratedEvent>) {
    let start = SystemClock.now() - TimeDelta::hours(8);
    let mut generator = EventGenerator::new(7);
    let at = |n: i64| start + TimeDelta::minutes(n);
    let events: Vec<_> = (0..360).map(|n| generator.event(at(n))).collect();
    harness.append(events.iter().map(|event| event.json.clone()));
    (start, events)
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The files of positions of ranges.
fn range_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_range = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.contains(".from-") && name.ends_with('Z')
    };
    paths.filter(is_range).collect()
}

#[tokio::test]
async fn range_is_read_once_beside_the_polled_position() {
    let mut harness = Harness::new().await;
    let (start, events) = log(&harness);
    let mut polling = harness.start(&["--poll-interval", "1h", "--since", "1m"]);
    while harness.org.request_count() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let (from, to) = (
        text(start + TimeDelta::hours(1)),
        text(start + TimeDelta::hours(3)),
    );
    let range = ["--from", &from, "--to", &to];
    let ended = harness.run(&range).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 120, "{ended:?}");
    harness.assert_all_once(&events[60..180]);
    for words in [
        &format!("the range from {from} to {to} begins"),
        "percent=100",
        "the range is complete",
        "is sent again",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let files = range_files(harness.folder.path());
    assert_eq!(files.len(), 1, "{files:?}");

    let again = harness.run(&range).await;
    assert_eq!(
        (again.code, again.summary()["received"]),
        (Some(0), 0),
        "{again:?}"
    );
    assert!(
        again.stderr.contains("was read to its end before"),
        "{again:?}"
    );
    assert!(polling.try_wait().unwrap().is_none(), "polling goes on");
    terminate(&polling).await;
    assert_eq!(Exit::of(polling).await.code, Some(0));
    let seen = *harness.seen.borrow_and_update();
    assert_eq!(seen, 120);
}

#[tokio::test]
async fn interrupted_range_goes_on_where_it_was() {
    let harness = Harness::new().await;
    let (start, events) = log(&harness);
    let (from, to) = (text(start), text(start + TimeDelta::hours(6)));
    let flags = ["--from", &from, "--to", &to, "--drain-timeout", "1s"];
    harness.ingress.fail_always(Some(Fault::status(503)));
    let mut child = harness.start(&flags);
    let log = refused(&mut child).await;
    terminate(&child).await;
    let ended = Exit::of(child).await;
    let log = log.await.unwrap();
    assert_eq!(ended.code, Some(4), "{ended:?} {log}");
    let words =
        format!("the range is not complete; it goes on where it was with --from {from} --to {to}");
    assert!(log.contains(&words), "{log}");
    harness.ingress.fail_always(None);
    let ended = harness.run(&flags).await;
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 360),
        "{ended:?}"
    );
    harness.assert_all_once(&events);
}

#[tokio::test]
async fn old_range_is_dropped_unless_it_is_said_otherwise() {
    let harness = Harness::new().await;
    let start = SystemClock.now() - TimeDelta::days(3);
    let mut generator = EventGenerator::new(8);
    let events: Vec<_> = (0..50)
        .map(|n| generator.event(start + TimeDelta::minutes(n)))
        .collect();
    harness.append(events.iter().map(|event| event.json.clone()));
    let range = ["--from", "74h", "--to", "48h"];
    let ended = harness.run(&range).await;
    assert_eq!(
        (ended.code, ended.summary()["too_old"]),
        (Some(0), 50),
        "{ended:?}"
    );
    for words in [
        "older ones are dropped",
        "--too-old restamp",
        "the times are relative to now",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let ended = harness
        .run(&[&range[..], &["--too-old", "restamp"]].concat())
        .await;
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 50),
        "{ended:?}"
    );
}

#[tokio::test]
async fn range_of_one_integration_has_its_settings() {
    let harness = Harness::new().await;
    let (start, _) = log(&harness);
    let config = config_file(&harness, 2, 0);
    let (from, to) = (text(start), text(start + TimeDelta::hours(1)));
    let range = ["--from", &from, "--to", &to];
    let none = run_many(&harness, &config, &range).await;
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(
        none.stderr.contains("--integration: is missing"),
        "{none:?}"
    );
    let ended = run_many(
        &harness,
        &config,
        &[&range[..], &["--integration", "org1"]].concat(),
    )
    .await;
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 60),
        "{ended:?}"
    );
    let subsystems = harness
        .ingress
        .ledger()
        .entries()
        .iter()
        .map(|entry| entry.subsystem.clone())
        .collect::<std::collections::HashSet<_>>();
    assert_eq!(subsystems, ["account1".to_owned()].into());
    let files = range_files(harness.folder.path());
    assert!(
        files[0].to_string_lossy().contains("org1.checkpoint.from-"),
        "{files:?}"
    );
}

#[tokio::test]
async fn range_without_an_end_or_beside_settings_of_polling_is_refused() {
    let harness = Harness::new().await;
    for (flags, words) in [
        (&["--from", "2h"][..], "--to: is missing"),
        (&["--to", "2h"], "--from: is missing"),
        (&["--from", "2h", "--to", "3h"], "--to: is 2"),
        (
            &["--from", "91days", "--to", "3h"],
            "Okta keeps its log for 90 days",
        ),
        (
            &["--from", "3h", "--to", "2h", "--since", "1h"],
            "--since: is for polling",
        ),
        (
            &["--from", "3h", "--to", "2h", "--check"],
            "--check: cannot be combined",
        ),
    ] {
        let ended = harness.run(flags).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{ended:?}"
        );
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_dir(harness.folder.path()).unwrap().count(), 0);
}
