//! The simulator refuses the requests that a real org refuses.

use bytes::Bytes;
use chrono::TimeDelta;
use http::{Request, Response};
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use okta_source::simulator::OktaSimulator;

use crate::harness::{Harness, TOKEN, event};

async fn ask(org: &OktaSimulator, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = Request::get(format!("https://example.okta.com{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let limits = ExchangeLimits::new(std::time::Duration::from_secs(60), 1 << 20);
    exchange(org, request.body(Bytes::new()).unwrap(), limits)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn requests_that_a_real_org_refuses_are_refused() {
    let harness = Harness::new();
    let ssws = format!("SSWS {TOKEN}");
    let good = [
        ("accept", "application/json"),
        ("authorization", ssws.as_str()),
    ];
    for (path, status, code) in [
        (
            "/api/v1/logs?since=2026-11-22T09:00:00Z&after=0_0",
            400,
            "E0000063",
        ),
        ("/api/v1/logs?limit=1001", 400, "E0000001"),
        ("/api/v1/logs?limit=x", 400, "E0000001"),
        ("/api/v1/logs?since=yesterday", 400, "E0000001"),
        (
            "/api/v1/logs?since=2026-11-22T09:00:00+00:00",
            400,
            "E0000001",
        ),
        ("/api/v1/logs?since=2026-01-01T00:00:00Z", 400, "E0000053"),
        ("/api/v1/logs?after=made-up", 400, "E0000001"),
        ("/api/v1/logs?after=1_1", 400, "E0000001"),
        ("/api/v1/logs?until=tomorrow", 400, "E0000001"),
        ("/api/v1/logs?filter=severity", 400, "E0000053"),
        ("/api/v1/logs?filter=Severity%20pr", 400, "E0000053"),
        ("/api/v1/logs?filter=published%20pr", 400, "E0000031"),
        (
            "/api/v1/logs?q=a%20b%20c%20d%20e%20f%20g%20h%20i%20j%20k",
            400,
            "E0000001",
        ),
        ("/api/v1/logs/api/v1/logs", 404, "E0000008"),
    ] {
        let answer = ask(&harness.org, path, &good).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body["errorCode"], code, "{path}");
    }
    for (headers, status) in [
        (&[("accept", "application/json")][..], 401),
        (
            &[
                ("accept", "application/json"),
                ("authorization", "SSWS 00wrong"),
            ],
            401,
        ),
        (
            &[
                ("accept", "application/json"),
                ("authorization", "Bearer 00s3cr3t-t0k3n"),
            ],
            401,
        ),
        (&[("authorization", ssws.as_str())], 400),
        (
            &[("accept", "text/html"), ("authorization", ssws.as_str())],
            400,
        ),
        (&good, 200),
    ] {
        assert_eq!(
            ask(&harness.org, "/api/v1/logs", headers).await.status(),
            status,
            "{headers:?}"
        );
    }
    let seen = harness.org.requests().pop().unwrap();
    assert!(seen.had_credential && seen.authorized);
}

async fn page(org: &OktaSimulator, path: &str) -> (Vec<String>, Option<String>) {
    let ssws = format!("SSWS {TOKEN}");
    let headers = [
        ("accept", "application/json"),
        ("authorization", ssws.as_str()),
    ];
    let answer = ask(org, path, &headers).await;
    assert_eq!(answer.status(), 200, "{path}");
    let events: Vec<serde_json::Value> = serde_json::from_slice(answer.body()).unwrap();
    let uuid = |event: &serde_json::Value| event["uuid"].as_str().unwrap().to_owned();
    let next = answer.headers().get_all("link").iter().find_map(|link| {
        let link = link.to_str().unwrap().strip_suffix(">; rel=\"next\"")?;
        Some(link.strip_prefix("<https://example.okta.com")?.to_owned())
    });
    (events.iter().map(uuid).collect(), next)
}

#[tokio::test(start_paused = true)]
async fn polling_is_by_persistence_and_a_range_is_by_publishing() {
    let harness = Harness::new();
    let now = harness.org.now();
    let ago = |minutes| now - TimeDelta::minutes(minutes);
    // Persisted in the order of the numbers, some within one millisecond; published in another.
    for (number, published) in [
        (0, ago(3)),
        (1, ago(9)),
        (2, ago(3)),
        (3, ago(1)),
        (4, ago(20)),
    ] {
        harness.org.append_at(ago(1), [event(number, published)]);
    }
    let (events, mut next) = page(
        &harness.org,
        "/api/v1/logs?since=2026-11-22T09:59:00Z&limit=2",
    )
    .await;
    assert_eq!(events, ["0", "1"]);
    for expected in [&["2", "3"][..], &["4"], &[], &[]] {
        let (events, behind) = page(&harness.org, &next.unwrap()).await;
        assert_eq!(events, expected);
        next = behind;
    }
    let none = "/api/v1/logs?since=2026-11-22T09:59:00.001Z";
    assert!(
        page(&harness.org, none).await.0.is_empty(),
        "`since` of a poll is the time of persisting"
    );

    let range = "/api/v1/logs?since=2026-11-22T09:51:00Z&until=2026-11-22T09:59:00Z&limit=2";
    let (events, next) = page(&harness.org, range).await;
    assert_eq!(events, ["1", "0"]);
    let (events, next) = page(&harness.org, &next.unwrap()).await;
    assert_eq!(
        (events, next),
        (vec!["2".to_owned()], None),
        "the last page has no next link"
    );
}

#[tokio::test(start_paused = true)]
async fn late_commit_is_not_seen_by_a_reader_past_it() {
    let harness = Harness::new();
    let ago = |minutes| harness.org.now() - TimeDelta::minutes(minutes);
    harness.org.append_at(ago(10), [event(0, ago(10))]);
    harness.org.append_at(ago(5), [event(1, ago(5))]);
    let all = "/api/v1/logs?since=2026-11-22T09:00:00Z";
    let (events, next) = page(&harness.org, all).await;
    assert_eq!(events, ["0", "1"]);
    harness.org.commit_late(ago(7), [event(2, ago(7))]);
    let next = next.unwrap();
    assert_eq!(page(&harness.org, &next).await.0, Vec::<String>::new());
    assert_eq!(page(&harness.org, all).await.0, ["0", "2", "1"]);
    assert_eq!(
        harness.org.position(&next),
        Some(3),
        "the cursor is a position, not a count"
    );
}

#[tokio::test(start_paused = true)]
async fn rate_limit_of_each_token_lies_within_the_orgs() {
    let harness = Harness::with(|org| org.rate_limit(6).token_share(0.5).another_token("00other"));
    let mut said = Vec::new();
    for token in [TOKEN, TOKEN, TOKEN, TOKEN, "00other", "00other", "00other"] {
        let ssws = format!("SSWS {token}");
        let headers = [
            ("accept", "application/json"),
            ("authorization", ssws.as_str()),
        ];
        let answer = ask(&harness.org, "/api/v1/logs", &headers).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        said.push((
            answer.status().as_u16(),
            header("x-rate-limit-limit") + "/" + &header("x-rate-limit-remaining"),
        ));
    }
    let expected = [
        (200, "6/5"),
        (200, "6/4"),
        (200, "6/3"),
        (429, "6/2"),
        (200, "6/1"),
        (200, "6/0"),
        (429, "6/0"),
    ];
    let expected = expected.map(|(status, left)| (status, left.to_owned()));
    assert_eq!(
        said, expected,
        "the org's figures, whichever token is refused"
    );
}

#[tokio::test(start_paused = true)]
async fn simulator_rate_limit_is_enforced_per_window() {
    let harness = Harness::with(|org| org.rate_limit(2));
    let ssws = format!("SSWS {TOKEN}");
    let headers = [
        ("accept", "application/json"),
        ("authorization", ssws.as_str()),
    ];
    for status in [200, 200, 429, 429] {
        assert_eq!(
            ask(&harness.org, "/api/v1/logs", &headers).await.status(),
            status
        );
    }
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let answer = ask(&harness.org, "/api/v1/logs", &headers).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-rate-limit-remaining"], "1");
    assert_eq!(answer.headers()["date"], "Sun, 22 Nov 2026 10:01:00 GMT");
}
