//! Other events while some are tried alone.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use okta_coralogix_core::AckOrder;
use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::testing::{MemorySink, MemorySource};
use tokio::time::{Instant, sleep};

use super::blocked::{Failure, Filter, some};
use super::harness::{Harness, pages, run, run_until};

const MINUTE: Duration = Duration::from_secs(60);

/// The sink answers none of six events, each for half a minute, as often as they are tried.
#[tokio::test(start_paused = true)]
async fn silent_suspects_hold_no_request() {
    let (mut pages, events) = pages(200, 10);
    let later = pages.split_off(100);
    let first = &events[..1000];
    let source = MemorySource::new(AckOrder::Individual, pages).without_end();
    let harness = Harness::of(source, MemorySink::new());
    let silent = some(first, 6);
    let filter = Filter::new(&harness.sink, &silent, Failure::Silence);
    let source = harness.source.clone();
    let given = async move {
        // The pages without a silent event.
        while source.settled_events() < 940 {
            sleep(Duration::from_secs(1)).await;
        }
        let mut slowest = Duration::ZERO;
        for (n, page) in later.into_iter().enumerate() {
            source.push(page);
            let began = Instant::now();
            while source.settled_events() < 940 + 10 * (n + 1) {
                sleep(Duration::from_millis(50)).await;
            }
            slowest = slowest.max(began.elapsed());
            sleep(Duration::from_secs(20)).await;
        }
        println!("the slowest page took {slowest:?}");
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        // They are dead-lettered by and by.
        sleep(60 * MINUTE).await;
    };
    let builder = harness
        .builder_with(filter)
        .max_in_flight_deliveries(200)
        .max_in_flight_requests(2);
    let summary = run_until(builder, given).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (1_994, 6));
    let letters = harness.dead_letters.records();
    let letters: HashSet<Bytes> = letters.into_iter().map(|letter| letter.bytes).collect();
    let silent: HashSet<Bytes> = silent.into_iter().map(|event| event.json).collect();
    assert_eq!(letters, silent);
}

/// The filter lets it through after a while, and the sink itself finds it bad.
#[tokio::test(start_paused = true)]
async fn suspect_that_the_sink_rejects_is_dead_lettered_as_rejected() {
    let (pages, events) = pages(1, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let bad = some(&events, 1);
    let mut filter = Filter::new(&harness.sink, &bad, Failure::Page);
    filter.rejects_alone = true;
    let summary = run(harness.builder_with(filter)).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (499, 1));
    let letters = harness.dead_letters.records();
    assert_eq!(letters[0].reason, DeadLetterReason::Rejected);
    assert_eq!(letters[0].bytes, bad[0].json);
}
