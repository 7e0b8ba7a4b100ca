//! The program with an org that fails: what the others do, what is said, and exit codes.

use super::{config_file, run, start};
use crate::harness::{Exit, Harness, TOKEN, terminate};

/// A file of integrations whose last one has its token in the file `late-token`.
fn with_token_file(harness: &Harness, good: usize, wrong: usize) -> String {
    let text = config_file(harness, good, wrong + 1);
    let (before, after) = text.rsplit_once("{ env = \"WRONG\" }").unwrap();
    format!("{before}{{ file = \"late-token\" }}{after}")
}

#[tokio::test]
async fn damaged_checkpoint_of_one_org_leaves_the_others() {
    let harness = Harness::new().await;
    let events = harness.backlog(50);
    let config = config_file(&harness, 3, 0);
    let damaged = harness.folder.path().join("org1.checkpoint");
    std::fs::write(&damaged, [0; 400]).unwrap();
    let ended = run(&harness, &config, &["--once"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.summary()["delivered"], 2 * events.len() as u64);
    for words in [
        "1 of 3 integrations have ended with an error: org1",
        "is no usable checkpoint",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert_eq!(std::fs::read(&damaged).unwrap(), [0; 400]);
}

#[tokio::test]
async fn org_that_is_down_at_the_signal_is_named_with_exit_code_1() {
    let mut harness = Harness::new().await;
    harness.backlog(50);
    let child = start(&harness, &config_file(&harness, 2, 1), &[]);
    harness.seen.wait_for(|seen| *seen >= 100).await.unwrap();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.summary()["delivered"], 100);
    for words in [
        "1 of 3 integrations are down: org2",
        "Okta refuses the API token",
        "it is tried again in 5m",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn org_that_is_up_again_at_the_signal_exits_with_0() {
    let mut harness = Harness::new().await;
    harness.backlog(50);
    let child = start(&harness, &with_token_file(&harness, 1, 0), &[]);
    harness.seen.wait_for(|seen| *seen >= 50).await.unwrap();
    std::fs::write(harness.folder.path().join("late-token"), TOKEN).unwrap();
    harness.seen.wait_for(|seen| *seen >= 100).await.unwrap();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.summary()["delivered"], 100);
    assert!(
        ended.stderr.contains("late-token\" cannot be read")
            && ended.stderr.contains("recovered after"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn check_names_every_org_that_fails() {
    let harness = Harness::new().await;
    let config = with_token_file(&harness, 1, 1);
    let ended = run(&harness, &config, &["--check"]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for words in [
        "the check failed for org1, org2",
        "late-token\" cannot be read",
        "Okta refuses the API token",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    assert_eq!(ended.stderr.matches("Okta: ok: ").count(), 1);
}
