//! `--check`, and the demonstration.

use std::collections::HashMap;

use coralogix_sink::simulator::Fault;

use super::program::{Ended, World, start};

#[tokio::test]
async fn a_check_tests_both_ends_and_sends_nothing() {
    let world = World::new().await;
    world.backlog(10);
    let good = world.run(&["--check"]).await;
    assert_eq!(
        (good.code, good.summary()["received"]),
        (Some(0), 0),
        "{good:?}"
    );
    assert!(
        good.stderr.contains("Okta: reachable") && good.stderr.contains("Coralogix: reachable"),
        "{}",
        good.stderr
    );

    world.ingress.fail_always(Some(Fault::status(401)));
    let bad = world.run(&["--check"]).await;
    assert_eq!(
        (bad.code, bad.summary()["received"]),
        (Some(1), 0),
        "{bad:?}"
    );
    assert!(
        bad.stderr.contains("Okta: reachable") && bad.stderr.contains("failed at Coralogix"),
        "{}",
        bad.stderr
    );
    assert_eq!(world.ingress.arrivals(), 0);
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn without_settings_it_demonstrates_itself() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Ended::of(start(folder.path(), &HashMap::new(), &[])).await;
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
