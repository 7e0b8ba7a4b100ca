//! Faults in memory, under paused time.

use std::time::Duration;

use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixSimulator, Fault, RetryAfter};
use okta_coralogix_core::{ErrorKind, LogSink, RetryHint};
use tokio::time::Instant;

use crate::entries::{events, in_memory};

#[tokio::test(start_paused = true)]
async fn entries_arrive_as_they_were_sent() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let entries = events(0..3);
    sink.send(&sink.encode(&entries).unwrap()).await.unwrap();
    let ledger = ingress.ledger();
    let ids: Vec<_> = ledger.ids().collect();
    assert_eq!(ids, ["0", "1", "2"]);
    let first = &ledger.entries()[0];
    assert_eq!(
        (first.application.as_str(), first.subsystem.as_str()),
        ("okta", "acme")
    );
    assert_eq!(first.timestamp, entries[0].timestamp);
    assert_eq!(first.severity, Some(3));
    assert_eq!(
        first.text,
        r#"{"uuid":"0","eventType":"user.session.start"}"#
    );
    assert!(!first.embedded);
}

#[tokio::test(start_paused = true)]
async fn retry_of_the_sink_sends_the_same_bytes() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let batch = sink.encode(&events(0..50)).unwrap();
    ingress.fail_next(2, Fault::status(503));
    while sink.send(&batch).await.is_err() {}
    let ledger = ingress.ledger();
    let first = &ledger.requests()[0];
    assert_eq!(ledger.requests().len(), 3);
    for request in ledger.requests() {
        assert_eq!(request.wire_hash, first.wire_hash);
        assert_eq!(
            (request.wire_bytes, request.plain_bytes),
            (batch.body.len(), batch.uncompressed_len)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn slow_answer_times_out_after_the_set_time_as_ambiguous() {
    let ingress = CoralogixSimulator::new();
    let sink = |timeout: Option<u64>| {
        let builder = CoralogixSink::builder()
            .domain("EU2")
            .api_key(ingress.key())
            .transport(std::sync::Arc::new(ingress.clone()));
        match timeout {
            Some(seconds) => builder.timeout(Duration::from_secs(seconds)),
            None => builder,
        }
        .build()
        .unwrap()
    };
    for (timeout, seconds) in [(None, 30), (Some(5), 5), (Some(600), 600)] {
        let sink = sink(timeout);
        let batch = sink.encode(&events(0..1)).unwrap();
        ingress.fail_next(1, Fault::Slow(Duration::from_secs(seconds - 1)));
        sink.send(&batch).await.unwrap();
        for silence in [
            Fault::Slow(Duration::from_secs(3_600)),
            Fault::StalledAnswer,
        ] {
            ingress.fail_next(1, silence);
            let start = Instant::now();
            let error = sink.send(&batch).await.unwrap_err();
            assert_eq!(start.elapsed().as_secs(), seconds);
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(error.is_temporary() && error.is_ambiguous());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ambiguous_errors_are_those_that_may_have_reached_the_ingress() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let batch = sink.encode(&events(0..1)).unwrap();
    ingress.set_down(true);
    let refused = sink.send(&batch).await.unwrap_err();
    assert!(refused.is_temporary() && !refused.is_ambiguous());
    ingress.set_down(false);
    for (fault, taken) in [
        (Fault::ResetBeforeReading, 0),
        (Fault::ResetAfterAccepting, 1),
        (Fault::HalfAnswer, 2),
    ] {
        ingress.fail_next(1, fault.clone());
        let error = sink.send(&batch).await.unwrap_err();
        assert!(error.is_temporary() && error.is_ambiguous(), "{fault:?}");
        assert_eq!(ingress.arrivals(), taken, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_reaches_the_caller_in_both_forms() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let batch = sink.encode(&events(0..1)).unwrap();
    let minute = Duration::from_secs(60);
    for wait in [RetryAfter::Seconds(60), RetryAfter::Date(minute)] {
        ingress.fail_next(1, Fault::retry_after(429, wait));
        let error = sink.send(&batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry(), RetryHint::After(minute));
    }
}

#[tokio::test(start_paused = true)]
async fn too_large_and_poison_batches_are_refused_until_smaller() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let batch = sink.encode(&events(0..4)).unwrap();
    ingress.limit(None, Some(3));
    let error = sink.send(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    ingress.limit(Some(batch.uncompressed_len - 1), None);
    let error = sink.send(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    ingress.limit(None, None);
    ingress.poison(|text| text.contains(r#""uuid":"2""#));
    let error = sink.send(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.detail().contains("poison"), "{error}");
    assert_eq!(ingress.arrivals(), 0);
    sink.send(&sink.encode(&events(0..2)).unwrap())
        .await
        .unwrap();
    assert_eq!(ingress.arrivals(), 2);
}

#[tokio::test(start_paused = true)]
async fn wrong_key_is_a_permanent_error_that_names_the_region() {
    for (status, kind) in [(401, ErrorKind::Unauthorized), (403, ErrorKind::Forbidden)] {
        let ingress = CoralogixSimulator::builder()
            .key("right")
            .wrong_key_status(status)
            .build();
        let sink = CoralogixSink::builder()
            .domain("EU2")
            .api_key("hunter2")
            .transport(std::sync::Arc::new(ingress.clone()))
            .build()
            .unwrap();
        let batch = sink.encode(&events(0..1)).unwrap();
        let error = sink.send(&batch).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!error.is_temporary());
        assert!(error.detail().contains("region EU2"), "{error}");
        assert!(error.detail().contains("Send-Your-Data"), "{error}");
        ingress.set_key("hunter2");
        sink.send(&batch).await.unwrap();
    }
}
