//! `--state-dir`: one folder for all that is kept, in every program; what an upgrade finds; a configuration that cannot be written.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use coralogix_sink::simulator::Fault;
use okta_coralogix_core::{Clock, SystemClock};
use tokio::process::{Child, Command};

use crate::eventbridge_http::harness as http;
use crate::harness::{Exit, Harness, KEY, binary, spawn, start_program, terminate};
use crate::kill::repeatable_from;
use crate::many_orgs::{config_file, run as run_many, write};

const CHECKPOINT: &str = "okta-coralogix.checkpoint";
const LETTERS: &str = "okta-coralogix.dead-letters.ndjson";

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn text(time: DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[tokio::test]
async fn state_dir_holds_all_that_pull_keeps() {
    let harness = Harness::new().await;
    let events = harness.backlog(300);
    let folder = harness.folder.path();
    let state = folder.join("state");
    let check = harness.run(&["--check", "--state-dir", "state"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(
        check.stderr.contains("--state-dir: ok: state is not there"),
        "{check:?}"
    );
    let shown = harness
        .run(&["position", "show", "--state-dir", "state"])
        .await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(names(folder), BTreeSet::new(), "both leave nothing");

    harness.append(["no event".into()]);
    let ended = harness.run(&["--once", "--state-dir", "state"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(names(folder), BTreeSet::from(["state".to_owned()]));
    assert_eq!(mode(&state), 0o700);
    let lock = |name: &str| format!("{name}.lock");
    let kept = [CHECKPOINT, LETTERS].map(str::to_owned);
    let all = kept.into_iter().chain([lock(CHECKPOINT), lock(LETTERS)]);
    assert_eq!(names(&state), all.collect());
    assert_eq!(
        ended.summary()["dead_lettered"],
        fs::read_to_string(state.join(LETTERS))
            .unwrap()
            .lines()
            .count() as u64
    );

    let now = SystemClock.now();
    let (from, to) = (
        text(now - TimeDelta::hours(3)),
        text(now - TimeDelta::hours(2)),
    );
    let range = ["--from", &from, "--to", &to, "--state-dir", "state"];
    let ended = harness.run(&range).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        names(&state)
            .iter()
            .any(|name| name.starts_with(&format!("{CHECKPOINT}.from-"))),
        "{:?}",
        names(&state)
    );

    // A variable, a name of its own, and a whole path.
    let mut variables = harness.variables();
    variables.insert("OKTA_CORALOGIX_STATE_DIR", state.display().to_string());
    let whole = folder.join("whole");
    let flags = ["--once", "--checkpoint", "own", "--dead-letters"];
    let flags = [&flags[..], &[whole.to_str().unwrap()]].concat();
    let ended = Exit::of(start_program("pull", folder, &variables, &flags)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(state.join("own").is_file() && whole.is_file());
    let ended = Exit::of(start_program("pull", folder, &variables, &["--once"])).await;
    assert_eq!(ended.summary()["received"], 0, "the position of before");
    let ledger = harness.ingress.ledger();
    assert_eq!(ledger.repeats(), events.len(), "by the checkpoint `own`");
}

/// What the message says to do, between its backticks.
fn advice(ended: &Exit) -> String {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let line = ended.stderr.lines().last().unwrap();
    line.split('`').nth(1).unwrap().to_owned()
}

async fn follow(advice: &str) {
    let done = Command::new("sh").args(["-c", advice]).status().await;
    assert!(done.unwrap().success(), "{advice}");
}

#[tokio::test]
async fn state_of_runs_without_the_folder_is_moved_as_the_message_says() {
    let harness = Harness::new().await;
    let events = harness.backlog(300);
    harness.append(["no event".into()]);
    assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    let letter = fs::read_to_string(harness.dead_letters()).unwrap();
    let with = ["--once", "--state-dir", "state"];
    let ended = harness.run(&with).await;
    assert!(
        ended.stderr.contains("error: --dead-letters: is /"),
        "{ended:?}"
    );
    follow(&advice(&ended)).await;
    let shown = harness
        .run(&["position", "show", "--state-dir", "state"])
        .await;
    let check = harness.run(&["--check", "--state-dir", "state"]).await;
    let ended = harness.run(&with).await;
    for refused in [&shown, &check, &ended] {
        assert!(
            refused
                .stderr
                .contains("/state/okta-coralogix.checkpoint now, below --state-dir"),
            "{refused:?}"
        );
    }
    follow(&advice(&ended)).await;
    let ended = harness.run(&with).await;
    assert_eq!(ended.summary()["received"], 0, "{ended:?}");
    let letters = fs::read_to_string(harness.folder.path().join("state").join(LETTERS));
    assert_eq!(letters.unwrap(), letter);
    harness.assert_all_once(&events);
}

#[tokio::test]
async fn position_beside_the_configuration_is_not_left_behind() {
    let harness = Harness::new().await;
    let events = harness.backlog(300);
    let config = config_file(&harness, 1, 0);
    let ended = run_many(&harness, &config, &["--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let with = ["--once", "--state-dir", "state"];
    let ended = run_many(&harness, &config, &with).await;
    assert!(
        ended
            .stderr
            .contains("error: integration \"org0\": checkpoint: is /"),
        "{ended:?}"
    );
    follow(&advice(&ended)).await;
    let ended = run_many(&harness, &config, &with).await;
    assert_eq!(ended.summary()["received"], 0, "{ended:?}");
    harness.assert_all_once(&events);
}

/// Starts `pull` as a user who cannot write `config`, if this one can.
fn start_confined(harness: &Harness, config: &Path, state: &Path) -> Child {
    let mut command = Command::new(binary("pull"));
    let probe = config.join("probe");
    if fs::write(&probe, "").is_ok() {
        // This is root, whom no mode stops.
        fs::remove_file(&probe).unwrap();
        chown(state, Some(65_534), Some(65_534)).unwrap();
        command.uid(65_534).gid(65_534);
    }
    let variables = write(harness, "");
    let file = config.join("orgs.toml").display().to_string();
    let state = state.display().to_string();
    let flags = ["--once", "--config", &file, "--state-dir", &state];
    spawn(command, Path::new("/"), &variables, &flags)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configuration_that_cannot_be_written_loses_and_repeats_nothing_over_kills() {
    let mut harness = Harness::new().await;
    let events = harness.backlog(6_000);
    let root = tempfile::tempdir().unwrap();
    let (config, state) = (root.path().join("config"), root.path().join("state"));
    fs::create_dir(&config).unwrap();
    fs::create_dir(&state).unwrap();
    fs::write(config.join("orgs.toml"), config_file(&harness, 1, 0)).unwrap();
    for (path, mode) in [(root.path(), 0o755), (&*config, 0o555), (&*state, 0o700)] {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let slow = Fault::Slow(Duration::from_millis(20));
    harness.ingress.fail_always(Some(slow));
    let checkpoint = state.join("org0.checkpoint");
    let mut explained = 0;
    for kill in 1..=3 {
        let mut child = start_confined(&harness, &config, &state);
        let target = *harness.seen.borrow() + 1_000;
        tokio::select! {
            _ = harness.seen.wait_for(|seen| *seen >= target) => {}
            ended = child.wait() => panic!("the program ended before kill {kill}: {ended:?}"),
        }
        child.kill().await.unwrap();
        harness.ingress_server.stop().await;
        explained += repeatable_from(&checkpoint, &harness, &events).await;
        harness.ingress_server.start().await.unwrap();
    }
    harness.ingress.fail_always(None);
    let ended = Exit::of(start_confined(&harness, &config, &state)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    let repeats = ledger.repeats();
    assert!(
        repeats <= explained,
        "{repeats} repeated, {explained} explained"
    );
    assert_eq!(names(&config), BTreeSet::from(["orgs.toml".to_owned()]));
    let kept = ["org0.checkpoint", "org0.checkpoint.lock"];
    assert!(
        kept.iter().all(|name| names(&state).contains(*name)),
        "{:?}",
        names(&state)
    );
}

#[tokio::test]
async fn state_dir_holds_the_dead_letters_of_receivers_and_replays() {
    let harness = http::Harness::new().await;
    let folder = harness.folder.path();
    let state = folder.join("state");
    let flags = ["--state-dir", "state"];
    for program in ["eventbridge_http", "eventbridge_lambda"] {
        let check = ["--check", "--state-dir", "state"];
        let mut variables = harness.variables();
        // The folder of this test would not outlive a function.
        variables.insert("TMPDIR", "/nowhere".into());
        let child = start_program(program, folder, &variables, &check);
        let ended = Exit::of(child).await;
        let placed = format!("--dead-letters: ok: state/{LETTERS} can be written");
        assert!(ended.stderr.contains(&placed), "{ended:?}");
        assert_eq!(names(folder), BTreeSet::new(), "{program}");
    }
    let program = harness.listen(&harness.variables(), &flags).await;
    let destination = program.destination().max_retry_attempts(0).build();
    let odd = http::envelope(br#"{"no":"published"}"#);
    destination.invoke_all([odd]).await;
    terminate(&program.child).await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let letters = fs::read_to_string(state.join(LETTERS)).unwrap();
    assert_eq!(letters.lines().count(), 1, "{letters}");
    assert_eq!(names(folder), BTreeSet::from(["state".to_owned()]));

    let variables: HashMap<_, _> = [
        ("CORALOGIX_ENDPOINT", harness.ingress_server.base_url()),
        ("CORALOGIX_API_KEY", KEY.to_owned()),
    ]
    .into();
    let ended = Exit::of(start_program("replay", folder, &variables, &flags)).await;
    assert_eq!(ended.summary()["received"], 1, "{ended:?}");
    assert_eq!(names(folder), BTreeSet::from(["state".to_owned()]));
}

#[tokio::test]
async fn state_dir_alone_asks_for_no_run_and_is_known_to_every_program() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let mut variables = HashMap::from([("OKTA_CORALOGIX_STATE_DIR", state)]);
    let run = |program, variables: &HashMap<_, _>| {
        Exit::of(start_program(program, folder.path(), variables, &[]))
    };
    let ended = run("replay", &variables).await;
    assert!(ended.stderr.contains("demonstration"), "{ended:?}");
    assert_eq!((ended.code, names(folder.path()).len()), (Some(0), 0));
    variables.insert("CORALOGIX_DOMAIN", "EU2".into());
    let ended = run("service_logs", &variables).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!ended.stderr.contains("STATE_DIR"), "{ended:?}");
}
