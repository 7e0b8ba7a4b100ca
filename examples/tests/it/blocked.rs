//! An event that something refuses by its content, on each route of the programs.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use eventbridge_source::sqs::simulator::{Call, SqsSimulator};
use okta_coralogix_core::testing::GeneratedEvent;
use serde_json::Value;
use tokio::time::sleep;

use super::eventbridge_http::harness::{Harness as HttpHarness, envelope};
use super::eventbridge_sqs::harness::{Harness as SqsHarness, envelope as sqs_envelope};
use super::harness::{Exit, Harness, fresh, terminate};

/// What anybody can write who reaches the login page.
const ATTACK: &str = "../../../../etc/passwd";

/// So short that an event at which the ingress fails is dead-lettered within a test.
const PATIENCE: [&str; 2] = ["--outage-patience", "2s"];

/// The exit code of a program that is stopped while it tries an event.
const HANDED_BACK: i32 = 4;

/// An event of the middle is guilty from now on.
pub(crate) fn make_one_guilty(events: &mut [GeneratedEvent]) -> GeneratedEvent {
    let event = &mut events[events.len() / 2];
    let mut json: Value = serde_json::from_slice(&event.json).unwrap();
    json["client"]["userAgent"]["rawUserAgent"] = ATTACK.into();
    event.json = serde_json::to_vec(&json).unwrap().into();
    event.clone()
}

pub(crate) fn fail_at_guilty(ingress: &CoralogixSimulator, fault: Fault) {
    ingress.fail_at(|text| text.contains(ATTACK), fault);
}

fn fail_at_none(ingress: &CoralogixSimulator) {
    ingress.fail_at(|_| false, Fault::status(500));
}

async fn arrived(ingress: &CoralogixSimulator, entries: usize) {
    while ingress.arrivals() < entries {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Calls `give` with one event after the other, as others come in practice, until a dead letter is there. Returns how many.
async fn give_until_dead_lettered(
    folder: &Path,
    others: &[GeneratedEvent],
    mut give: impl AsyncFnMut(&GeneratedEvent),
) -> usize {
    let letters = folder.join("okta-coralogix.dead-letters.ndjson");
    for (given, event) in others.iter().enumerate() {
        if std::fs::metadata(&letters).is_ok_and(|file| file.len() > 0) {
            return given;
        }
        give(event).await;
        sleep(Duration::from_millis(100)).await;
    }
    panic!("it is not dead-lettered");
}

/// The one letter is of this event, with its bytes.
fn assert_letter(folder: &Path, bytes: &[u8]) {
    let letters = folder.join("okta-coralogix.dead-letters.ndjson");
    let letters = std::fs::read_to_string(letters).unwrap();
    let letter: Value = serde_json::from_str(letters.trim()).unwrap();
    assert_eq!(letter["reason"], "blocked");
    assert_eq!(letter["event"].as_str().unwrap().as_bytes(), bytes);
    assert_eq!(letter["may_have_arrived"], true);
}

#[tokio::test]
async fn pull_goes_on_beside_a_refused_event_and_keeps_its_place() {
    let harness = Harness::new().await;
    let mut events = fresh(300);
    make_one_guilty(&mut events);
    fail_at_guilty(&harness.ingress, Fault::html(403));
    harness.append(events.iter().map(|event| event.json.clone()));
    let child = harness.start(&["--poll-interval", "1s"]);
    arrived(&harness.ingress, 299).await;
    // Later pages go on.
    let later = fresh(400).split_off(300);
    harness.append(later.iter().map(|event| event.json.clone()));
    arrived(&harness.ingress, 399).await;
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(HANDED_BACK), "{ended:?}");
    let summary = ended.summary();
    assert_eq!((summary["delivered"], summary["handed_back"]), (399, 1));
    assert_eq!(std::fs::metadata(harness.dead_letters()).unwrap().len(), 0);

    fail_at_none(&harness.ingress);
    let ended = harness.run(&["--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ledger = harness.ingress.ledger();
    let all = events.iter().chain(&later);
    assert_eq!(ledger.missing(all.map(|event| &*event.uuid)), [""; 0]);
}

#[tokio::test]
async fn posts_beside_a_refused_one_are_answered_200() {
    for fault in [Fault::html(403), Fault::status(500)] {
        let harness = HttpHarness::new().await;
        let mut events = fresh(900);
        let others = events.split_off(40);
        let guilty = make_one_guilty(&mut events);
        events.retain(|event| event.uuid != guilty.uuid);
        fail_at_guilty(&harness.ingress, fault.clone());
        let program = harness.listen(&harness.variables(), &PATIENCE).await;
        let destination = program.destination().rate(10_000).compress(20.0).build();
        let posts = events.iter().map(|event| envelope(&event.json));
        let refused = destination.invoke(envelope(&guilty.json));
        let mut refused = std::pin::pin!(refused);
        let report = tokio::select! {
            biased;
            answered = &mut refused => panic!("it was settled: {answered:?}"),
            report = destination.invoke_all(posts) => report,
        };
        assert_eq!(
            (report.invoked.len(), report.retries()),
            (39, 0),
            "{fault:?}"
        );
        let (mut delivered, mut code) = (39, HANDED_BACK);
        if fault == Fault::status(500) {
            let folder = harness.folder.path();
            let given = give_until_dead_lettered(folder, &others, async |event| {
                let post = destination.invoke(envelope(&event.json));
                let answered = tokio::select! {
                    biased;
                    answered = post => answered.unwrap(),
                    early = &mut refused => panic!("it was settled: {early:?}"),
                };
                assert_eq!(answered.retry_attempts, 0);
            });
            delivered += given.await;
            refused.await.unwrap();
            assert_letter(folder, &envelope(&guilty.json));
            code = 0;
        }
        terminate(&program.child).await;
        let ended = program.ended().await;
        assert_eq!(ended.code, Some(code), "{fault:?}: {ended:?}");
        let ledger = harness.ingress.ledger();
        assert_eq!((ledger.entries().len(), ledger.repeats()), (delivered, 0));
    }
}

#[tokio::test]
async fn messages_beside_a_refused_one_are_deleted() {
    let harness = SqsHarness::new(SqsSimulator::builder().max_receive_count(3).build()).await;
    let mut events = fresh(30);
    let guilty = make_one_guilty(&mut events);
    fail_at_guilty(&harness.ingress, Fault::html(403));
    for event in &events {
        harness.queue.send(sqs_envelope(&event.json));
    }
    // More often than the redrive policy allows a message to be received.
    for _ in 0..4 {
        let before = harness.queue.calls(Call::Receive);
        let child = harness.start(&[]);
        while harness.queue.calls(Call::Receive) == before {
            sleep(Duration::from_millis(20)).await;
        }
        while harness.queue.deleted() < 29 || harness.queue.depth_now().visible > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        terminate(&child).await;
        let ended = Exit::of(child).await;
        let code = match ended.summary()["handed_back"] {
            // The queue gives the message no more.
            0 => 0,
            _ => HANDED_BACK,
        };
        assert_eq!(ended.code, Some(code), "{ended:?}");
    }
    assert_eq!(harness.ingress.arrivals(), 29);
    let dead: Vec<Bytes> = harness.queue.dead();
    let left = harness.queue.depth_now().visible;
    assert_eq!(dead.len() as u64 + left, 1, "{dead:?}");
    assert!(dead.iter().all(|body| *body == sqs_envelope(&guilty.json)));
}
