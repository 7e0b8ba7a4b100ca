use std::time::Duration;

use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{ErrorKind, EventSource, RetryHint};
use okta_source::simulator::Fault;
use tokio::time::Instant;

use crate::harness::{Harness, event, failed, given, numbers, settle};

/// The fault meets the second page; afterwards the very same link is asked for again.
async fn passes(fault: Fault, kind: ErrorKind) -> okta_coralogix_core::Error {
    let harness = Harness::new();
    harness.append(0..1_200);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    let committed = harness.store.cursor().unwrap();
    harness.org.script(fault.clone());
    let error = failed(&mut source).await;
    assert_eq!(error.kind(), kind, "{fault:?}: {error}");
    assert!(error.is_temporary(), "{fault:?}");
    assert_eq!(harness.store.cursor().as_ref(), Some(&committed));
    let delivery = given(&mut source).await;
    assert_eq!(
        numbers(&delivery),
        (1_000..1_200).collect::<Vec<_>>(),
        "{fault:?}"
    );
    let asked: Vec<_> = harness
        .org
        .requests()
        .into_iter()
        .skip(1)
        .map(|request| request.path_and_query)
        .collect();
    assert_eq!(asked, [committed.clone(), committed], "one attempt each");
    error
}

async fn stops(fault: Fault, kind: ErrorKind) -> okta_coralogix_core::Error {
    let harness = Harness::new();
    harness.append(0..3);
    harness.org.script(fault.clone());
    let error = failed(&mut harness.open().await).await;
    assert_eq!(error.kind(), kind, "{fault:?}: {error}");
    assert!(!error.is_temporary(), "{fault:?}");
    assert_eq!(harness.org.request_count(), 1);
    error
}

#[tokio::test(start_paused = true)]
async fn temporary_fault_moves_no_position() {
    passes(Fault::Unavailable, ErrorKind::Unavailable).await;
    passes(Fault::Concurrency, ErrorKind::RateLimited).await;
    passes(Fault::RateLimitedSilently, ErrorKind::RateLimited).await;
    passes(Fault::Html, ErrorKind::Intercepted).await;
    passes(Fault::NoNextLink, ErrorKind::UnexpectedResponse).await;
    passes(Fault::HalfBody, ErrorKind::Network).await;
    passes(Fault::Unreachable, ErrorKind::Network).await;
    for status in [408, 500, 502, 504] {
        passes(Fault::Status(status, String::new()), ErrorKind::Unavailable).await;
    }
    let code = r#"{"errorCode":"E0000053","errorSummary":"internal"}"#;
    passes(Fault::Status(500, code.into()), ErrorKind::Unavailable).await;
    for body in ["", "{}", "[{}", "null", "[]x"] {
        passes(
            Fault::Status(200, body.into()),
            ErrorKind::UnexpectedResponse,
        )
        .await;
    }
    passes(
        Fault::Status(204, String::new()),
        ErrorKind::UnexpectedResponse,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn timeout_is_40_seconds_before_an_answer_and_15_within() {
    for (fault, seconds) in [(Fault::StalledBody, 15), (Fault::Silence, 40)] {
        let began = Instant::now();
        passes(fault, ErrorKind::TimedOut).await;
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn answer_in_another_encoding_is_a_temporary_error() {
    let error = passes(Fault::TruncatedGzip, ErrorKind::UnexpectedResponse).await;
    assert!(error.detail().contains("encoded as gzip"), "{error}");
    passes(Fault::WrongCharset, ErrorKind::UnexpectedResponse).await;
}

#[tokio::test(start_paused = true)]
async fn answer_longer_than_max_body_bytes_is_cut_off() {
    let harness = Harness::new();
    harness.append(0..100);
    let mut source = harness
        .builder()
        .max_body_bytes(1_000)
        .open()
        .await
        .unwrap();
    let error = failed(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(error.detail().contains("1000 bytes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn permanent_fault_says_what_to_do() {
    let marked = |status, code: &str| Fault::Status(status, format!(r#"{{"errorCode":"{code}"}}"#));
    for (fault, kind, words) in [
        (
            marked(401, "E0000011"),
            ErrorKind::Unauthorized,
            "create a new one",
        ),
        (marked(403, "E0000006"), ErrorKind::Forbidden, "Read-only"),
        (
            marked(404, "E0000007"),
            ErrorKind::WrongEndpoint,
            "address of the org",
        ),
    ] {
        let message = stops(fault, kind).await.to_string();
        assert!(message.contains(words), "{message}");
    }
    let refusal = "{\"errorCode\":\"E0000001\",\"errorSummary\":\"bad \\u001b[31m since\"}";
    let message = stops(Fault::Status(400, refusal.into()), ErrorKind::Rejected)
        .await
        .to_string();
    assert!(
        message.contains("E0000001, bad \\u{1b}[31m since, request req1"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn redirect_of_the_org_is_not_followed() {
    for (to, host) in [
        ("https://evil.example/api/v1/logs", Some("evil.example")),
        (
            "https://example.okta.com/api/v1/logs",
            Some("example.okta.com"),
        ),
        ("/", None),
    ] {
        let error = passes(Fault::Redirect(to.into()), ErrorKind::Intercepted).await;
        let named =
            host.is_none_or(|host| error.detail().contains(&format!("redirect to `{host}`")));
        assert!(named, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn outage_of_ten_minutes_loses_nothing() {
    let harness = Harness::new();
    harness.append(0..1_200);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    harness.org.script_times(60, Fault::Unreachable);
    let began = Instant::now();
    let delivery = loop {
        match source.next().await {
            Ok(delivery) => break delivery.unwrap(),
            Err(error) => assert_eq!(error.retry(), RetryHint::Backoff),
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    };
    assert_eq!(began.elapsed().as_secs(), 600);
    assert_eq!(numbers(&delivery), (1_000..1_200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn malformed_element_is_reported_and_the_other_999_delivered() {
    let harness = Harness::new();
    let now = harness.clock.now();
    harness
        .org
        .append_all((0..500).map(|number| event(number, now)));
    harness.org.append(r#"{"uuid":"broken","published":}"#);
    harness
        .org
        .append_all((500..999).map(|number| event(number, now)));
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    assert_eq!(delivery.items.len(), 1_000);
    assert_eq!(numbers(&delivery), (0..999).collect::<Vec<_>>());
    let malformed = delivery.items[500].as_ref().unwrap_err();
    assert_eq!(malformed.bytes, r#"{"uuid":"broken","published":}"#);
    assert!(matches!(malformed.reason, MalformedReason::NotJson(_)));
    assert_eq!(malformed.origin.org, "example");
}

#[tokio::test(start_paused = true)]
async fn bytes_before_an_element_that_are_not_utf_8_cost_this_element() {
    let harness = Harness::new();
    harness.append(0..1_000);
    harness.org.script(Fault::NotUtf8);
    let delivery = given(&mut harness.open().await).await;
    assert_eq!(numbers(&delivery), (1..1_000).collect::<Vec<_>>());
    let malformed = delivery.items[0].as_ref().unwrap_err();
    assert_eq!(malformed.reason, MalformedReason::NotUtf8);
    assert_eq!(malformed.bytes[..2], *b"\xff{");
    assert_eq!(harness.org.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn page_that_cannot_be_split_is_asked_for_in_halves() {
    let harness = Harness::new();
    harness.append(0..10);
    for body in ["[{}", "[{}", "[{\"a\":[", "[]x"] {
        harness.org.script(Fault::Status(200, body.into()));
    }
    let mut source = harness.open().await;
    for limit in [1_000, 1_000, 500, 250] {
        let error = failed(&mut source).await;
        assert!(error.is_temporary(), "{error}");
        let asked = format!("limit={limit}");
        assert!(harness.last_request().contains(&asked), "{asked}");
    }
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), (0..10).collect::<Vec<_>>());
    assert!(harness.last_request().contains("limit=125"));
}

#[tokio::test(start_paused = true)]
async fn refused_link_is_replaced_once_by_an_earlier_start() {
    for status in [400, 404] {
        let harness = Harness::new();
        harness.append(0..1_200);
        let mut source = harness.open().await;
        settle(given(&mut source).await).await.unwrap();
        let refusal = r#"{"errorCode":"E0000001"}"#;
        harness.org.script(Fault::Status(status, refusal.into()));
        let delivery = given(&mut source).await;
        // Published at 09:59:00, less 10 minutes.
        assert!(
            harness
                .last_request()
                .contains("since=2026-11-22T09:49:00.000Z&"),
            "{}",
            harness.last_request()
        );
        assert_eq!(
            numbers(&delivery),
            (0..1_000).collect::<Vec<_>>(),
            "repeats are the window's business"
        );
        settle(delivery).await.unwrap();
        let delivery = given(&mut source).await;
        assert_eq!(numbers(&delivery), (1_000..1_200).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn second_link_refusal_is_a_permanent_error() {
    let refusal = || Fault::Status(400, r#"{"errorCode":"E0000001"}"#.into());
    let harness = Harness::new();
    harness.append(0..1_200);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    harness.org.script_times(2, refusal());
    let error = failed(&mut source).await;
    assert_eq!(
        error.kind(),
        ErrorKind::Rejected,
        "the start is refused, too"
    );
    assert!(!error.is_temporary());

    let delivery = given(&mut source).await;
    settle(delivery).await.unwrap();
    harness.org.script(refusal());
    let error = failed(&mut source).await;
    assert!(
        !error.is_temporary(),
        "the new link is refused as well: {error}"
    );
}

#[tokio::test(start_paused = true)]
async fn rewind_after_a_fallback_reads_from_the_same_time() {
    let harness = Harness::new();
    harness.append(0..1_200);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    let refusal = r#"{"errorCode":"E0000001"}"#;
    harness.org.script(Fault::Status(400, refusal.into()));
    drop(given(&mut source).await);
    assert_eq!(given(&mut source).await.items.len(), 1_000);
    let asked = harness.org.requests();
    let last = asked.len() - 1;
    assert_eq!(asked[last].path_and_query, asked[last - 1].path_and_query);
    assert!(source.next().await.is_ok());
}
