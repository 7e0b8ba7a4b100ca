//! `--check`, and the demonstration.

use std::collections::HashMap;

use coralogix_sink::simulator::Fault;

use super::harness::{Exit, Harness, start};

#[tokio::test]
async fn check_tests_okta_and_coralogix_and_sends_nothing() {
    let harness = Harness::new().await;
    harness.backlog(10);
    let good = harness.run(&["--check"]).await;
    assert_eq!(
        (good.code, good.summary()["received"]),
        (Some(0), 0),
        "{good:?}"
    );
    for line in [
        "Okta: reachable",
        "Coralogix: reachable",
        "the check passed",
    ] {
        assert!(good.stderr.contains(line), "{}", good.stderr);
    }

    harness.ingress.fail_always(Some(Fault::status(401)));
    let bad = harness.run(&["--check"]).await;
    assert_eq!(
        (bad.code, bad.summary()["received"]),
        (Some(1), 0),
        "{bad:?}"
    );
    assert!(
        bad.stderr.contains("Okta: reachable")
            && bad.stderr.contains("failed at Coralogix")
            && !bad.stderr.contains("passed"),
        "{}",
        bad.stderr
    );
    assert_eq!(harness.ingress.arrivals(), 0);
    assert_eq!(std::fs::read_dir(harness.folder.path()).unwrap().count(), 0);
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
