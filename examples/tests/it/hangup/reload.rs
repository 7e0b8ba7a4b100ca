//! What a file that was read again changes, and what it leaves alone.

use std::net::SocketAddr;
use std::time::Duration;

use coralogix_sink::simulator::Fault;
use tokio::time::{sleep, timeout};

use super::{EVERY_SECOND, Scene, admin_address};
use crate::admin::samples::{ask, scrape};
use crate::harness::TOKEN;

const NEXT_TOKEN: &str = "00-marked-next-token";

/// Scrapes until these orgs, and no others, have delivered so many events by the counters of the process.
async fn until(address: SocketAddr, expected: &[(&str, f64)]) {
    let scrapes = async {
        loop {
            let samples = scrape(address).await;
            samples.assert_balanced();
            let delivered = samples.all("events_total", &["outcome=\"delivered\""]);
            let found: Vec<_> = delivered.collect();
            let is_found = |(org, count): &(&str, f64)| {
                let org = format!("org=\"{org}\"");
                let mut found = found.iter().filter(|(series, _)| series.contains(&org));
                found.any(|(_, found)| found == count)
            };
            if found.len() == expected.len() && expected.iter().all(is_found) {
                return;
            }
            // The program needs the processor too.
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), scrapes).await.unwrap();
}

#[tokio::test]
async fn hangup_begins_ends_and_leaves_alone_what_the_file_says() {
    let mut scene = Scene::of(&["same", "changed", "removed", "added"]).await;
    let program = scene.start(&["same", "changed", "removed"], &["--admin-listen", "0"]);
    let address = admin_address(&program).await;
    scene.deliver(&["same", "changed", "removed"]).await;
    until(
        address,
        &[("same", 1.0), ("changed", 1.0), ("removed", 1.0)],
    )
    .await;

    scene.org("changed").more = EVERY_SECOND.replace("1s", "2s");
    // Another order, and the older names of two keys, say the same.
    let config = scene.config(&["added", "changed", "same"]);
    let config = config.replace("subsystem = \"same\"", "account = \"same\"");
    scene.write(&config);
    program.signal("-HUP").await;
    let line = program.logs("the configuration was read again", 1).await;
    for change in [
        "begin=\"added\"",
        "begin_anew=\"changed\"",
        "end=\"removed\"",
        "go_on=1",
    ] {
        assert!(line.contains(change), "{change}: {line}");
    }
    program.logs("it is not in the file any more", 1).await;
    let asked = scene.org("removed").simulator.request_count();
    scene.deliver(&["same", "changed", "added"]).await;
    scene.deliver(&["same", "changed", "added"]).await;
    assert_eq!(scene.org("removed").simulator.request_count(), asked);

    // The one that is the same has gone on: it was opened once, and has asked for a start once.
    let log = program.log();
    let started = |name: &str| {
        let of = format!("pipeline{{integration=\"{name}\"}}");
        let lines = log
            .lines()
            .filter(|line| line.contains(": started ") || line.contains("started version"));
        lines.filter(|line| line.contains(&of)).count()
    };
    let counts = ["same", "changed", "removed", "added"].map(started);
    assert_eq!(counts, [1, 2, 1, 1], "{log}");
    for name in ["same", "changed"] {
        let requests = scene.org(name).simulator.requests();
        let starts = requests
            .iter()
            .filter(|request| request.path_and_query.contains("since="));
        assert_eq!(
            starts.count(),
            1,
            "{name} goes on where it was: {requests:?}"
        );
    }
    // Counts go on too, and those of the one that is gone are gone.
    until(address, &[("same", 3.0), ("changed", 3.0), ("added", 2.0)]).await;
    let status = ask(address, "GET /status").await.body;
    assert!(
        !status.contains("removed") && status.contains("added"),
        "{status}"
    );
    assert_eq!(ask(address, "GET /readyz").await.status, 200);

    program.signal("-TERM").await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.summary()["delivered"],
        scene.events(),
        "of all, to the end"
    );
    assert!(!ended.stderr.contains("is down"), "{}", ended.stderr);
    scene.assert_all_once();
}

#[tokio::test]
async fn integration_with_a_changed_secret_begins_anew_with_it() {
    let mut scene = Scene::of(&["rotated", "same"]).await;
    std::fs::write(scene.path("token"), TOKEN).unwrap();
    let rotated = scene.org("rotated");
    rotated.token = "{ file = \"token\" }".into();
    // The old one is not tried again.
    rotated.more = "poll_interval = \"1h\"\n".into();
    let program = scene.start(&["rotated", "same"], &[]);
    scene.deliver(&["rotated", "same"]).await;
    std::fs::write(scene.path("token"), NEXT_TOKEN).unwrap();
    let rotated = scene.org("rotated");
    rotated.simulator.caught_up().await;
    rotated.simulator.replace_token(NEXT_TOKEN);
    program.signal("-HUP").await;
    let line = program.logs("the configuration was read again", 1).await;
    assert!(line.contains("begin_anew=\"rotated\" go_on=1"), "{line}");
    scene.deliver(&["rotated", "same"]).await;
    let requests = scene.org("rotated").simulator.requests();
    assert!(
        requests.iter().all(|request| request.status == Some(200)),
        "{requests:?}"
    );

    // A secret that cannot be read just now changes nothing of what runs.
    std::fs::remove_file(scene.path("token")).unwrap();
    program.signal("-HUP").await;
    let line = program.logs("the configuration was read again", 2).await;
    assert!(line.ends_with("go_on=2"), "{line}");
    let warned = program
        .logs("it goes on with the secrets that it has", 1)
        .await;
    assert!(
        warned.contains("WARN")
            && warned.contains("rotated")
            && warned.contains("the file \"token\" cannot be read"),
        "{warned}"
    );
    program.signal("-TERM").await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains(NEXT_TOKEN));
}

#[tokio::test]
async fn changed_integration_drains_before_it_begins_anew() {
    let mut scene = Scene::of(&["acme", "other"]).await;
    scene.harness.ingress.fail_always(Some(Fault::status(503)));
    let program = scene.start(&["acme", "other"], &["--drain-timeout", "1s"]);
    scene.append(&["acme"]);
    program.logs("a request to the sink failed", 1).await;
    // Another name with the same position has to wait as well.
    let config = scene.config(&["acme", "other"]);
    let config = config.replacen(
        "name = \"acme\"",
        "name = \"renamed\"\ncheckpoint = \"acme.checkpoint\"",
        1,
    );
    scene.write(&config);
    program.signal("-HUP").await;
    let line = program.logs("the configuration was read again", 1).await;
    assert!(
        line.contains("begin=\"renamed\" end=\"acme\" go_on=1"),
        "{line}"
    );
    // Twice: its successor has not begun yet, perhaps.
    scene.write(&scene.config(&["acme", "other"]));
    program.signal("-HUP").await;
    let line = program.logs("the configuration was read again", 2).await;
    assert!(
        line.contains("begin=\"acme\" end=\"renamed\" go_on=1"),
        "{line}"
    );
    program.logs("a request to the sink failed", 2).await;
    scene.harness.ingress.fail_always(None);
    scene.deliver(&["acme", "other"]).await;
    program.signal("-TERM").await;
    let ended = program.ended().await;
    assert_eq!(
        ended.code,
        Some(0),
        "what was handed back meanwhile was read again: {ended:?}"
    );
    for words in ["is in use by another process", "is down"] {
        assert!(!ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn end_of_an_integration_is_logged_once_after_many_changes() {
    let mut scene = Scene::of(&["stays", "goes"]).await;
    scene.harness.ingress.fail_always(Some(Fault::status(503)));
    let program = scene.start(&["stays", "goes"], &["--drain-timeout", "10m"]);
    scene.append(&["goes"]);
    // It cannot end before this is delivered.
    program.logs("a request to the sink failed", 1).await;
    for turn in 1..=5 {
        let names: &[&str] = match turn % 2 {
            1 => &["stays"],
            _ => &["stays", "goes"],
        };
        scene.write(&scene.config(names));
        program.signal("-HUP").await;
        program.logs("the configuration was read again", turn).await;
    }
    scene.harness.ingress.fail_always(None);
    program.logs("it is not in the file any more", 1).await;
    program.signal("-TERM").await;
    let ended = program.ended().await;
    let said = ended.stderr.matches("it is not in the file any more");
    assert_eq!((ended.code, said.count()), (Some(0), 1), "{ended:?}");
}
