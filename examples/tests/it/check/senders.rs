//! `--check` of `replay` and `service_logs`.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterSource, DeadLetterTarget, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::internal::{Disk, OsDisk};
use okta_coralogix_core::{Clock, Origin, SystemClock};

use super::{assert_all_ok, assert_wrong};
use crate::harness::{Exit, Harness, KEY, fresh, start_program};

async fn check(
    program: &str,
    harness: &Harness,
    variables: &HashMap<&'static str, String>,
    flags: &[&str],
) -> Exit {
    let flags = [&["--check"], flags].concat();
    Exit::of(start_program(
        program,
        harness.folder.path(),
        variables,
        &flags,
    ))
    .await
}

fn variables(harness: &Harness) -> HashMap<&'static str, String> {
    HashMap::from([
        ("CORALOGIX_ENDPOINT", harness.ingress_server.base_url()),
        ("CORALOGIX_API_KEY", KEY.into()),
    ])
}

/// Three letters, which name these integrations in turns, if any.
async fn letters(harness: &Harness, integrations: &[&str]) -> FileDeadLetters {
    let letters = FileDeadLetters::open(harness.dead_letters()).await.unwrap();
    let origin = Arc::new(Origin::org("acme"));
    let mut names = integrations.iter().cycle();
    let events = fresh(3).into_iter().map(|event| {
        let reason = DeadLetterReason::Rejected;
        let mut letter = DeadLetter::new(
            SystemClock.now(),
            reason,
            "",
            Arc::clone(&origin),
            event.json,
        );
        letter.target = names
            .next()
            .map(|name| DeadLetterTarget::integration(*name));
        letter
    });
    letters.write(&events.collect::<Vec<_>>()).await.unwrap();
    letters
}

/// The files with their contents.
fn folder(harness: &Harness) -> BTreeMap<OsString, Vec<u8>> {
    let entries = std::fs::read_dir(harness.folder.path()).unwrap();
    let files = entries.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name(), std::fs::read(entry.path()).unwrap())
    });
    files.collect()
}

#[tokio::test]
async fn check_of_a_replay_counts_the_letters_and_sends_none() {
    let harness = Harness::new().await;
    let file = letters(&harness, &[]).await;
    let variables = variables(&harness);
    let before = folder(&harness);
    let ended = check("replay", &harness, &variables, &[]).await;
    let subjects = [
        "--dead-letters",
        "letters",
        "Coralogix",
        "clock",
        "open files",
    ];
    assert_all_ok(&ended, &subjects);
    assert!(
        ended.stderr.contains("letters: ok: 3 are to be sent"),
        "{ended:?}"
    );
    assert_eq!(harness.ingress.arrivals(), 0);
    assert_eq!(folder(&harness), before, "nothing is changed");
    // As a program does that runs with the file.
    let lock = harness.dead_letters().with_extension("ndjson.lock");
    let writing = OsDisk.lock(&lock, Duration::ZERO).await.unwrap().unwrap();
    let ended = check("replay", &harness, &variables, &[]).await;
    assert_all_ok(&ended, &subjects);
    drop(writing);
    let running = DeadLetterSource::open(&file).await.unwrap();
    let ended = check("replay", &harness, &variables, &[]).await;
    assert_wrong(&ended, "letters", &["replay"]);
    drop(running);
    harness.ingress.fail_always(Some(Fault::status(401)));
    let ended = check("replay", &harness, &variables, &[]).await;
    assert_wrong(&ended, "Coralogix", &["401"]);
}

#[tokio::test]
async fn check_of_a_replay_asks_for_each_integration() {
    let harness = Harness::new().await;
    letters(&harness, &["good"]).await;
    let integration = |name: &str, key: &str| {
        format!(
            "[[integration]]\nname = {name:?}\nsubsystem = \"s\"\norg_url = \"{name}.okta.com\"\napi_token = {{ env = \"TOKEN\" }}\n             coralogix = {{ endpoint = {:?}, api_key = {{ env = {key:?} }} }}\n",
            harness.ingress_server.base_url()
        )
    };
    let text = [integration("good", "KEY"), integration("other", "OTHER")].concat();
    std::fs::write(harness.folder.path().join("orgs.toml"), text).unwrap();
    let variables = [("KEY", KEY), ("OTHER", "another"), ("TOKEN", "00t")];
    let variables = HashMap::from(variables.map(|(name, value)| (name, value.to_owned())));
    let flags = ["--config", "orgs.toml"];
    let ended = check("replay", &harness, &variables, &flags).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for line in [
        "pipeline{integration=\"good\"}: Coralogix: ok: ",
        "pipeline{integration=\"other\"}: Coralogix: ",
        "the check failed for other: ",
        "letters: ok: 3 are to be sent",
    ] {
        assert!(ended.stderr.contains(line), "{line}: {ended:?}");
    }
    letters(&harness, &[]).await;
    let ended = check("replay", &harness, &variables, &flags).await;
    let left = "letters: ok: 3 are to be sent; 3 letters stay in the file";
    assert!(ended.stderr.contains(left), "{ended:?}");
    let flags = ["--config", "orgs.toml", "--integration", "nosuch"];
    let ended = check("replay", &harness, &variables, &flags).await;
    let refused = "letters: --integration: \"nosuch\" is not in the file of --config";
    assert!(ended.stderr.contains(refused), "{ended:?}");
}

#[tokio::test]
async fn check_of_a_replay_refuses_what_the_replay_refuses() {
    let harness = Harness::new().await;
    letters(&harness, &["one", "two"]).await;
    let variables = variables(&harness);
    for (flags, words) in [
        (&[][..], "holds letters of several integrations"),
        (&["--integration", "nosuch"], "no letter is of \"nosuch\""),
    ] {
        let ended = check("replay", &harness, &variables, flags).await;
        assert_wrong(&ended, "letters", &[words]);
        let replay = start_program("replay", harness.folder.path(), &variables, flags);
        let ended = Exit::of(replay).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    let flags = ["--integration", "two"];
    let ended = check("replay", &harness, &variables, &flags).await;
    assert!(
        ended.stderr.contains("letters: ok: 1 are to be sent"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn check_of_service_logs_reads_no_line() {
    let harness = Harness::new().await;
    let variables = variables(&harness);
    let ended = check("service_logs", &harness, &variables, &[]).await;
    assert_all_ok(&ended, &["Coralogix", "clock", "open files"]);
    harness.ingress.fail_always(Some(Fault::status(401)));
    let ended = check("service_logs", &harness, &variables, &[]).await;
    assert_wrong(&ended, "Coralogix", &["401"]);
}
