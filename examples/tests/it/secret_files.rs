//! Secrets and settings from pipes: of a shell, and named ones.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{Exit, Harness, KEY, TOKEN, binary, spawn, start_program};
use crate::many_orgs::config_file;

/// Runs a line of bash, in which `pull` is the program.
async fn bash(folder: &Path, variables: &HashMap<&'static str, String>, line: &str) -> Exit {
    let mut command = Command::new("bash");
    let line = line.replace("pull", &binary("pull").display().to_string());
    command.args(["-c", &line]);
    let mut variables = variables.clone();
    variables.insert("T", TOKEN.into());
    variables.insert("K", KEY.into());
    let ended = timeout(
        Duration::from_secs(60),
        Exit::of(spawn(command, folder, &variables, &[])),
    );
    ended.await.unwrap()
}

/// A pipe that nobody writes.
async fn pipe(folder: &Path) -> String {
    let pipe = folder.join("pipe").display().to_string();
    let made = Command::new("mkfifo").arg(&pipe).status().await.unwrap();
    assert!(made.success());
    pipe
}

#[tokio::test]
async fn secrets_and_configuration_are_read_from_pipes_of_a_shell() {
    let harness = Harness::new().await;
    let events = harness.backlog(300);
    let mut variables = harness.variables();
    variables.remove("OKTA_API_TOKEN");
    variables.remove("CORALOGIX_API_KEY");
    let pipes = "OKTA_API_TOKEN_FILE=<(printf %s \"$T\") CORALOGIX_API_KEY_FILE=<(echo \"$K\")";
    let folder = harness.folder.path();
    let ended = bash(
        folder,
        &variables,
        &format!("exec env -u T -u K {pipes} pull --once"),
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
    // The misplaced secret is found as well, although it is in a pipe.
    let line = format!("exec env CORALOGIX_SUBSYSTEM=\"$K,\" {pipes} pull --once");
    let ended = bash(folder, &variables, &line).await;
    let found = "error: CORALOGIX_SUBSYSTEM: has the secret of CORALOGIX_API_KEY_FILE in it";
    assert!(ended.stderr.contains(found), "{ended:?}");

    // With a byte order mark, which TOML allows.
    let config = format!("\u{feff}{}", config_file(&harness, 1, 0));
    std::fs::write(folder.join("orgs"), config).unwrap();
    let line = "TOKEN=$T KEY=$K exec pull --once --state-dir state --config <(cat orgs)";
    let ended = bash(folder, &HashMap::new(), line).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(folder.join("state/org0.checkpoint").is_file());
}

#[tokio::test]
async fn pipe_that_the_program_does_not_need_is_not_waited_for() {
    let harness = Harness::new().await;
    let folder = harness.folder.path();
    let pipe = pipe(folder).await;
    let mut variables = harness.variables();
    for name in ["OKTA_API_TOKEN", "CORALOGIX_API_KEY"] {
        variables.remove(name);
    }
    for name in ["OKTA_API_TOKEN_FILE", "CORALOGIX_API_KEY_FILE"] {
        variables.insert(name, pipe.clone());
    }
    let child = start_program("pull", folder, &variables, &["position", "show"]);
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // The key is needed, the token is not.
    variables.remove("CORALOGIX_API_KEY_FILE");
    variables.insert("CORALOGIX_API_KEY", KEY.into());
    let letters = folder.join("letters");
    std::fs::write(&letters, "").unwrap();
    let flags = ["--dead-letters", "letters"];
    let ended = Exit::of(start_program("replay", folder, &variables, &flags)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn pipe_that_nobody_writes_ends_the_start_with_its_name() {
    let harness = Harness::new().await;
    let folder = harness.folder.path();
    let pipe = pipe(folder).await;
    let mut variables = harness.variables();
    variables.remove("CORALOGIX_API_KEY");
    variables.insert("CORALOGIX_API_KEY_FILE", pipe);
    let child = start_program("pull", folder, &variables, &["--once"]);
    let ended = timeout(Duration::from_secs(12), Exit::of(child));
    let ended = ended.await.unwrap();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in [
        "error: CORALOGIX_API_KEY_FILE: the file",
        "it is a pipe that nobody has opened to write it within 5 s",
    ] {
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}
