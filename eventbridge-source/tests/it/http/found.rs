//! Never 200 for a request in which no event was found; compressed bodies, and those of Firehose.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use serde_json::{Value, json};

use crate::body::wrapped::{each_wrapping, without_time};

use super::harness::{Harness, KEY, KEY_HEADER, PATH, envelope};

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}

fn compressed(body: Bytes) -> Request<Bytes> {
    let request = Request::post(PATH).header(KEY_HEADER, KEY);
    request
        .header("content-encoding", "gzip")
        .body(body)
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn request_without_an_event_is_never_answered_200_and_told_why() {
    let harness = Harness::new();
    let event = &harness.events(1)[0];
    let envelope = envelope(event);
    let envelope = std::str::from_utf8(&envelope).unwrap();
    let mut bodies = vec![
        r#"{"detail":null}"#.to_owned(),
        r#"{"detail":{}}"#.to_owned(),
        r#"{"no":"event"}"#.to_owned(),
        r#"{"published":"now"}"#.to_owned(),
        r#"{"detail-type":"SystemLog","detail":"{}"}"#.to_owned(),
        format!(r#"{{"a":{{"b":{envelope}}}}}"#),
        format!(r#"{{"a":{envelope},"b":1}}"#),
        r#"[{"uuid":1},{}]"#.to_owned(),
    ];
    bodies.push(json!({"requestContext": {}, "body": envelope}).to_string());
    for body in &bodies {
        let response = harness.post(body.clone()).await;
        assert_eq!(response.status, 400, "{body}");
        let text = &response.text;
        assert!(
            text.starts_with("no event was found in the body: `"),
            "{body}: {text}"
        );
    }
    assert!(harness.ingress.ledger().entries().is_empty());
    // One level inside of an object, it is found.
    let wrapped = format!(r#"{{"a":{envelope}}}"#);
    assert_eq!(harness.post(wrapped).await.status, 200);
    assert_eq!(harness.end().await.delivered, 1);
}

/// Such an event is dead-lettered, and is no reason to doubt the sender's settings.
#[tokio::test(start_paused = true)]
async fn event_without_a_time_is_found_in_each_wrapping() {
    let harness = Harness::new();
    let mut bodies = each_wrapping(&without_time());
    bodies.push(without_time());
    for body in &bodies {
        let response = harness.post(body.clone()).await;
        assert_eq!(response.status, 200, "{body}: {}", response.text);
    }
    for body in each_wrapping(r#"{"source":"my.app","detail":{"published":"yesterday"}}"#) {
        assert_eq!(harness.post(body.clone()).await.status, 400, "{body}");
    }
    let letters = harness.end().await.dead_lettered;
    assert_eq!(letters, 2 * bodies.len() as u64 - 1);
}

#[tokio::test(start_paused = true)]
async fn gzip_body_is_read_within_the_bound() {
    let harness = Harness::of(|source| source.max_body_bytes(100_000));
    let events = harness.events(2);
    let body = gzip(&envelope(&events[0]));
    assert_eq!(harness.ask(Ok(compressed(body))).await.status, 200);
    harness.assert_all_once(&events[..1]);

    let bomb = harness.ask(Ok(compressed(gzip(&[b' '; 10_000_000])))).await;
    assert_eq!(bomb.status, 413);
    let text = &bomb.text;
    assert!(text.contains("more than 100000 bytes"), "{text}");

    let mut cut = gzip(&envelope(&events[1])).to_vec();
    cut.truncate(cut.len() / 2);
    let broken = harness.ask(Ok(compressed(cut.into()))).await;
    assert_eq!(broken.status, 415);
    let text = &broken.text;
    assert!(text.contains("no complete gzip"), "{text}");
    assert_eq!(harness.end().await.dead_lettered, 2);
}

#[tokio::test(start_paused = true)]
async fn firehose_is_answered_as_its_documentation_says() {
    let harness = Harness::new();
    let event = &harness.events(1)[0];
    let request = |key: &str, data: &[u8]| {
        let body = json!({
            "requestId": "ed4acda5-034f-9f42-bba1-f29aea6d7d8f", "timestamp": 1_578_090_901_599_u64,
            "records": [{"data": STANDARD.encode(data)}],
        });
        Request::post(PATH)
            .header("x-amz-firehose-protocol-version", "1.0")
            .header(
                "x-amz-firehose-request-id",
                "ed4acda5-034f-9f42-bba1-f29aea6d7d8f",
            )
            .header("x-amz-firehose-access-key", key)
            .body(Bytes::from(body.to_string()))
    };
    for (key, data, status) in [
        (KEY, envelope(event), 200),
        (KEY, Bytes::from_static(b"{}"), 400),
        ("wrong", envelope(event), 401),
    ] {
        let response = harness.ask(request(key, &data)).await;
        assert_eq!(response.status, status);
        assert_eq!(response.headers["content-type"], "application/json");
        let reply: Value = serde_json::from_str(&response.text).unwrap();
        assert_eq!(reply["requestId"], "ed4acda5-034f-9f42-bba1-f29aea6d7d8f");
        assert!(reply["timestamp"].is_u64(), "{reply}");
        assert_eq!(reply["errorMessage"].is_string(), status != 200, "{reply}");
    }
    harness.assert_all_once(std::slice::from_ref(event));
}
