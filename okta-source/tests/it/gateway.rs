//! Something between answers in Okta's place: it refuses nothing, and teaches nothing.

use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::testing::LogCapture;
use okta_coralogix_core::{Error, ErrorKind, EventSource};
use okta_source::OktaSource;
use okta_source::simulator::Fault;
use tokio::time::{Instant, sleep};

use crate::auth;
use crate::harness::{Harness, failed, given, numbers, settle};

fn gateway(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Fault {
    Fault::Gateway {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: body.to_vec().into(),
    }
}

/// Answers in Okta's place, and words that the error must have.
fn answers() -> Vec<(Fault, &'static [&'static str])> {
    const UNMARKED: &[&str] = &[
        "Okta, or something between this program and Okta, answered",
        "without an error code and without a request id of Okta",
    ];
    let xhtml = b"\xEF\xBB\xBF<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><title>Log in</title>";
    let json = [("content-type", "application/json")];
    vec![
        (
            Fault::web_page(403, "Access denied"),
            &[
                "something between this program and Okta answered 403 Forbidden with a web page titled \"Access denied\"",
                "if it lasts, check the proxy or web filter",
            ],
        ),
        (
            gateway(200, &[], xhtml),
            &["200 OK with a web page titled \"Log in\""],
        ),
        (
            gateway(401, &[], xhtml),
            &["401 Unauthorized with a web page titled"],
        ),
        (Fault::web_page(400, "Bad request"), &["something between"]),
        (Fault::web_page(404, "No such site"), &["OKTA_ORG_URL"]),
        (
            gateway(302, &[("location", "https://portal.example/in?a=b")], b""),
            &["a redirect to `portal.example`, which is not followed"],
        ),
        (
            gateway(407, &[("proxy-authenticate", "Basic")], b""),
            &[
                "a proxy between this program and Okta answered 407",
                "login",
            ],
        ),
        (gateway(203, &json, b"[]"), &["something between", "203"]),
        (gateway(206, &json, b"[]"), &["something between", "206"]),
        (gateway(451, &[], b""), &["something between", "451"]),
        (gateway(403, &[("server", "nginx")], b""), UNMARKED),
        (gateway(401, &json, b"{\"message\":\"no\"}"), UNMARKED),
        (gateway(403, &json, b"{\"error\":\"Forbidden\"}"), UNMARKED),
        (gateway(404, &json, b"{\"errorCode\":404}"), UNMARKED),
        (gateway(400, &json, b"{}"), UNMARKED),
        (gateway(410, &[], b"gone"), UNMARKED),
    ]
}

fn assert_intercepted(error: &Error, words: &[&str], fault: &Fault) {
    let found = (error.kind(), error.is_temporary());
    assert_eq!(found, (ErrorKind::Intercepted, true), "{fault:?}: {error}");
    for word in words {
        assert!(error.detail().contains(word), "{word:?} is not in: {error}");
    }
}

/// The next delivery, asked for every ten seconds, and what went wrong before.
async fn persistently(source: &mut OktaSource) -> (Vec<u32>, Vec<Error>) {
    let mut errors = Vec::new();
    loop {
        match source.next().await {
            Ok(delivery) => {
                let delivery = delivery.unwrap();
                let numbers = numbers(&delivery);
                settle(delivery).await.unwrap();
                return (numbers, errors);
            }
            Err(error) => errors.push(error),
        }
        sleep(Duration::from_secs(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn gateway_answer_ends_no_run_and_loses_no_event() {
    for service_app in [false, true] {
        for (fault, words) in answers() {
            let harness = auth::harness();
            harness.append(0..1_200);
            let mut source = match service_app {
                true => auth::open(&harness).await,
                false => harness.open().await,
            };
            settle(given(&mut source).await).await.unwrap();
            harness.org.script_times(3, fault.clone());
            let (numbers, errors) = persistently(&mut source).await;
            assert_eq!(numbers, (1_000..1_200).collect::<Vec<_>>(), "{fault:?}");
            assert_eq!(errors.len(), 3, "{fault:?}");
            for error in &errors {
                assert_intercepted(error, words, &fault);
            }
            let (tokens, _) = auth::statuses(&harness);
            assert_eq!(
                tokens.len(),
                if service_app { 2 } else { 0 },
                "no new token"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn gateway_answer_to_a_token_request_is_temporary() {
    for (fault, words) in answers() {
        let harness = auth::harness();
        harness.append(0..3);
        let mut source = auth::open(&harness).await;
        harness.org.script_token_times(3, fault.clone());
        let (numbers, errors) = persistently(&mut source).await;
        assert_eq!(numbers, [0, 1, 2], "{fault:?}");
        assert_eq!(errors.len(), 3, "{fault:?}");
        for error in &errors {
            assert_intercepted(error, words, &fault);
            assert!(error.detail().starts_with("no access token: "), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_count_pages_without_events_and_no_gateway() {
    let harness = Harness::new();
    let mut source = harness.open().await;
    let answers = source.answers();
    for fault in [
        Fault::web_page(200, "Log in"),
        Fault::Unavailable,
        Fault::NoNextLink,
    ] {
        harness.org.script(fault);
        failed(&mut source).await;
    }
    assert_eq!(answers.get(), 0);
    // The first page leads to a link and is a delivery, though nothing is in it.
    settle(given(&mut source).await).await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_secs(299), source.next());
    assert!(quiet.await.is_err());
    assert_eq!(answers.get(), 1 + 9);
}

#[tokio::test(start_paused = true)]
async fn gateway_400_does_not_replace_the_stored_link() {
    for status in [400, 404] {
        let harness = Harness::new();
        harness.append(0..1_200);
        let mut source = harness.open().await;
        settle(given(&mut source).await).await.unwrap();
        let cursor = harness.store.cursor().unwrap();
        harness.org.script(Fault::web_page(status, "Bad request"));
        harness.org.script(gateway(status, &[], b""));
        failed(&mut source).await;
        failed(&mut source).await;
        let delivery = given(&mut source).await;
        assert_eq!(harness.last_request(), cursor);
        assert_eq!(numbers(&delivery), (1_000..1_200).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn gateway_date_moves_no_clock() {
    let wrong = ("date", "Sun, 22 Nov 2020 10:00:00 GMT");
    let answers = [
        gateway(403, &[wrong], b"<html>"),
        gateway(403, &[wrong], b""),
        gateway(302, &[wrong], b""),
        gateway(503, &[wrong], b"<html>"),
        gateway(429, &[wrong], b""),
        gateway(200, &[wrong], b"{}"),
    ];
    let log = LogCapture::start();
    for service_app in [false, true] {
        let harness = auth::harness();
        let mut source = match service_app {
            true => auth::open(&harness).await,
            false => harness.open().await,
        };
        for fault in &answers {
            harness.append(0..1);
            harness.org.script(fault.clone());
            let mut failures = 1;
            if service_app {
                harness.org.script_token(fault.clone());
                failures = 2;
            }
            failed(&mut source).await;
            harness.org.revoke_tokens();
            let (_, errors) = persistently(&mut source).await;
            assert_eq!(errors.len(), failures - 1, "{fault:?}");
            harness.append(1..2);
            let delivery = given(&mut source).await;
            assert_eq!(delivery.clock_offset.get(), TimeDelta::zero(), "{fault:?}");
            settle(delivery).await.unwrap();
        }
        let refused = auth::statuses(&harness).0;
        let refused = refused.into_iter().filter(|status| *status == 401);
        assert_eq!(refused.count(), 0, "no assertion had a wrong time");
    }
    let logged = log.text();
    for warning in ["minutes apart", "no clock can show"] {
        assert!(!logged.contains(warning), "{logged}");
    }
}

#[tokio::test(start_paused = true)]
async fn gateway_date_before_the_first_answer_moves_no_start() {
    let harness = Harness::new();
    harness.append(0..1);
    let mut source = harness.open().await;
    let wrong = ("date", "Sun, 22 Nov 2020 10:00:00 GMT");
    harness.org.script(gateway(400, &[wrong], b"<html>"));
    harness.org.script(gateway(200, &[wrong], b"<html>"));
    failed(&mut source).await;
    failed(&mut source).await;
    settle(given(&mut source).await).await.unwrap();
    let last = harness.last_request();
    assert!(last.contains("since=2026-11-21T10:00:00.000Z"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn gateway_rate_headers_do_not_move_the_budget() {
    let harness = Harness::new();
    harness.append(0..1_200);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    let date = harness.org.now();
    let reset = (date.timestamp() + 100).to_string();
    let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = [
        ("date", date.as_str()),
        ("x-rate-limit-limit", "1"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", reset.as_str()),
    ];
    let began = Instant::now();
    for (status, body) in [
        (403, &b"<html>"[..]),
        (401, b""),
        (503, b"<html>"),
        (200, b"<html>"),
    ] {
        harness.org.script(gateway(status, &headers, body));
        failed(&mut source).await;
    }
    settle(given(&mut source).await).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    harness.append(1_200..1_201);
    harness.org.script(gateway(429, &headers, b"<html>"));
    failed(&mut source).await;
    let began = Instant::now();
    settle(given(&mut source).await).await.unwrap();
    assert!(
        began.elapsed() >= Duration::from_secs(100),
        "a 429 is waited out"
    );
}

#[tokio::test(start_paused = true)]
async fn gateway_that_lasts_a_day_costs_no_more_tokens() {
    let harness = auth::harness();
    harness.append(0..1);
    let mut source = auth::open(&harness).await;
    settle(given(&mut source).await).await.unwrap();
    harness.append(1..2);
    let page = Fault::web_page(401, "Log in");
    // Every ten seconds, for a day.
    harness.org.script_times(8_640, page);
    let (numbers, errors) = persistently(&mut source).await;
    assert_eq!((numbers, errors.len()), (vec![1], 8_640));
    let (tokens, logs) = auth::statuses(&harness);
    assert_eq!(logs.len(), 1 + 8_640 + 1);
    // A nonce for the first one, and one for each 55 minutes of the day.
    assert_eq!(tokens.len(), 1 + 1 + 24 * 60 / 55, "{tokens:?}");
    let refused = tokens.iter().filter(|status| **status != 200).count();
    assert_eq!(refused, 1, "{tokens:?}");
}
