//! Events that are not settled in time are answered 503, and arrive exactly once in the end.

use std::time::Duration;

use chrono::TimeDelta;
use coralogix_sink::simulator::Fault;
use http::Request;
use okta_coralogix_core::{Error, ErrorKind};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, envelope};

#[tokio::test(start_paused = true)]
async fn ingress_outage_of_a_minute_loses_nothing() {
    for (fault, name) in [
        (None, "refuses connections"),
        (Some(Fault::status(503)), "answers 503"),
    ] {
        let harness = Harness::new();
        let fail = |down: bool| match &fault {
            None => harness.ingress.set_down(down),
            Some(fault) => harness.ingress.fail_always(down.then(|| fault.clone())),
        };
        let events = harness.events(3000);
        let destination = harness.destination().rate(50).build();
        let start = Instant::now();
        let outage = async {
            sleep(Duration::from_secs(10)).await;
            fail(true);
            sleep(Duration::from_secs(60)).await;
            fail(false);
        };
        let (report, ()) =
            tokio::join!(destination.invoke_all(events.iter().map(envelope)), outage);
        assert!(report.undelivered.is_empty());
        assert!(report.retries() > 1000, "{}", report.retries());
        harness.assert_all_once(&events);
        let slowest = report.answered_within(1.0);
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        println!(
            "3,000 events, an ingress that {name} for 60 s: all there after {:?}, {} requests sent again, each event once",
            start.elapsed(),
            report.retries()
        );
        assert!(harness.end().await.handed_back > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn http_503_with_retry_after_is_answered_at_the_deadline() {
    let harness = Harness::of(|source| source.retry_after(Duration::from_secs(7)));
    harness.ingress.set_down(true);
    let event = harness.events(1);
    let start = Instant::now();
    let response = harness.post(envelope(&event[0])).await;
    assert_eq!(
        (response.status.as_u16(), start.elapsed().as_millis()),
        (503, 4000)
    );
    assert_eq!(response.headers["retry-after"], "7");
    harness.ingress.set_down(false);
    assert_eq!(harness.post(envelope(&event[0])).await.status, 200);
    harness.assert_all_once(&event);
}

#[tokio::test(start_paused = true)]
async fn copy_of_an_event_in_flight_joins_its_outcome() {
    let harness = Harness::new();
    harness.sink.check().await.unwrap();
    harness
        .ingress
        .fail_next(1, Fault::Slow(Duration::from_secs(6)));
    let event = harness.events(1);
    assert_eq!(
        harness.post(envelope(&event[0])).await.status,
        503,
        "on the wire at the deadline"
    );
    let start = Instant::now();
    assert_eq!(harness.post(envelope(&event[0])).await.status, 200);
    assert!(
        start.elapsed() > Duration::from_secs(1),
        "the copy waited for the first one"
    );
    harness.assert_all_once(&event);
    let summary = harness.end().await;
    assert_eq!((summary.delivered, summary.duplicate), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn http_503_is_answered_when_coralogix_refuses_our_key() {
    for status in [401, 403] {
        let harness = Harness::new();
        harness.ingress.fail_always(Some(Fault::status(status)));
        let events = harness.events(2);
        assert_eq!(harness.post(envelope(&events[0])).await.status, 503);
        sleep(Duration::from_secs(60)).await;
        // The pipeline has tried once more, and ended: nothing is settled any more.
        let start = Instant::now();
        assert_eq!(harness.post(envelope(&events[1])).await.status, 503);
        assert_eq!(start.elapsed(), Duration::ZERO);
        let ready = harness.ask(Request::get("/readyz").body("".into())).await;
        assert_eq!((ready.status.as_u16(), &*ready.text), (503, "stopping\n"));
        assert!(
            harness.letters.records().is_empty() && harness.ingress.ledger().entries().is_empty()
        );
        let failed = harness.ended().await.unwrap_err();
        assert!(matches!(
            failed.error.kind(),
            ErrorKind::Unauthorized | ErrorKind::Forbidden
        ));
        assert_eq!(
            (failed.summary.received, failed.summary.handed_back),
            (1, 1)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn http_503_is_answered_at_once_when_the_queue_is_full() {
    let harness = Harness::of(|source| source.max_waiting_requests(10));
    harness
        .ingress
        .fail_always(Some(Fault::Slow(Duration::from_secs(2))));
    let events = harness.events(400);
    let destination = harness.destination().rate(10_000).build();
    let report = destination.invoke_all(events.iter().map(envelope)).await;
    assert!(report.undelivered.is_empty());
    assert!(report.retries() > 300, "{}", report.retries());
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn http_503_is_answered_when_the_body_buffer_is_full() {
    let harness = Harness::of(|source| source.max_body_bytes(1 << 20).max_buffered_bytes(2 << 20));
    harness.ingress.set_down(true);
    let events = harness.events(3);
    // Without a `Content-Length` the server reserves room for the longest body.
    let ask = |n: usize| harness.post(envelope(&events[n]));
    let start = Instant::now();
    let third = async {
        sleep(Duration::from_millis(1)).await;
        let response = ask(2).await;
        (response.text, start.elapsed())
    };
    let (_, _, (text, took)) = tokio::join!(ask(0), ask(1), third);
    assert_eq!(text, "too much is in flight\n");
    assert!(took < Duration::from_millis(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn readyz_reports_the_sink_and_asks_it_rarely() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let harness = Harness::of(|source| {
        source.sink_check(move || {
            let asked = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                match asked {
                    0 => Ok(()),
                    _ => Err(Error::temporary(ErrorKind::Network, "down")),
                }
            }
        })
    });
    let ready = async || {
        harness
            .ask(Request::get("/readyz").body("".into()))
            .await
            .status
            .as_u16()
    };
    for _ in 0..100 {
        assert_eq!(ready().await, 200);
    }
    sleep(Duration::from_secs(10)).await;
    for _ in 0..100 {
        assert_eq!(ready().await, 503);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let alive = harness.ask(Request::get("/healthz").body("".into())).await;
    assert_eq!(alive.status, 200);
}

#[tokio::test(start_paused = true)]
async fn readyz_is_answered_in_time_while_the_sink_is_silent() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let harness = Harness::of(|source| {
        source.sink_check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        })
    });
    for _ in 0..5 {
        let start = Instant::now();
        let ready = harness.ask(Request::get("/readyz").body("".into())).await;
        assert_eq!(ready.status, 503);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "it is still being asked");
}

#[tokio::test(start_paused = true)]
async fn host_clock_days_ahead_drops_nothing_once_coralogix_has_answered() {
    let harness = Harness::new();
    let event = harness.events(1);
    harness.host.set_offset(TimeDelta::days(3));
    harness.sink.check().await.unwrap();
    assert_eq!(harness.post(envelope(&event[0])).await.status, 200);
    harness.assert_all_once(&event);
    let old = r#"{"uuid":"old","published":"2026-11-21T11:59:59Z"}"#;
    assert_eq!(harness.post(old).await.status, 200);
    let summary = harness.end().await;
    assert_eq!((summary.delivered, summary.too_old), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn unknown_clock_answers_503_for_events_that_look_expired() {
    let harness = Harness::new();
    let event = harness.events(1);
    let old = r#"{"uuid":"old","published":"2026-11-21T11:59:59Z"}"#;
    harness.host.set_offset(TimeDelta::days(3));
    // It is asked once for both.
    harness.ingress.fail_next(1, Fault::ResetBeforeReading);
    assert_eq!(harness.post(envelope(&event[0])).await.status, 503);
    assert_eq!(harness.post(old).await.status, 503);
    tokio::time::advance(Duration::from_secs(11)).await;
    // Asked while this one is answered.
    assert_eq!(harness.post(envelope(&event[0])).await.status, 503);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(harness.post(envelope(&event[0])).await.status, 200);
    assert_eq!(harness.post(old).await.status, 200);
    harness.assert_all_once(&event);
    let summary = harness.end().await;
    assert_eq!((summary.delivered, summary.too_old), (1, 1));
    assert_eq!(summary.handed_back, 3);
}

#[tokio::test(start_paused = true)]
async fn unknown_clock_does_not_expire_an_event_underway() {
    for seconds in 0..6 {
        let harness = Harness::new();
        let event = harness.events(1);
        let ahead = TimeDelta::days(1) - TimeDelta::seconds(seconds);
        harness.host.set_offset(ahead);
        // A proxy may have answered.
        harness.ingress.fail_always(Some(Fault::status(503)));
        for _ in 0..3 {
            let status = harness.post(envelope(&event[0])).await.status;
            assert_eq!(status, 503, "{seconds} s");
        }
        harness.ingress.fail_always(None);
        harness.sink.check().await.unwrap();
        // The pipeline may still be waiting before its next attempt.
        let mut statuses = Vec::new();
        while statuses.len() < 5 && statuses.last() != Some(&200) {
            statuses.push(harness.post(envelope(&event[0])).await.status.as_u16());
        }
        harness.assert_all_once(&event);
        let summary = harness.end().await;
        assert_eq!((summary.delivered, summary.too_old), (1, 0));
    }
}

/// It may have arrived. If it is too old, Coralogix would accept a repeat and not keep it.
#[tokio::test(start_paused = true)]
async fn event_that_looks_expired_after_a_lost_answer_waits_for_the_clock() {
    for (published, counts) in [
        ("2026-11-22T12:00:00Z", (1, 0)),
        ("2026-11-21T12:00:05Z", (0, 1)),
    ] {
        let harness = Harness::new();
        let event = format!(r#"{{"uuid":"one","published":"{published}"}}"#);
        let host_is_ahead = counts == (1, 0);
        if host_is_ahead {
            harness
                .host
                .set_offset(TimeDelta::days(1) - TimeDelta::seconds(5));
        }
        harness.ingress.fail_always(Some(Fault::status(502)));
        assert_eq!(harness.post(event.clone()).await.status, 503);
        sleep(Duration::from_secs(10)).await;
        let sent = harness.ingress.ledger().answered(502);
        sleep(Duration::from_secs(120)).await;
        assert_eq!(harness.ingress.ledger().answered(502), sent, "{published}");
        harness.ingress.fail_always(None);
        harness.sink.check().await.unwrap();
        assert_eq!(harness.post(event).await.status, 200, "{published}");
        let summary = harness.end().await;
        assert_eq!((summary.delivered, summary.too_old), counts);
        assert!(summary.ambiguous_sends > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_key_ends_the_run_while_the_clock_is_unknown() {
    let harness = Harness::new();
    let event = harness.events(1);
    harness.host.set_offset(TimeDelta::days(3));
    harness.ingress.fail_always(Some(Fault::status(401)));
    assert_eq!(harness.post(envelope(&event[0])).await.status, 503);
    let failed = harness.ended().await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Unauthorized);
    assert_eq!(failed.summary.handed_back, 1);
}

#[tokio::test(start_paused = true)]
async fn mended_key_is_tried_again_while_the_clock_is_unknown() {
    let harness = Harness::new();
    let event = harness.events(1);
    harness.host.set_offset(TimeDelta::days(3));
    harness.ingress.fail_always(Some(Fault::status(401)));
    for _ in 0..3 {
        assert_eq!(harness.post(envelope(&event[0])).await.status, 503);
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(harness.ingress.ledger().answered(401), 1, "it rests");
    harness.ingress.fail_always(None);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(harness.post(envelope(&event[0])).await.status, 200);
    harness.assert_all_once(&event);
    assert_eq!(harness.end().await.delivered, 1);
}
