//! `--dead-letters state`: dead letters in the store that replicas share, and their replay, as processes.

use std::collections::HashMap;

use okta_coralogix_core::dead_letter::DeadLetterRecord;
use tempfile::TempDir;

use crate::harness::{Exit, Harness, start_program};

/// An org and a store, which is a folder.
struct Replicas {
    harness: Harness,
    state: TempDir,
}

impl Replicas {
    async fn new() -> Self {
        Self {
            harness: Harness::new().await,
            state: tempfile::tempdir().unwrap(),
        }
    }

    fn variables(&self) -> HashMap<&'static str, String> {
        let state = self.state.path().display().to_string();
        let mut variables = self.harness.variables();
        variables.insert("OKTA_CORALOGIX_STATE", state);
        variables.insert("OKTA_CORALOGIX_DEAD_LETTERS", "state".to_owned());
        variables
    }

    async fn run(&self, program: &str, flags: &[&str]) -> Exit {
        let folder = self.harness.folder.path();
        Exit::of(start_program(program, folder, &self.variables(), flags)).await
    }

    /// The lines of the objects.
    fn letters(&self) -> Vec<DeadLetterRecord> {
        let objects = std::fs::read_dir(self.state.path()).unwrap();
        let objects = objects.map(|entry| entry.unwrap());
        let objects = objects
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(".letters-"))
            .map(|entry| std::fs::read_to_string(entry.path()).unwrap());
        let lines: Vec<_> = objects
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let records = lines
            .iter()
            .map(|line| DeadLetterRecord::from_line(line.as_bytes()));
        records.map(Result::unwrap).collect()
    }
}

#[tokio::test]
async fn dead_letters_in_the_state_are_kept_shown_and_replayed_once() {
    let replicas = Replicas::new().await;
    let harness = &replicas.harness;
    let checked = replicas.run("pull", &["--check"]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let said = format!(
        "{}/.letters-*",
        replicas.state.path().canonicalize().unwrap().display()
    );
    assert!(checked.stderr.contains(&said), "{}", checked.stderr);

    let events = harness.backlog(50);
    let bad = String::from_utf8(events[20].json.to_vec()).unwrap();
    let poison = bad.clone();
    harness.ingress.poison(move |text| text == poison);
    let ended = replicas.run("pull", &["--once"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&said),
        "the log says where they are: {}",
        ended.stderr
    );
    let letters = replicas.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&*letters[0].reason, &letters[0].bytes[..]),
        ("rejected", bad.as_bytes())
    );
    let target = letters[0].target.as_ref().unwrap();
    assert_eq!(target.subsystem.as_deref(), Some("acme"));
    assert!(!harness.dead_letters().exists());

    // It is refused again: one letter, with the new reason.
    let checked = replicas.run("replay", &["--check"]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(
        checked.stderr.contains("1 are to be sent"),
        "{}",
        checked.stderr
    );
    let replayed = replicas.run("replay", &[]).await;
    assert_eq!(replayed.code, Some(0), "{}", replayed.stderr);
    assert_eq!(replicas.letters().len(), 1);
    harness.ingress.poison(|_| false);
    for delivered in [1, 0] {
        let replayed = replicas.run("replay", &[]).await;
        assert_eq!(replayed.code, Some(0), "{}", replayed.stderr);
        assert_eq!(
            replayed.summary()["delivered"],
            delivered,
            "{}",
            replayed.stdout
        );
        assert!(replicas.letters().is_empty());
    }
    harness.assert_all_once(&events);
}

#[tokio::test]
async fn dead_letters_in_a_state_that_is_not_given_are_refused() {
    let replicas = Replicas::new().await;
    let folder = replicas.harness.folder.path();
    let mut variables = replicas.variables();
    variables.remove("OKTA_CORALOGIX_STATE");
    for (program, flags) in [
        ("pull", &["--once"][..]),
        ("pull", &["--check"]),
        ("replay", &[]),
    ] {
        let ended = Exit::of(start_program(program, folder, &variables, flags)).await;
        assert_eq!(ended.code, Some(2), "{program}: {}", ended.stderr);
        for words in ["state", "--state", "./state"] {
            assert!(ended.stderr.contains(words), "{program}: {}", ended.stderr);
        }
    }
    variables.remove("OKTA_CORALOGIX_DEAD_LETTERS");
    let flags = ["--state", "s3://bucket/folder"];
    let ended = Exit::of(start_program("replay", folder, &variables, &flags)).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}
