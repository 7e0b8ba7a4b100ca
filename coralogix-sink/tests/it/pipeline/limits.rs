//! An ingress that finds requests too large, wherever its limit is.

use okta_coralogix_core::LogSink;
use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{CoralogixMapping, LogEntry, Mapping};
use okta_coralogix_core::{ErrorKind, Origin, RawEvent};
use proptest::prelude::*;

use super::harness::{Harness, events, run};

const EVENTS: usize = 300;

/// Bytes of a request with each event alone.
fn sizes(harness: &Harness) -> Vec<usize> {
    let mapping = CoralogixMapping::builder().build().unwrap();
    let sink = harness.sink().build().unwrap();
    let origin = std::sync::Arc::new(Origin::org("acme"));
    let entry = |json: &bytes::Bytes| -> LogEntry {
        let event = RawEvent::parse(json.clone(), std::sync::Arc::clone(&origin)).unwrap();
        mapping.map(&event).unwrap()
    };
    let alone = |json| sink.encode(&[entry(json)]).unwrap().uncompressed_len;
    harness
        .events
        .iter()
        .map(|event| alone(&event.json))
        .collect()
}

/// Events of 2 KB, and a large one now and then.
fn mixed() -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(8);
    let mut mixed = events(EVENTS);
    for (n, event) in mixed.iter_mut().enumerate().filter(|(n, _)| n % 20 == 7) {
        let bytes = 20_000 + n * 1_000;
        generator = generator.size(bytes);
        *event = generator.event(event.published);
    }
    mixed
}

async fn all_that_fits_arrives_once_and_in_order(limit: usize) {
    let harness = Harness::new(mixed(), EVENTS);
    harness.ingress.limit(Some(limit), None);
    let summary = run(harness.pipeline().max_in_flight_requests(1))
        .await
        .unwrap();
    let sizes = sizes(&harness);
    let fits = |(_, size): &(&str, &usize)| **size <= limit;
    let (fit, over): (Vec<_>, Vec<_>) = harness.ids().zip(&sizes).partition(fits);
    let ids = |pairs: &[(&str, &usize)]| -> Vec<String> {
        pairs.iter().map(|(id, _)| (*id).into()).collect()
    };
    let ledger = harness.ingress.ledger();
    assert_eq!(ledger.ids().collect::<Vec<_>>(), ids(&fit), "limit {limit}");
    assert_eq!(summary.delivered as usize, fit.len());
    let letters = harness.letters();
    assert_eq!(letters.len(), over.len());
    for (letter, id) in letters.iter().zip(ids(&over)) {
        assert_eq!(letter.reason, DeadLetterReason::TooLarge);
        assert!(String::from_utf8_lossy(&letter.bytes).contains(&id));
    }
}

/// 32 KB to 2 MB, each order of magnitude as often as the others.
fn limit() -> impl Strategy<Value = usize> {
    (0.0..=1.0_f64).prop_map(|at| (32_000.0 * 62.5_f64.powf(at)) as usize)
}

/// A limit below every event comes from a proxy, not the ingress: an event that fits is dead-lettered only if others are accepted.
async fn below_all_limits_nothing_is_lost(limit: usize) {
    let harness = Harness::new(mixed(), EVENTS);
    harness.ingress.limit(Some(limit), None);
    let (summary, refusal) = match run(harness.pipeline().max_in_flight_requests(1)).await {
        Ok(summary) => (summary, None),
        Err(failed) => (failed.summary, Some(failed.error.kind())),
    };
    assert!(
        matches!(refusal, None | Some(ErrorKind::WrongEndpoint)),
        "{refusal:?}"
    );
    let sizes = sizes(&harness);
    let over: Vec<_> = harness
        .ids()
        .zip(&sizes)
        .filter(|(_, size)| **size > limit)
        .map(|(id, _)| id.to_owned())
        .collect();
    let ledger = harness.ingress.ledger();
    assert_eq!(ledger.repeats(), 0, "limit {limit}");
    assert!(ledger.ids().all(|id| !over.iter().any(|over| over == id)));
    let letters = harness.letters();
    for letter in &letters {
        let bytes = String::from_utf8_lossy(&letter.bytes);
        assert!(
            over.iter().any(|id| bytes.contains(id)),
            "limit {limit}: an event that fits is dead-lettered"
        );
    }
    assert_eq!(ledger.ids().count() as u64, summary.delivered);
    assert_eq!(letters.len() as u64, summary.dead_lettered);
    let ended = summary.delivered + summary.dead_lettered + summary.handed_back;
    assert_eq!(ended, EVENTS as u64);
    assert_eq!(refusal.is_none(), summary.handed_back == 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn request_limit_below_32_kb_dead_letters_only_oversized_events(limit in 1_000..32_000_usize) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(below_all_limits_nothing_is_lost(limit));
    }

    #[test]
    fn events_within_any_limit_arrive_once_and_in_order(limit in limit()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(all_that_fits_arrives_once_and_in_order(limit));
    }
}

#[tokio::test(start_paused = true)]
async fn entry_limit_of_the_ingress_dead_letters_only_larger_entries() {
    let harness = Harness::new(events(EVENTS), EVENTS);
    harness.ingress.limit_entry(Some(8_000));
    let summary = harness.run().await;
    // The brackets of a request around the entry.
    let over = sizes(&harness)
        .into_iter()
        .filter(|size| size - 2 > 8_000)
        .count();
    assert!(over > 0, "the generator makes large events now and then");
    assert_eq!(summary.dead_lettered as usize, over);
    assert_eq!(harness.ingress.arrivals(), EVENTS - over);
    assert_eq!(harness.ingress.ledger().repeats(), 0);
}

#[tokio::test(start_paused = true)]
async fn max_entry_bytes_truncates_before_it_dead_letters() {
    let harness = Harness::new(events(EVENTS), EVENTS);
    harness.ingress.limit_entry(Some(8_000));
    let sink = std::sync::Arc::new(harness.sink().max_entry_bytes(8_000).build().unwrap());
    let summary = run(harness.pipeline_with(std::sync::Arc::clone(&sink)))
        .await
        .unwrap();
    let over = sizes(&harness)
        .into_iter()
        .filter(|size| size - 2 > 8_000)
        .count();
    assert_eq!(
        (summary.delivered as usize, summary.dead_lettered),
        (EVENTS, 0)
    );
    assert_eq!(sink.truncated_entries() as usize, over);
    let ledger = harness.ingress.ledger();
    let flagged =
        |text: &str| text.contains("\"okta_coralogix\":{\"shed\":[\"debugContext.debugData\"]}");
    assert_eq!(
        ledger.entries().iter().filter(|e| flagged(&e.text)).count(),
        over
    );
    assert_eq!(ledger.missing(harness.ids()), Vec::<&str>::new());
}
