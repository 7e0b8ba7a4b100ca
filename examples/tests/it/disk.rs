//! Full disks: the old checkpoint stays, and the caller or the queue keeps an event that cannot be dead-lettered.

use eventbridge_source::sqs::simulator::SqsSimulator;

use crate::eventbridge_http::harness as http;
use crate::eventbridge_sqs::harness as sqs;
use crate::harness::{Exit, Harness, fresh, terminate};
use crate::kill::repeatable;
use crate::limits::{Limit, start_limited};

const EVENTS: usize = 12_000;

/// The checkpoint of about 7,000 events.
const FULL: usize = 150 << 10;

/// Dead letters of 3 KB that take more.
const ODD: usize = 60;

/// Fewer dead letters fit, of those that are pushed.
const ODD_ONES: usize = 10;
const FEW: usize = 16 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoint_beyond_a_full_disk_ends_the_run_and_stays_old() {
    let harness = Harness::new().await;
    let events = harness.backlog(EVENTS);
    let mut explained = 0;
    for limit in [Limit::FileSize(FULL), Limit::FileSizeOrDeath(FULL)] {
        let folder = harness.folder.path();
        let child = start_limited("pull", folder, &harness.variables(), &["--once"], limit);
        let output = child.wait_with_output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{limit:?}: {stderr}");
        assert!(stderr.contains("okta-coralogix.checkpoint.tmp"), "{stderr}");
        assert!(stderr.contains("ulimit -f"), "{stderr}");
        let stored = std::fs::metadata(harness.checkpoint()).unwrap().len();
        assert!(
            stored > FULL as u64 / 2,
            "{stored} bytes were stored before"
        );
        explained += repeatable(&harness, &events).await;
    }
    let ended = Exit::of(harness.start(&["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    let repeats = ledger.repeats();
    println!("{repeats} repeated, {explained} explained by what was in flight");
    assert!(repeats <= explained);
}

/// As under a supervisor that starts it again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_dead_letters_end_the_program_before_it_sends() {
    let harness = Harness::new().await;
    harness.backlog(20);
    let before = "\n".repeat(FEW - 100);
    std::fs::write(harness.dead_letters(), &before).unwrap();
    for _ in 0..3 {
        let folder = harness.folder.path();
        let limit = Limit::FileSizeOrDeath(FEW);
        let child = start_limited("pull", folder, &harness.variables(), &["--once"], limit);
        let ended = Exit::of(child).await;
        assert_ne!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains("--dead-letters"), "{}", ended.stderr);
        assert!(ended.stderr.contains("ulimit -f"), "{}", ended.stderr);
    }
    assert_eq!(harness.ingress.ledger().entries().len(), 0);
    let after = std::fs::read_to_string(harness.dead_letters()).unwrap();
    assert!(after == before, "{} bytes now", after.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_beyond_a_full_disk_end_pull_and_settle_nothing() {
    let harness = Harness::new().await;
    let events = harness.backlog(1500);
    let odd = format!(r#"{{"no":"published","filling":"{}"}}"#, "x".repeat(3000));
    harness.append(vec![odd.into(); ODD]);
    let folder = harness.folder.path();
    // The checkpoint of so few events fits.
    let limit = Limit::FileSize(FULL);
    let child = start_limited("pull", folder, &harness.variables(), &["--once"], limit);
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("dead-letters"), "{}", ended.stderr);
    let before = repeatable(&harness, &events).await;

    let ended = Exit::of(harness.start(&["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    assert!(ledger.repeats() <= before);
    let whole = whole_letters(&std::fs::read_to_string(harness.dead_letters()).unwrap());
    assert!(whole >= ODD, "{whole} of {ODD} letters");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_beyond_a_full_disk_leave_events_to_the_caller() {
    let harness = http::Harness::new().await;
    let odd: Vec<_> = odd().iter().map(|json| http::envelope(json)).collect();
    let limit = Limit::FileSize(FEW);
    let child = start_limited(
        "eventbridge_http",
        harness.folder.path(),
        &harness.variables(),
        &[],
        limit,
    );
    let program = http::Endpoint::of(child).await;
    let destination = program.destination().max_retry_attempts(0).build();
    let report = destination.invoke_all(odd.clone()).await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (taken, kept) = (report.invoked.len(), report.undelivered.len());
    assert!(kept > 0, "all 10 fitted");
    let whole = whole_letters(&harness.dead_letters());
    assert!(whole >= taken, "{taken} were answered 200");

    let program = harness.listen(&harness.variables(), &[]).await;
    let again = report.undelivered.into_iter().map(|one| one.event);
    let destination = program.destination().build();
    assert_eq!(destination.invoke_all(again).await.invoked.len(), kept);
    let good = fresh(5);
    let good = good.iter().map(|event| http::envelope(&event.json));
    assert_eq!(destination.invoke_all(good).await.invoked.len(), 5);
    terminate(&program.child).await;
    assert_eq!(program.ended().await.code, Some(0));
    assert_all_are_letters(&harness.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_beyond_a_full_disk_leave_messages_in_the_queue() {
    let harness = sqs::Harness::new(SqsSimulator::builder().max_receive_count(10).build()).await;
    for json in odd() {
        harness.queue.send(sqs::envelope(&json));
    }
    let events = harness.backlog(20);
    let limit = Limit::FileSize(FEW);
    let child = start_limited(
        "eventbridge_sqs",
        harness.folder.path(),
        &harness.variables(),
        &["--once"],
        limit,
    );
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("dead-letters"), "{}", ended.stderr);
    let kept = harness.queue.depth_now();
    let kept = usize::try_from(kept.visible + kept.in_flight).unwrap();
    let deleted = usize::try_from(harness.queue.deleted()).unwrap();
    assert_eq!(kept + deleted, ODD_ONES + events.len(), "nothing else went");
    let reached = harness.ingress.ledger().entries().len();
    let written = whole_letters(&harness.dead_letters());
    assert!(written < ODD_ONES, "all of them fitted");
    assert!(
        deleted <= written + reached,
        "{deleted} are deleted, {written} written and {reached} delivered"
    );

    harness.queue.show_all();
    let ended = Exit::of(harness.start(&["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(harness.queue.depth_now().is_empty());
    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    assert!(
        ledger.repeats() <= reached,
        "delivered before, and not deleted"
    );
    assert_all_are_letters(&harness.dead_letters());
}

/// JSON that is not an event, each 3 KB long.
fn odd() -> Vec<Vec<u8>> {
    let filling = "x".repeat(3000);
    let odd = |n| format!(r#"{{"no":"published","n":{n},"filling":"{filling}"}}"#);
    (0..ODD_ONES).map(|n| odd(n).into_bytes()).collect()
}

fn assert_all_are_letters(letters: &str) {
    for n in 0..ODD_ONES {
        let marked = format!(r#"\"n\":{n},"#);
        let found = letters
            .lines()
            .any(|line| is_json(line) && line.contains(&marked));
        assert!(found, "letter {n} is missing");
    }
}

fn whole_letters(letters: &str) -> usize {
    letters.lines().filter(|line| is_json(line)).count()
}

fn is_json(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line).is_ok()
}
