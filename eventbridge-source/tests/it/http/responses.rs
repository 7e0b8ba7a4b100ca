//! The status of each response, and where the event is afterwards.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use eventbridge_source::BodyParser;
use http::Request;
use okta_coralogix_core::CoralogixMapping;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};

use super::harness::{Harness, KEY, KEY_HEADER, PATH, envelope};

const EXAMPLE: &[u8] = include_bytes!("../../fixtures/okta-system-log.json");

#[tokio::test(start_paused = true)]
async fn okta_example_is_delivered_byte_for_byte() {
    let harness = Harness::with("2023-05-30T15:00:00Z", |source| source, |pipeline| pipeline);
    assert_eq!(harness.post(EXAMPLE).await.status, 200);
    let ledger = harness.ingress.ledger();
    let [entry] = ledger.entries() else {
        panic!("{:?}", ledger.entries());
    };
    assert_eq!(entry.text.as_bytes(), EXAMPLE);
    assert_eq!(entry.application, "okta");
    assert_eq!(entry.subsystem, "okta-events", "the log stream");
    assert_eq!(entry.computer.as_deref(), Some("coralogix"), "the org");
    assert_eq!(
        entry.category.as_deref(),
        Some("user.session.access_admin_app")
    );
    assert_eq!(entry.severity, Some(3));
    assert_eq!(
        entry.timestamp,
        "2023-05-30T14:17:58.126Z".parse().ok(),
        "when it happened"
    );
    assert_eq!(harness.end().await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_name_wins_over_the_stream_and_the_bare_event_can_be_asked_for() {
    let mapping = CoralogixMapping::builder()
        .subsystem("account")
        .bare_event(true)
        .build();
    let harness = Harness::with(
        "2023-05-30T15:00:00Z",
        |source| source.body_parser(BodyParser::default().org("coralogix.okta.com")),
        |pipeline| pipeline.mapping(mapping.unwrap()),
    );
    assert_eq!(harness.post(EXAMPLE).await.status, 200);
    let entry = harness.ingress.ledger().entries()[0].as_ref().clone();
    assert!(
        entry.text.starts_with("{\n        \"actor\": {"),
        "{}",
        entry.text
    );
    assert_eq!(
        (&*entry.subsystem, entry.computer.as_deref()),
        ("account", Some("coralogix.okta.com"))
    );
}

#[tokio::test(start_paused = true)]
async fn http_200_is_answered_for_every_settled_event() {
    let harness = Harness::new();
    let [event] = &harness.events(1)[..] else {
        panic!()
    };
    let envelope = envelope(event);
    let old = r#"{"uuid":"old","published":"2026-11-20T12:00:00Z"}"#;
    let array = format!("[{},7,{old}]", std::str::from_utf8(&envelope).unwrap());
    for (body, why) in [
        (envelope.clone(), "delivered"),
        (event.json.clone(), "a duplicate, and bare"),
        (old.into(), "too old"),
        (
            r#"{"detail":{"uuid":"u"}}"#.into(),
            "without a time, in the dead letters",
        ),
        (
            array.into(),
            "a duplicate, a bad element in the dead letters, and too old",
        ),
    ] {
        assert_eq!(harness.post(body).await.status, 200, "{why}");
    }
    harness.assert_all_once(std::slice::from_ref(event));
    let letters: Vec<_> = harness
        .letters
        .records()
        .into_iter()
        .map(|letter| letter.bytes)
        .collect();
    assert_eq!(letters, [&br#"{"detail":{"uuid":"u"}}"#[..], b"7"]);
    let summary = harness.end().await;
    assert_eq!(
        (summary.received, summary.delivered, summary.duplicate),
        (7, 1, 2)
    );
    assert_eq!((summary.too_old, summary.dead_lettered), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn age_is_that_of_the_event_and_not_of_its_envelope() {
    let harness = Harness::new();
    let body = |time: &str, published: &str| {
        format!(
            r#"{{"time":"{time}","detail":{{"uuid":"{published}","published":"{published}"}}}}"#
        )
    };
    let (now, old) = ("2026-11-22T11:59:59Z", "2026-11-20T12:00:00Z");
    assert_eq!(harness.post(body(old, now)).await.status, 200);
    assert_eq!(harness.post(body(now, old)).await.status, 200);
    let summary = harness.end().await;
    assert_eq!((summary.delivered, summary.too_old), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn http_400_dead_letters_a_body_without_events() {
    let harness = Harness::new();
    let other =
        r#"{"source":"aws.partner/auth0.com/a/b","detail":{"published":"2026-11-22T12:00:00Z"}}"#;
    let bodies: [&[u8]; 7] = [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"{\"detail\":",
        b"[1,2]",
        other.as_bytes(),
    ];
    for body in bodies {
        let response = harness.post(body).await;
        assert_eq!(response.status, 400, "{}", String::from_utf8_lossy(body));
    }
    let letters = harness.letters.records();
    let kept = letters.iter().map(|letter| &letter.bytes[..]);
    let expected: [&[u8]; 8] = [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"{\"detail\":",
        b"1",
        b"2",
        other.as_bytes(),
    ];
    assert_eq!(kept.collect::<Vec<_>>(), expected);
    assert!(harness.ingress.ledger().entries().is_empty());
    assert_eq!(harness.end().await.dead_lettered, 8);
}

#[tokio::test(start_paused = true)]
async fn http_413_dead_letters_the_beginning_of_the_body() {
    let harness = Harness::of(|source| source.max_body_bytes(100_000).max_buffered_bytes(200_000));
    let body = Bytes::from(vec![b'x'; 10_000_000]);
    for declared in [true, false] {
        let mut request = Request::post(PATH).header(KEY_HEADER, KEY);
        if declared {
            request = request.header("content-length", body.len());
        }
        assert_eq!(harness.ask(request.body(body.clone())).await.status, 413);
    }
    for letter in harness.letters.records() {
        assert_eq!(letter.bytes, body[..64 * 1024]);
        assert!(
            letter.detail.contains("10000000 bytes, at most 100000"),
            "{}",
            letter.detail
        );
    }
    assert_eq!(harness.end().await.dead_lettered, 2);
}

#[tokio::test(start_paused = true)]
async fn http_415_dead_letters_a_compressed_body() {
    let harness = Harness::new();
    let request = Request::post(PATH).header(KEY_HEADER, KEY);
    let request = request.header("content-encoding", "gzip");
    let response = harness
        .ask(request.body(Bytes::from_static(b"\x1f\x8b\x08")))
        .await;
    assert_eq!(response.status, 415);
    assert_eq!(harness.letters.records()[0].bytes, b"\x1f\x8b\x08"[..]);
}

#[tokio::test(start_paused = true)]
async fn any_content_type_range_and_body_method_are_taken() {
    let harness = Harness::new();
    let event = &harness.events(1)[0];
    for (method, content_type) in [
        ("POST", "text/plain"),
        ("PUT", "application/json"),
        ("PATCH", "x"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(PATH)
            .header(KEY_HEADER, KEY);
        let request = request
            .header("content-type", content_type)
            .header("range", "bytes=0-1048575");
        assert_eq!(harness.ask(request.body(envelope(event))).await.status, 200);
    }
}

/// After a 405 EventBridge would drop the event.
#[tokio::test(start_paused = true)]
async fn http_503_answers_a_wrong_method() {
    let harness = Harness::new();
    let event = &harness.events(1)[0];
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let request = Request::builder().method(method).uri(PATH);
        let stranger = harness.ask(request.body(envelope(event))).await;
        assert_eq!(stranger.status, 401);
        let request = Request::builder().method(method).uri(PATH);
        let request = request.header(KEY_HEADER, KEY);
        let response = harness.ask(request.body(envelope(event))).await;
        assert_eq!(response.status, 503, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn request_headers_name_application_and_subsystem_if_allowed() {
    for allowed in [true, false] {
        let harness = Harness::of(|source| source.names_from_headers(allowed));
        let event = &harness.events(1)[0];
        let request = Request::post(PATH).header(KEY_HEADER, KEY);
        let request = request
            .header("cx-application-name", "ünique".as_bytes())
            .header("cx-subsystem-name", "sub");
        assert_eq!(harness.ask(request.body(envelope(event))).await.status, 200);
        let entry = harness.ingress.ledger().entries()[0].as_ref().clone();
        let expected = if allowed {
            ("ünique", "sub")
        } else {
            ("okta", "audit")
        };
        assert_eq!((&*entry.application, &*entry.subsystem), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn nesting_of_a_thousand_levels_passes_and_ten_thousand_arrays_are_400() {
    let harness = Harness::new();
    let deep = format!("{}{}", "[".repeat(999), "]".repeat(999));
    let event =
        format!(r#"{{"detail":{{"uuid":"deep","published":"2026-11-22T12:00:00Z","a":{deep}}}}}"#);
    assert_eq!(harness.post(event.clone()).await.status, 200);
    assert_eq!(harness.ingress.ledger().entries()[0].text, event);
    let arrays = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(harness.post(arrays).await.status, 400);
}

/// Keeps the statuses of the answers.
#[derive(Debug, Clone, Default)]
struct Statuses(Arc<Mutex<Vec<u16>>>);

impl Observer for Statuses {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let PipelineEvent::RequestAnswered { status, .. } = event {
            self.0.lock().unwrap().push(*status);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_reported_and_health_checks_are_not() {
    let statuses = Statuses::default();
    let observer = statuses.clone();
    let harness = Harness::with(
        "2026-11-22T12:00:00Z",
        |source| source,
        |pipeline| pipeline.observer(observer),
    );
    let event = harness.events(1).remove(0);
    assert_eq!(harness.post(envelope(&event)).await.status, 200);
    assert_eq!(harness.post("no event").await.status, 400);
    let without_key = Request::post(PATH).body(Bytes::new());
    assert_eq!(harness.ask(without_key).await.status, 401);
    let of_firehose = Request::post(PATH).header("x-amz-firehose-request-id", "1");
    let of_firehose = of_firehose.body(Bytes::new());
    assert_eq!(harness.ask(of_firehose).await.status, 401);
    let wrong_method = Request::get(PATH).header(KEY_HEADER, KEY);
    let wrong_method = wrong_method.body(Bytes::new());
    assert_eq!(harness.ask(wrong_method).await.status, 503);
    for path in ["/healthz", "/readyz"] {
        harness.ask(Request::get(path).body(Bytes::new())).await;
    }
    assert_eq!(*statuses.0.lock().unwrap(), [200, 400, 401, 401, 503]);
}
