//! The simulator keeps its books.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::internal::exchange::date;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Clock, ErrorKind, LogSink};

use crate::entries::{events, in_memory};

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        "2026-01-03T12:00:00Z".parse().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn repeats_and_gaps_are_counted() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    sink.send(&sink.encode(&events(0..3)).unwrap())
        .await
        .unwrap();
    sink.send(&sink.encode(&events(2..4)).unwrap())
        .await
        .unwrap();
    let ledger = ingress.ledger();
    assert_eq!((ledger.entries().len(), ledger.repeats()), (5, 1));
    assert_eq!(ledger.count_by_id()["2"], 2);
    assert_eq!(ledger.missing(["3", "4", "0", "5"]), ["4", "5"]);
    assert_eq!(ledger.entries()[3].request, 1);
    assert_eq!(ledger.without_id(), 0);
}

#[tokio::test(start_paused = true)]
async fn order_and_wrong_keys_are_counted() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    for range in [2..4, 0..2, 4..6, 0..6] {
        sink.send(&sink.encode(&events(range)).unwrap())
            .await
            .unwrap();
    }
    let ledger = ingress.ledger();
    let expected: Vec<_> = (0..6).map(|n| n.to_string()).collect();
    assert_eq!(ledger.out_of_order(expected.iter().map(String::as_str)), 2);
    assert_eq!((ledger.repeats(), ledger.wrong_keys()), (6, 0));

    ingress.set_key("another");
    let batch = sink.encode(&events(0..1)).unwrap();
    sink.send(&batch).await.unwrap_err();
    ingress.fail_next(1, Fault::status(401));
    sink.send(&batch).await.unwrap_err();
    let ledger = ingress.ledger();
    assert_eq!((ledger.wrong_keys(), ledger.answered(401)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn simulator_entry_limit_refuses_the_request() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let entries = events(0..2);
    let batch = sink.encode(&entries).unwrap();
    ingress.limit_entry(Some(10));
    assert_eq!(
        sink.send(&batch).await.unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    ingress.limit_entry(Some(batch.uncompressed_len));
    sink.send(&batch).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn simulator_counts_old_and_big_entries_by_the_injected_clock() {
    let ingress = CoralogixSimulator::builder()
        .clock(Arc::new(Noon))
        .max_age(AgeFilter::DEFAULT_LIMIT)
        .max_entry_bytes(200)
        .build();
    let sink = in_memory(&ingress);
    let mut entries = events(0..3);
    entries[1].timestamp = Some("2026-01-02T12:00:00Z".parse().unwrap());
    entries[2].text = okta_coralogix_core::EntryText::Escaped("x".repeat(200).into());
    sink.send(&sink.encode(&entries).unwrap()).await.unwrap();
    let ledger = ingress.ledger();
    assert_eq!(ledger.too_old(), 2, "exactly 24 hours are not too old");
    assert_eq!(ledger.too_big(), 1);
    assert_eq!(ledger.without_id(), 1);
}

#[tokio::test(start_paused = true)]
async fn simulator_identity_of_entries_can_be_replaced() {
    let ingress = CoralogixSimulator::builder()
        .identity(|text| Some(text.len().to_string()))
        .build();
    let sink = in_memory(&ingress);
    sink.send(&sink.encode(&events(0..2)).unwrap())
        .await
        .unwrap();
    assert_eq!(ingress.ledger().repeats(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_carry_the_date_of_the_injected_clock() {
    let ingress = CoralogixSimulator::builder().clock(Arc::new(Noon)).build();
    let answer = ingress.call(http::Request::default()).await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(date(answer.headers()), Some(Noon.now()));
}

#[tokio::test(start_paused = true)]
async fn simulator_fault_persists_until_it_is_cleared() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let batch = sink.encode(&events(0..1)).unwrap();
    ingress.fail_always(Some(Fault::status(503)));
    ingress.fail_next(1, Fault::status(429));
    for _ in 0..5 {
        sink.send(&batch).await.unwrap_err();
    }
    ingress.fail_always(None);
    sink.send(&batch).await.unwrap();
    let ledger = ingress.ledger();
    assert_eq!(
        (
            ledger.answered(429),
            ledger.answered(503),
            ledger.answered(200)
        ),
        (1, 4, 1)
    );
}
