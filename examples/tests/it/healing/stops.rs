//! Starts and stops of a receiver that heals, and its checks.

use std::fs;

use chrono::TimeDelta;
use coralogix_sink::simulator::Fault;
use okta_coralogix_core::testing::EventGenerator;
use okta_source::simulator::OktaSimulator;

use super::harness::{FLAGS, HEALED, Harness, events, healed};
use crate::admin::samples::Program;
use crate::harness::{Exit, TOKEN, start_program};

const POSITION: &str = "okta-coralogix.healing.checkpoint";
const WINDOW: &str = "okta-coralogix.healing.window";

/// The files of a receiver that has healed.
async fn run_once(harness: &Harness) {
    let program = harness.start().await;
    program.endpoint().await;
    program
        .until(|samples| samples.get("running", HEALED) == Some(1.0))
        .await;
    program.terminate().await;
    assert_eq!(program.ended().await.code, Some(0));
}

/// It is told before anything is received, and leaves nothing that looks like a crash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_position_of_healing_is_told_at_the_start() {
    let harness = Harness::new().await;
    run_once(&harness).await;
    let folder = harness.receiver.folder.path();
    fs::write(folder.join(POSITION), "damaged").unwrap();
    let ended = start_program("eventbridge_http", folder, &harness.variables(), FLAGS);
    let ended = Exit::of(ended).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let told = &ended.stderr;
    assert!(
        told.contains("error: --heal-after: ") && told.contains(POSITION),
        "{told}"
    );
    let window = fs::read(folder.join(WINDOW)).unwrap();
    let window = String::from_utf8_lossy(&window);
    assert!(window.contains(r#"\"closed\":true"#), "{window}");
}

/// A window that is damaged, or of a later version, is refused with what the user can do here: this program has no start to set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_or_newer_window_of_healing_is_told_at_the_start() {
    let harness = Harness::new().await;
    run_once(&harness).await;
    let folder = harness.receiver.folder.path();
    let window = folder.join(WINDOW);
    let record = fs::read(&window).unwrap();
    let head = record.iter().position(|byte| *byte == b'\n').unwrap();
    let newer = String::from_utf8_lossy(&record[..head]).replace("\"version\":2", "\"version\":9");
    for (damaged, expected) in [
        (&record[..record.len() - 1], "it was altered, or cut off"),
        (newer.as_bytes(), "its format has version 9"),
    ] {
        fs::write(&window, damaged).unwrap();
        let ended = start_program("eventbridge_http", folder, &harness.variables(), FLAGS);
        let ended = Exit::of(ended).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let told = &ended.stderr;
        for words in [
            "error: --heal-after: ",
            WINDOW,
            expected,
            "Without this file healing goes on from its position",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains("--since"), "{told}");
        assert_eq!(fs::read(&window).unwrap(), damaged, "it stays as it is");
    }
    fs::remove_file(&window).unwrap();
    run_once(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_looks_at_the_window_of_healing() {
    let harness = Harness::new().await;
    run_once(&harness).await;
    let folder = harness.receiver.folder.path();
    let flags = [FLAGS, &["--check"]].concat();
    let check = || async {
        let check = start_program("eventbridge_http", folder, &harness.variables(), &flags);
        Exit::of(check).await
    };
    let good = check().await;
    assert!(
        good.stderr
            .contains("the events that were delivered are saved"),
        "{good:?}"
    );
    // That of another org, or of another file.
    fs::copy(folder.join(POSITION), folder.join(WINDOW)).unwrap();
    let ended = check().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("the stored window belongs to"),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_after_which_healing_hands_events_back_exits_with_4() {
    let harness = Harness::new().await;
    let flags = [FLAGS, &["--drain-timeout", "1s"]].concat();
    let folder = harness.receiver.folder.path();
    let program = Program::start("eventbridge_http", folder, &harness.variables(), &flags).await;
    program.endpoint().await;
    program
        .until(|samples| samples.get("running", HEALED) == Some(1.0))
        .await;
    harness
        .receiver
        .ingress
        .fail_always(Some(Fault::status(503)));
    harness.log(&events(20, 40));
    program
        .until(|samples| {
            samples.get("failing", &[HEALED, &["stage=\"sink\""]].concat()) == Some(1.0)
        })
        .await;
    program.terminate().await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("was handed back"), "{}", ended.stderr);
}

/// Events have the time of the org, which is an hour behind the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_since_the_first_start_are_healed_where_the_host_is_ahead() {
    let mut harness = Harness::new().await;
    let behind = TimeDelta::hours(-1);
    let org = OktaSimulator::builder().token(TOKEN).rate_limit(100_000);
    harness.org = org.clock_skew(behind).build();
    harness.org_server = harness.org.serve().await.unwrap();
    let program = harness.start().await;
    program
        .until(|samples| samples.get("running", HEALED) == Some(1.0))
        .await;
    let mut generator = EventGenerator::new(21);
    let events: Vec<_> = (0..50)
        .map(|_| generator.event(harness.org.now()))
        .collect();
    harness.log(&events);
    program.until(|samples| healed(samples) >= 50.0).await;
    program.terminate().await;
    program.ended().await;
    harness.assert_all_once(&events);
}
