//! SIGTERM: exit 0 if all that was in flight was finished, 4 if some was handed back.

use std::time::{Duration, Instant};

use coralogix_sink::simulator::Fault;
use eventbridge_source::sqs::simulator::SqsSimulator;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::eventbridge_sqs::harness::Harness as SqsHarness;
use crate::harness::{Exit, Harness, KEY, TOKEN, start, terminate};
use crate::many_orgs::config_file;

/// Waits until Coralogix has refused a request of the program; resolves to the rest of its log once that has ended.
pub(crate) async fn refused(child: &mut Child) -> JoinHandle<String> {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("a request to the sink failed") {
        line.clear();
        let read = timeout(Duration::from_secs(60), stderr.read_line(&mut line)).await;
        assert!(read.unwrap().unwrap() > 0, "it ended");
    }
    tokio::spawn(async move {
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).await.unwrap();
        rest
    })
}

#[tokio::test]
async fn stop_with_an_unfinished_page_exits_with_4_after_the_drain_timeout() {
    let harness = Harness::new().await;
    let events = harness.backlog(300);
    harness.ingress.fail_always(Some(Fault::status(503)));
    let mut child = harness.start(&["--drain-timeout", "1s"]);
    let log = refused(&mut child).await;
    let asked = Instant::now();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    let log = log.await.unwrap();
    assert_eq!(ended.code, Some(4), "{ended:?} {log}");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(ended.summary()["handed_back"], 300);
    assert!(log.contains("was handed back"), "{log}");

    harness.ingress.fail_always(None);
    let ended = harness.run(&["--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
}

#[tokio::test]
async fn stop_of_many_orgs_exits_with_4_if_one_handed_events_back() {
    let harness = Harness::new().await;
    harness.backlog(50);
    harness.ingress.fail_always(Some(Fault::status(503)));
    std::fs::write(
        harness.folder.path().join("orgs.toml"),
        config_file(&harness, 2, 0),
    )
    .unwrap();
    let variables = [("TOKEN", TOKEN.to_owned()), ("KEY", KEY.to_owned())].into();
    let flags = ["--config", "orgs.toml", "--drain-timeout", "1s"];
    let mut child = start(harness.folder.path(), &variables, &flags);
    let log = refused(&mut child).await;
    terminate(&child).await;
    let ended = Exit::of(child).await;
    let log = log.await.unwrap();
    assert_eq!(ended.code, Some(4), "{ended:?} {log}");
}

#[tokio::test]
async fn stop_that_finishes_what_is_in_flight_exits_with_0() {
    let mut harness = SqsHarness::new(SqsSimulator::builder().max_receive_count(10).build()).await;
    let child = harness.start(&[]);
    harness.backlog(100);
    harness.seen.wait_for(|seen| *seen >= 100).await.unwrap();
    // All of it is on its way, and finishes.
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 100);
}
