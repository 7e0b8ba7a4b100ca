//! Healing beside a queue.

use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_source::simulator::OktaSimulator;

use super::harness::{FLAGS, HEALED, ended, events, healed};
use crate::admin::samples::Program;
use crate::eventbridge_sqs::harness::{Harness, envelope};
use crate::harness::TOKEN;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_queue_does_not_bring_is_healed_once() {
    let harness = Harness::new(SqsSimulator::builder().build()).await;
    let org = OktaSimulator::builder().token(TOKEN).rate_limit(100_000);
    let org = org.build();
    let org_server = org.serve().await.unwrap();
    let mut variables = harness.variables();
    variables.insert("OKTA_ORG_URL", org_server.base_url());
    variables.insert("OKTA_API_TOKEN", TOKEN.into());
    let folder = harness.folder.path();
    let program = Program::start("eventbridge_sqs", folder, &variables, FLAGS).await;
    // It runs, so that its start is before the events.
    program
        .until(|samples| samples.get("running", HEALED) == Some(1.0))
        .await;
    let events = events(1, 500);
    for event in &events[20..] {
        harness.queue.send(envelope(&event.json));
    }
    let mut seen = harness.seen.clone();
    seen.wait_for(|seen| *seen >= 480).await.unwrap();
    org.append_all(events.iter().map(|event| event.json.clone()));
    let samples = program
        .until(|samples| ended(samples, HEALED) >= 500.0)
        .await;
    assert_eq!(healed(&samples), 20.0);
    // A redrive of the dead-letter queue, days later.
    for event in &events {
        harness.queue.send(envelope(&event.json));
    }
    let duplicates = ["source=\"eventbridge\"", "outcome=\"duplicate\""];
    program
        .until(|samples| samples.sum("events_total", &duplicates) >= 500.0)
        .await;
    program.terminate().await;
    assert_eq!(program.ended().await.code, Some(0));
    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!((missing.len(), ledger.repeats()), (0, 0));
}
