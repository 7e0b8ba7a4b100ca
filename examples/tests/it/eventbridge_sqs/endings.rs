//! How it ends: exit codes, the summary, and what the queue has back.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use eventbridge_source::sqs::simulator::{Call, SqsSimulator};
use okta_coralogix_core::{Error, ErrorKind};

use super::world::World;
use crate::program::{Ended, start_program, terminate};

fn queue() -> SqsSimulator {
    SqsSimulator::builder().redrive_after(10).build()
}

#[tokio::test]
async fn once_it_empties_the_queue_and_ends() {
    let world = World::new(queue()).await;
    let events = world.backlog(1200);
    world.queue.send("no event");
    let ended = Ended::of(world.start(&["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = ended.summary();
    assert_eq!((summary["delivered"], summary["dead_lettered"]), (1200, 1));
    let ledger = world.ingress.ledger();
    assert_eq!(
        (ledger.repeats(), ledger.entries().len()),
        (0, events.len())
    );
    assert!(world.queue.depth_now().is_empty());
    let letters = world.dead_letters();
    assert!(
        letters.contains(r#""receive_count":1"#) && letters.contains("no event"),
        "{letters}"
    );
}

#[tokio::test]
async fn a_signal_ends_it_with_the_summary() {
    let mut world = World::new(queue()).await;
    world.backlog(500);
    let child = world.start(&[]);
    world.seen.wait_for(|seen| *seen >= 500).await.unwrap();
    terminate(&child).await;
    let ended = Ended::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 500);
    assert!(world.queue.depth_now().is_empty());
}

#[tokio::test]
async fn a_refused_key_gives_everything_back() {
    let world = World::new(queue()).await;
    world.backlog(40);
    world.ingress.fail_always(Some(Fault::status(403)));
    let ended = Ended::of(world.start(&[])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 0);
    let depth = world.queue.depth_now();
    assert_eq!((depth.visible, depth.in_flight), (40, 0), "{ended:?}");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new(queue()).await;
    let run = |variables: std::collections::HashMap<&'static str, String>| {
        let folder = world.folder.path();
        Ended::of(start_program(
            "eventbridge_sqs",
            folder,
            &variables,
            &["--once"],
        ))
    };
    let mut variables = world.variables();
    variables.remove("SQS_QUEUE_URL");
    let ended = run(variables).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("SQS_QUEUE_URL"), "{ended:?}");

    let mut variables = world.variables();
    variables.remove("AWS_REGION");
    let ended = run(variables).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("AWS_REGION"), "{ended:?}");

    let mut variables = world.variables();
    variables.insert(
        "SQS_QUEUE_URL",
        format!("{}/another", world.queue_server.queue_url()),
    );
    let ended = run(variables).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("QueueDoesNotExist"), "{ended:?}");

    // A queue that cannot be opened for a moment is asked again.
    let busy = || Error::temporary(ErrorKind::Unavailable, "busy");
    world.queue.fail_calls(Call::Attributes, [busy(), busy()]);
    let ended = tokio::time::timeout(Duration::from_secs(60), run(world.variables()))
        .await
        .unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
