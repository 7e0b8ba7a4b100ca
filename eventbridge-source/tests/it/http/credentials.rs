//! Who is let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use eventbridge_source::http::HttpSource;
use eventbridge_source::simulator::Authorization;
use http::Request;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::{Error, ErrorKind};

use super::harness::{Harness, KEY, KEY_HEADER, PATH, envelope};

async fn status(harness: &Harness, header: &str, value: &[u8]) -> u16 {
    let request = Request::post(PATH).header(header, value);
    let response = harness
        .ask(request.body(envelope(&harness.events(1)[0])))
        .await;
    if response.status == 401 {
        assert!(response.headers.contains_key("www-authenticate"));
        assert!(!response.text.contains(KEY));
    }
    response.status.as_u16()
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_of_every_length_are_401_and_nothing_is_written() {
    let harness = Harness::new();
    let long = KEY.repeat(3);
    for length in 0..long.len() {
        let expected = if length == KEY.len() { 200 } else { 401 };
        assert_eq!(
            status(&harness, KEY_HEADER, &long.as_bytes()[..length]).await,
            expected,
            "{length}"
        );
    }
    for wrong in [
        &[b'x'; 8000][..],
        b"marked-access-kez",
        b"MARKED-ACCESS-KEY",
        b"\xff\xfe",
    ] {
        assert_eq!(status(&harness, KEY_HEADER, wrong).await, 401);
    }
    assert_eq!(
        status(&harness, "x-api-key", KEY.as_bytes()).await,
        401,
        "another header"
    );
    assert_eq!(
        status(&harness, "authorization", b"Bearer marked-access-key").await,
        401
    );
    let bodies = [
        Bytes::from_static(b"junk"),
        Bytes::from(vec![b'x'; 10_000_000]),
    ];
    for body in bodies {
        assert_eq!(
            harness.ask(Request::post(PATH).body(body)).await.status,
            401
        );
    }
    assert!(harness.letters.records().is_empty());
    assert_eq!(harness.end().await.received, 1);
}

/// Counts the refusals.
#[derive(Debug, Clone, Default)]
struct Refusals(Arc<AtomicUsize>);

impl Observer for Refusals {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        assert_eq!(context.source, "eventbridge");
        if let PipelineEvent::RequestAnswered { status: 401, .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refused_key_is_reported_to_the_observer_of_the_pipeline() {
    let refusals = Refusals::default();
    let observer = refusals.clone();
    let harness = Harness::with(
        "2026-11-22T12:00:00Z",
        |source| source,
        |pipeline| pipeline.observer(observer),
    );
    for key in ["an old key", KEY, ""] {
        status(&harness, KEY_HEADER, key.as_bytes()).await;
    }
    assert_eq!(refusals.0.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn rotation_accepts_both_keys_in_any_header() {
    let harness = Harness::of(|source| source.api_key("the next key").api_key_header("X-Api-Key"));
    assert_eq!(status(&harness, "x-api-key", KEY.as_bytes()).await, 200);
    assert_eq!(status(&harness, "x-api-key", b"the next key").await, 200);
    assert_eq!(status(&harness, KEY_HEADER, KEY.as_bytes()).await, 401);
}

#[tokio::test(start_paused = true)]
async fn basic_credentials_are_accepted() {
    let harness = Harness::of(|source| source.basic("okta", "pass:word").basic("next", "other"));
    let pair = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    for good in [
        pair("okta:pass:word"),
        pair("next:other"),
        pair("okta:pass:word").replace("Basic", "bAsIc"),
    ] {
        assert_eq!(
            status(&harness, "authorization", good.as_bytes()).await,
            200,
            "{good}"
        );
    }
    for bad in [
        pair("okta:other"),
        pair("okta:"),
        pair("okta"),
        "Basic".into(),
        "Basic !".into(),
        "Basic ".into(),
    ] {
        assert_eq!(
            status(&harness, "authorization", bad.as_bytes()).await,
            401,
            "{bad}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn bearer_check_decides_about_a_token() {
    let harness = Harness::of(|source| {
        source
            .bearer_token("fixed")
            .bearer_check(|token| async move {
                match token.expose() {
                    "good" => Ok(true),
                    "unknown" => Err(Error::temporary(ErrorKind::Network, "the issuer is down")),
                    "slow" => std::future::pending().await,
                    _ => Ok(false),
                }
            })
    });
    for (token, expected) in [
        ("good", 200),
        ("fixed", 200),
        ("fixe", 401),
        ("bad", 401),
        ("", 401),
        ("unknown", 503),
        ("slow", 503),
    ] {
        let value = format!("Bearer {token}");
        assert_eq!(
            status(&harness, "authorization", value.as_bytes()).await,
            expected,
            "{token}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn client_with_the_old_key_loses_nothing() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let harness = Harness::of(|source| {
        source.bearer_check(|token| async move { Ok(token.expose() == "new") })
    });
    let token = || match ASKED.fetch_add(1, Ordering::Relaxed) {
        0..3 => "old".to_owned(),
        _ => "new".to_owned(),
    };
    let destination = harness
        .destination()
        .authorization(Authorization::bearer(token))
        .build();
    let events = harness.events(1);
    let invoked = destination.invoke(envelope(&events[0])).await.unwrap();
    assert_eq!(invoked.retry_attempts, 3);
    harness.assert_all_once(&events);
}

#[test]
fn secrets_are_in_no_debug_output() {
    let builder = HttpSource::builder()
        .api_key(KEY)
        .basic("user", "marked-password");
    let source = HttpSource::builder()
        .api_key(KEY)
        .basic("user", "marked-password")
        .build()
        .unwrap();
    let destination = Authorization::basic("user", "marked-password");
    for debug in [
        format!("{builder:#?}"),
        format!("{source:#?}"),
        format!("{destination:?}{:?}", Authorization::api_key("a", KEY)),
    ] {
        assert!(!debug.contains("marked"), "{debug}");
    }
}
