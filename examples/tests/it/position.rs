//! `pull position`, and an org that was renamed.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use okta_coralogix_core::{Clock, SystemClock};
use serde_json::Value;

use crate::harness::{Exit, Harness, TOKEN, fresh, start, terminate};
use crate::many_orgs::{config_file, write};

async fn position(harness: &Harness, flags: &[&str]) -> Exit {
    let flags = [&["position"], flags].concat();
    // No secret is needed.
    let mut variables = harness.variables();
    variables.retain(|name, _| *name == "OKTA_ORG_URL");
    Exit::of(start(harness.folder.path(), &variables, &flags)).await
}

/// What `show --json` prints.
async fn shown(harness: &Harness) -> Value {
    let ended = position(harness, &["show", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

fn refused(ended: &Exit, words: &[&str]) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn position_is_shown_and_rewound_once_it_is_confirmed() {
    let harness = Harness::new().await;
    let events = harness.backlog(300);
    let none = shown(&harness).await;
    assert_eq!(none["state"], "none");
    assert_eq!(
        std::fs::read_dir(harness.folder.path()).unwrap().count(),
        0,
        "no lock file"
    );
    assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    let behind = shown(&harness).await;
    let owner = format!("okta-system-log {}", harness.org_server.base_url());
    assert_eq!(behind["owner"], owner.as_str());
    assert_eq!(
        (&behind["state"], &behind["window"]),
        (&"link".into(), &300.into())
    );
    let age = behind["age_seconds"].as_i64().unwrap();
    assert!((2_900..4_000).contains(&age), "{behind}");
    assert!(behind["saved"].is_string(), "{behind}");
    let ended = position(&harness, &["show"]).await;
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{ended:?}");
    assert!(
        lines[1].starts_with("owner") && lines[1].ends_with(&owner),
        "{ended:?}"
    );
    assert!(lines[2].starts_with("position    behind 2") && lines[2].contains(" ago)"));
    assert_eq!(lines[3], "window      300 uuids");

    let to = SystemClock.now() - TimeDelta::hours(2);
    let to = to.to_rfc3339_opts(SecondsFormat::Millis, true);
    let asked = position(&harness, &["rewind", "--to", &to]).await;
    refused(&asked, &["--yes: is missing: nothing was changed"]);
    assert!(
        asked.stdout.contains("of the log are read again"),
        "{asked:?}"
    );
    assert!(asked.stdout.contains("the last 300 events"), "{asked:?}");
    assert_eq!(shown(&harness).await["at"], behind["at"]);

    let done = position(&harness, &["rewind", "--to", &to, "--yes"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let moved = shown(&harness).await;
    assert_eq!(
        (&moved["state"], &moved["at"]),
        (&"moved".into(), &to.as_str().into())
    );
    let ended = harness.run(&["--once"]).await;
    let counts = ended.summary();
    assert_eq!(
        (counts["received"], counts["duplicate"]),
        (300, 300),
        "{ended:?}"
    );
    assert!(
        ended
            .stderr
            .contains("where the saved position was moved to"),
        "{ended:?}"
    );
    harness.assert_all_once(&events);
}

#[tokio::test]
async fn looking_leaves_each_file_as_it_is() {
    let harness = Harness::new().await;
    harness.backlog(10);
    assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    let folder = harness.folder.path();
    let lock = folder.join(format!("{}.lock", harness.checkpoint().display()));
    std::fs::remove_file(&lock).unwrap();
    std::fs::set_permissions(harness.checkpoint(), Permissions::from_mode(0o644)).unwrap();
    let names = || {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert_eq!(shown(&harness).await["state"], "link");
    let checked = harness.run(&["--check"]).await;
    assert!(
        checked
            .stderr
            .contains("a position is saved, from which a run goes on"),
        "{checked:?}"
    );
    assert_eq!(names(), before, "another user may have looked");
    let mode = harness
        .checkpoint()
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[tokio::test]
async fn skipped_part_of_the_log_is_never_read() {
    let harness = Harness::new().await;
    assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    let events = fresh(300);
    harness.append(events[..10].iter().map(|event| event.json.clone()));
    assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    harness.append(events[10..100].iter().map(|event| event.json.clone()));
    let ended = position(&harness, &["skip", "--to", "5m", "--yes"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("is never read by later runs"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("pull --from 2"), "{ended:?}");
    harness
        .org
        .append_all(events[100..].iter().map(|event| event.json.clone()));
    let ended = harness.run(&["--once"]).await;
    assert_eq!(ended.summary()["delivered"], 200, "{ended:?}");
}

#[tokio::test]
async fn time_to_which_no_position_can_be_moved_is_refused_with_the_reason() {
    let harness = Harness::new().await;
    let empty = position(&harness, &["rewind", "--to", "2h", "--yes"]).await;
    refused(
        &empty,
        &[
            "--checkpoint: there is no position in okta-coralogix.checkpoint",
            "--since 2",
        ],
    );
    harness.backlog(10);
    harness.run(&["--once"]).await;
    let before = std::fs::read(harness.checkpoint()).unwrap();
    for (flags, words) in [
        (
            ["rewind", "--to", "1m"],
            &["--to", "not before", "skip moves it ahead"][..],
        ),
        (
            ["skip", "--to", "9h"],
            &["--to", "not behind", "rewind moves it back"],
        ),
        (["rewind", "--to", "91days"], &["--to", "90 days"]),
        (
            ["rewind", "--to", "2999-01-01T00:00:00Z"],
            &["--to", "in the future"],
        ),
        (
            ["skip", "--to", "now"],
            &["--to", "neither a time nor a duration", "90m"],
        ),
    ] {
        let ended = position(&harness, &[&flags[..], &["--yes"]].concat()).await;
        refused(&ended, words);
        assert_eq!(ended.stdout, "", "{flags:?}");
        assert_eq!(
            std::fs::read(harness.checkpoint()).unwrap(),
            before,
            "{flags:?}"
        );
    }
    // A flag that a position has not is no flag of it.
    let ended = Exit::of(harness.start(&["--once", "position", "show"])).await;
    refused(&ended, &["--once"]);
}

#[tokio::test]
async fn position_of_a_running_program_is_left_alone() {
    let mut harness = Harness::new().await;
    harness.backlog(10);
    let running = harness.start(&["--poll-interval", "1h"]);
    harness.seen.wait_for(|seen| *seen >= 10).await.unwrap();
    for flags in [
        &["show"][..],
        &["rewind", "--to", "2h", "--yes"],
        &["skip", "--to", "1s", "--yes"],
    ] {
        let ended = position(&harness, flags).await;
        refused(
            &ended,
            &["is in use by a program that runs: stop it first", "/status"],
        );
    }
    terminate(&running).await;
    assert_eq!(Exit::of(running).await.code, Some(0));
    assert_eq!(position(&harness, &["show"]).await.code, Some(0));
}

#[tokio::test]
async fn damaged_checkpoint_and_that_of_another_org_are_said_to_be() {
    let harness = Harness::new().await;
    harness.backlog(10);
    harness.run(&["--once"]).await;
    let good = std::fs::read(harness.checkpoint()).unwrap();
    std::fs::write(harness.checkpoint(), &good[..good.len() / 2]).unwrap();
    for flags in [&["show"][..], &["rewind", "--to", "2h", "--yes"]] {
        let ended = position(&harness, flags).await;
        refused(
            &ended,
            &["--checkpoint", "is no usable checkpoint", "Restore it"],
        );
    }
    std::fs::write(harness.checkpoint(), &good).unwrap();
    let variables = HashMap::from([("OKTA_ORG_URL", "https://other.okta.com".to_owned())]);
    let run =
        async |flags: &[&str]| Exit::of(start(harness.folder.path(), &variables, flags)).await;
    let ended = run(&["position", "rewind", "--to", "2h", "--yes"]).await;
    refused(&ended, &["the checkpoint belongs to", "renamed_from"]);
    assert_eq!(std::fs::read(harness.checkpoint()).unwrap(), good);
    let ended = run(&["position", "show"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("note        the checkpoint belongs to"),
        "{ended:?}"
    );
    let ended = run(&["position", "show", "--checkpoint", "no/such/folder/cp"]).await;
    refused(&ended, &["no/such/folder"]);
}

#[tokio::test]
async fn positions_of_integrations_are_shown_and_moved_by_name() {
    let harness = Harness::new().await;
    harness.backlog(50);
    let config = config_file(&harness, 2, 0);
    let ended = crate::many_orgs::run(&harness, &config, &["--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let variables = write(&harness, &config);
    let run = async |flags: &[&str]| {
        let flags = [&["position"], flags, &["--config", "orgs.toml"]].concat();
        Exit::of(start(harness.folder.path(), &variables, &flags)).await
    };
    let both = run(&["show", "--json"]).await;
    let named: Vec<Value> = both
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&named[0]["integration"], &named[1]["integration"]),
        (&"org0".into(), &"org1".into())
    );
    refused(
        &run(&["rewind", "--to", "2h"]).await,
        &["--integration: is missing", "org0, org1"],
    );
    refused(
        &run(&["rewind", "--to", "2h", "--integration", "acme"]).await,
        &["--integration: \"acme\" is not in the file of --config: org0, org1"],
    );
    let moved = run(&["rewind", "--to", "2h", "--integration", "org1", "--yes"]).await;
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let one = run(&["show", "--json", "--integration", "org1"]).await;
    assert!(
        one.stdout.contains("\"moved\"") && one.stdout.lines().count() == 1,
        "{one:?}"
    );
    let ended = crate::many_orgs::run(&harness, &config, &["--once"]).await;
    assert_eq!(ended.summary()["duplicate"], 50, "{ended:?}");
    // Without a position and a range the name is none of anything.
    let ended = crate::many_orgs::run(&harness, &config, &["--integration", "org1"]).await;
    refused(&ended, &["--integration: goes with pull position"]);
}

/// The time of a position.
fn at(shown: &Value) -> DateTime<Utc> {
    shown["at"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn renamed_org_keeps_its_checkpoint_by_a_setting() {
    let harness = Harness::new().await;
    let events = harness.backlog(200);
    assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    let old = harness.org_server.base_url();
    let saved = at(&shown(&harness).await);
    // The same server by another name.
    let mut variables = harness.variables();
    variables.insert("OKTA_ORG_URL", old.replace("127.0.0.1", "localhost"));
    let run =
        async |flags: &[&str]| Exit::of(start(harness.folder.path(), &variables, flags)).await;
    let ended = run(&["--once"]).await;
    refused(&ended, &["the checkpoint belongs to", "--renamed-from"]);
    let itself = old.replace("127.0.0.1", "localhost");
    let ended = run(&["--once", "--renamed-from", &itself]).await;
    refused(&ended, &["--renamed-from", "the org itself"]);
    let ended = run(&["position", "show", "--renamed-from", &old]).await;
    assert!(
        ended
            .stdout
            .contains("note        the next run takes it for http://localhost"),
        "{ended:?}"
    );
    let ended = run(&["--once", "--renamed-from", &old]).await;
    assert_eq!(
        (ended.code, ended.summary()["received"]),
        (Some(0), 0),
        "{ended:?}"
    );
    let more = fresh(210).split_off(200);
    harness.append(more.iter().map(|event| event.json.clone()));
    let ended = run(&["--once", "--renamed-from", &old]).await;
    assert_eq!(ended.summary()["delivered"], 10, "{ended:?}");
    let ended = run(&["position", "show", "--json"]).await;
    let renamed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(
        renamed["owner"].as_str().unwrap().contains("localhost"),
        "{ended:?}"
    );
    assert!(
        renamed["note"].is_null() && at(&renamed) > saved,
        "{ended:?}"
    );
    let all = [&events[..], &more].concat();
    harness.assert_all_once(&all);

    let config = config_file(&harness, 1, 0).replace("127.0.0.1", "localhost");
    let config = config.replacen(
        "name = \"org0\"",
        &format!("name = \"org0\"\ncheckpoint = \"okta-coralogix.checkpoint\"\nrenamed_from = \"{itself}\""),
        1,
    );
    let ended = crate::many_orgs::run(&harness, &config, &["--once"]).await;
    refused(
        &ended,
        &["integration \"org0\": renamed_from", "the org itself"],
    );
    let back = config.replace(
        "okta_domain = \"http://localhost",
        "okta_domain = \"http://127.0.0.1",
    );
    let ended = crate::many_orgs::run(&harness, &back, &["--once"]).await;
    assert_eq!(
        (ended.code, ended.summary()["received"]),
        (Some(0), 0),
        "{ended:?}"
    );
    assert!(!format!("{ended:?}").contains(TOKEN));
}
