//! Without `--config` SIGHUP stops a program, as SIGTERM does.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_examples::program::signals::is_hangup_ignored;
use tokio::process::Command;
use tokio::time::timeout;

use super::Logged;
use crate::eventbridge_sqs::harness::Harness as SqsHarness;
use crate::harness::{Harness, binary, spawn};

/// A program inherits that hangups are ignored, and then outlives them.
fn skips() -> bool {
    let ignored = is_hangup_ignored();
    if ignored {
        println!("skipped: hangups are ignored here, as under nohup");
    }
    ignored
}

#[tokio::test]
async fn hangup_without_a_config_file_drains_and_exits_with_0() {
    if skips() {
        return;
    }
    let mut harness = Harness::new().await;
    let events = harness.backlog(50);
    let program = Logged::new(harness.start(&["--poll-interval", "1h"]));
    harness.seen.wait_for(|seen| *seen >= 50).await.unwrap();
    program.signal("-HUP").await;
    program
        .logs("stopping: events in flight are finished first", 1)
        .await;
    let ended = program.ended().await;
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 50),
        "{ended:?}"
    );
    harness.assert_all_once(&events);

    let mut harness = SqsHarness::new(SqsSimulator::builder().max_receive_count(10).build()).await;
    let program = Logged::new(harness.start(&[]));
    harness.backlog(20);
    harness.seen.wait_for(|seen| *seen >= 20).await.unwrap();
    program.signal("-HUP").await;
    let ended = program.ended().await;
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 20),
        "{ended:?}"
    );
}

#[tokio::test]
async fn second_hangup_ends_the_program_at_once() {
    if skips() {
        return;
    }
    let harness = Harness::new().await;
    harness.backlog(50);
    harness.ingress.fail_always(Some(Fault::status(503)));
    let program = Logged::new(harness.start(&["--drain-timeout", "10m"]));
    program.logs("a request to the sink failed", 1).await;
    program.signal("-HUP").await;
    program.logs("stopping: events in flight", 1).await;
    program.signal("-HUP").await;
    let ended = program.ended().await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(129), ""),
        "{ended:?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn program_that_ignores_hangups_from_its_start_outlives_its_terminal() {
    let mut harness = Harness::new().await;
    harness.backlog(5);
    let mut command = Command::new("nohup");
    command.arg(binary("pull"));
    let flags = ["--poll-interval", "1s"];
    let child = spawn(command, harness.folder.path(), &harness.variables(), &flags);
    let program = Logged::new(child);
    harness.seen.wait_for(|seen| *seen >= 5).await.unwrap();
    program.signal("-HUP").await;
    let more = crate::harness::fresh(10).split_off(5);
    harness.append(more.into_iter().map(|event| event.json));
    let all = harness.seen.wait_for(|seen| *seen >= 10);
    timeout(Duration::from_secs(60), all)
        .await
        .unwrap()
        .unwrap();
    program.signal("-TERM").await;
    let ended = program.ended().await;
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 10),
        "{ended:?}"
    );
}
