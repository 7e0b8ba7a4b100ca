//! The simulator refuses what a real org refuses.

use bytes::Bytes;
use http::{Request, Response};
use okta_coralogix_core::transport::{Bounds, exchange};
use okta_source::simulator::OktaSimulator;

use crate::world::{TOKEN, World};

async fn ask(org: &OktaSimulator, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = Request::get(format!("https://example.okta.com{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let bounds = Bounds {
        total: std::time::Duration::from_secs(60),
        silence: std::time::Duration::from_secs(15),
        body: 1 << 20,
    };
    exchange(org, request.body(Bytes::new()).unwrap(), bounds)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn requests_that_a_real_org_refuses_are_refused() {
    let world = World::new();
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
        ("/api/v1/logs/api/v1/logs", 404, "E0000008"),
    ] {
        let answer = ask(&world.org, path, &good).await;
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
            ask(&world.org, "/api/v1/logs", headers).await.status(),
            status,
            "{headers:?}"
        );
    }
    let seen = world.org.ledger().pop().unwrap();
    assert!(seen.had_credential && seen.authorized);
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_enforced_per_window() {
    let world = World::with(|org| org.rate_limit(2));
    let ssws = format!("SSWS {TOKEN}");
    let headers = [
        ("accept", "application/json"),
        ("authorization", ssws.as_str()),
    ];
    for status in [200, 200, 429, 429] {
        assert_eq!(
            ask(&world.org, "/api/v1/logs", &headers).await.status(),
            status
        );
    }
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let answer = ask(&world.org, "/api/v1/logs", &headers).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-rate-limit-remaining"], "1");
    assert_eq!(answer.headers()["date"], "Sun, 22 Nov 2026 10:01:00 GMT");
}
