//! `--check` of every program, and the demonstration.

mod pull;
mod receivers;
mod senders;
mod sqs;

use std::collections::HashMap;

use super::hangup::Logged;
use super::harness::{Exit, start};

/// The lines of a check, by their subjects: what is behind the first colon, and whether it is `ok`.
fn lines(ended: &Exit) -> Vec<(String, String)> {
    let lines = ended
        .stderr
        .lines()
        .filter(|line| !line.starts_with("error: "));
    let found = lines.filter_map(|line| {
        let (_, rest) = line
            .split_once(" INFO ")
            .or_else(|| line.split_once("ERROR "))?;
        let (subject, found) = rest.split_once(": ")?;
        Some((subject.to_owned(), found.to_owned()))
    });
    found.collect()
}

/// Each of `subjects` has a line, which says `ok`; nothing else has one but the last line.
fn assert_all_ok(ended: &Exit, subjects: &[&str]) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("the check passed"), "{ended:?}");
    let lines = lines(ended);
    let found: Vec<_> = lines.iter().map(|(subject, _)| subject.as_str()).collect();
    assert_eq!(found, subjects, "{ended:?}");
    for (subject, found) in &lines {
        assert!(found.starts_with("ok: "), "{subject}: {found}");
    }
}

/// The line of `subject` alone does not say `ok`, but each of `words`; the exit code is that of wrong settings.
fn assert_wrong(ended: &Exit, subject: &str, words: &[&str]) {
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    let failed = format!("the check failed for {subject}: ");
    assert!(ended.stderr.contains(&failed), "{subject}: {ended:?}");
    assert!(!ended.stderr.contains("the check passed"), "{ended:?}");
    for (of, found) in lines(ended) {
        assert_eq!(found.starts_with("ok: "), of != subject, "{of}: {found}");
        let missing = words.iter().find(|word| !found.contains(**word));
        assert!(of != subject || missing.is_none(), "{missing:?}: {found}");
    }
}

#[tokio::test]
async fn demonstration_that_is_stopped_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let running = Logged::new(start(folder.path(), &HashMap::new(), &[]));
    // The simulated org makes it wait.
    running.logs("WARN", 1).await;
    running.signal("-TERM").await;
    let ended = running.ended().await;
    assert!(matches!(ended.code, Some(0 | 4)), "{ended:?}");
    assert!(ended.stderr.contains("stopped before its end"), "{ended:?}");
    assert!(!ended.stderr.contains("add up"), "{ended:?}");
}

#[tokio::test]
async fn demonstration_runs_without_settings() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Exit::of(start(folder.path(), &HashMap::new(), &[])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["delivered"], counts["dead_lettered"]), (6000, 5));
    assert!(
        counts["too_old"] >= 40 && counts["duplicate"] >= 50,
        "{counts:?}"
    );
    assert!(
        ended.stderr.contains("6000 events, 0 missing, 0 repeated"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "it leaves nothing behind"
    );
}
