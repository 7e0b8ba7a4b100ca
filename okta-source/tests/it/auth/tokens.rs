use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use okta_coralogix_core::{ErrorKind, RetryHint};
use okta_source::ServiceApp;
use okta_source::simulator::{Fault, OAuthApp};
use proptest::prelude::*;
use tokio::time::{Instant, advance};

use super::{
    Slow, app, builder, harness, harness_with, open, open_slow, refused, registered, statuses,
};
use crate::harness::{failed, given, numbers, settle};

#[tokio::test(start_paused = true)]
async fn service_app_reads_the_log_with_one_token() {
    let harness = harness();
    harness.append(0..2_500);
    let mut source = open(&harness).await;
    let mut all = Vec::new();
    while all.len() < 2_500 {
        let delivery = given(&mut source).await;
        all.extend(numbers(&delivery));
        settle(delivery).await.unwrap();
    }
    assert_eq!(all, (0..2_500).collect::<Vec<_>>());
    assert_eq!(statuses(&harness), (vec![400, 200], vec![200; 3]));
    let requests = harness.org.requests();
    assert!(
        requests[2..]
            .iter()
            .all(|request| request.scheme.as_deref() == Some("DPoP"))
    );
}

#[tokio::test(start_paused = true)]
async fn client_secret_gets_a_bearer_token() {
    let secret = "a-client-secret".into();
    let integration = ServiceApp::with_client_secret("0oa2integration", &secret).unwrap();
    let harness = harness_with(|org| {
        org.oauth_app(OAuthApp::with_secret("0oa2integration", "a-client-secret"))
    });
    builder(&harness, integration).check().await.unwrap();
    let schemes: Vec<_> = harness
        .org
        .requests()
        .into_iter()
        .map(|seen| seen.scheme.unwrap())
        .collect();
    assert_eq!(schemes, ["Basic", "Basic", "Bearer"]);
}

#[tokio::test(start_paused = true)]
async fn access_token_is_renewed_before_it_expires() {
    let harness = harness();
    harness.append(0..10);
    let mut source = builder(&harness, app())
        .page_size(1)
        .rate_share(1.0)
        .open()
        .await
        .unwrap();
    settle(given(&mut source).await).await.unwrap();
    advance(Duration::from_secs(3_299)).await;
    settle(given(&mut source).await).await.unwrap();
    assert_eq!(statuses(&harness).0, [400, 200], "5 minutes are left");
    advance(Duration::from_secs(2)).await;
    settle(given(&mut source).await).await.unwrap();
    assert_eq!(
        statuses(&harness).0,
        [400, 200, 200],
        "with the nonce that is known"
    );
    assert!(statuses(&harness).1.iter().all(|status| *status == 200));
}

#[tokio::test(start_paused = true)]
async fn access_token_of_short_life_is_renewed_at_nine_tenths() {
    let harness = harness_with(|org| {
        org.oauth_app(registered())
            .token_life(Duration::from_secs(60))
    });
    let source = open(&harness).await;
    for second in [0, 53] {
        advance(Duration::from_secs(second)).await;
        source.check().await.unwrap();
        assert_eq!(statuses(&harness).0, [400, 200], "{second}");
    }
    advance(Duration::from_secs(2)).await;
    source.check().await.unwrap();
    assert_eq!(statuses(&harness).0, [400, 200, 200]);
}

#[tokio::test(start_paused = true)]
async fn revoked_token_is_replaced_once_and_the_request_retried() {
    let harness = harness();
    harness.append(0..3);
    let mut source = open(&harness).await;
    settle(given(&mut source).await).await.unwrap();
    harness.org.revoke_tokens();
    harness.append(3..6);
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [3, 4, 5]);
    assert_eq!(
        statuses(&harness),
        (vec![400, 200, 200], vec![200, 401, 200])
    );
}

#[tokio::test(start_paused = true)]
async fn http_401_twice_is_an_error_that_gives_advice() {
    let harness = harness();
    let source = open(&harness).await;
    harness
        .org
        .script_times(2, Fault::Status(401, r#"{"errorCode":"E0000011"}"#.into()));
    let error = source.check().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_temporary()),
        (ErrorKind::Unauthorized, false)
    );
    for part in ["also a fresh one", "E0000011", "request req", "service app"] {
        assert!(error.detail().contains(part), "{error}");
    }
    assert_eq!(statuses(&harness), (vec![400, 200, 200], vec![401, 401]));
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_one_token_request() {
    let harness = harness();
    let source = open_slow(&harness).await;
    for round in 1..=3 {
        let checked = join_all((0..50).map(|_| source.check())).await;
        assert!(checked.iter().all(Result::is_ok));
        assert_eq!(statuses(&harness).0.len(), 1 + round, "one token for 50");
        harness.org.revoke_tokens();
    }
    let renewed = statuses(&harness).1;
    assert_eq!(renewed.iter().filter(|status| **status == 200).count(), 150);
}

#[tokio::test(start_paused = true)]
async fn token_refusal_reaches_every_waiting_caller() {
    let harness = harness_with(|org| org.oauth_app(registered().granted(["okta.users.read"])));
    let source = open_slow(&harness).await;
    let checked = join_all((0..20).map(|_| source.check())).await;
    for error in checked.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.detail().contains("invalid_scope"), "{error}");
    }
    assert_eq!(
        statuses(&harness).0,
        [400, 400],
        "a nonce, then the refusal"
    );
    source.check().await.unwrap_err();
    assert_eq!(statuses(&harness).0.len(), 3, "who comes later asks anew");
}

#[tokio::test(start_paused = true)]
async fn token_request_dropped_midway_is_made_by_the_next_caller() {
    let harness = harness();
    let source = open(&harness).await;
    harness.org.script_token(Fault::Silence);
    let (first, second) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(5), source.check()),
        source.check(),
    );
    assert!(first.is_err(), "the first one gave up");
    second.unwrap();
}

#[tokio::test(start_paused = true)]
async fn token_request_rate_limit_uses_its_own_headers() {
    let harness = harness_with(|org| org.oauth_app(registered()).token_limit(1));
    harness.append(0..1);
    let mut source = open(&harness).await;
    let error = failed(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry(), RetryHint::After(Duration::from_secs(61)));
    assert!(error.detail().contains("token requests"), "{error}");
    let began = Instant::now();
    settle(given(&mut source).await).await.unwrap();
    assert_eq!(
        began.elapsed().as_secs(),
        61,
        "even if the caller does not wait"
    );
    assert_eq!(statuses(&harness), (vec![400, 429, 200], vec![200]));
}

#[tokio::test(start_paused = true)]
async fn token_endpoint_failure_is_a_temporary_error() {
    for (fault, kind) in [
        (Fault::Unavailable, ErrorKind::Unavailable),
        (Fault::Status(500, String::new()), ErrorKind::Unavailable),
        (Fault::RateLimitedSilently, ErrorKind::RateLimited),
        (Fault::RetryAfter(7), ErrorKind::RateLimited),
        (Fault::Html, ErrorKind::Intercepted),
        (
            Fault::Redirect("https://evil.example/".into()),
            ErrorKind::Intercepted,
        ),
        (Fault::Status(403, String::new()), ErrorKind::Intercepted),
        (Fault::Status(405, "{}".into()), ErrorKind::Intercepted),
        (Fault::Status(402, String::new()), ErrorKind::RateLimited),
        (
            Fault::Status(409, String::new()),
            ErrorKind::UnexpectedResponse,
        ),
        (
            Fault::Status(200, "{}".into()),
            ErrorKind::UnexpectedResponse,
        ),
        (Fault::HalfBody, ErrorKind::Network),
        (Fault::StalledBody, ErrorKind::TimedOut),
        (Fault::Silence, ErrorKind::TimedOut),
        (Fault::Unreachable, ErrorKind::Network),
        (
            Fault::Status(200, "x".repeat(100_000)),
            ErrorKind::UnexpectedResponse,
        ),
    ] {
        let harness = harness();
        let source = open(&harness).await;
        harness.org.script_token(fault.clone());
        let error = source.check().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_temporary()),
            (kind, true),
            "{fault:?}: {error}"
        );
        assert!(error.detail().contains("token"), "{error}");
        source.check().await.unwrap();
        assert_eq!(statuses(&harness).1, [200], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn valid_token_is_used_while_it_cannot_be_renewed() {
    let harness = harness();
    let source = open(&harness).await;
    source.check().await.unwrap();
    advance(Duration::from_secs(3_400)).await;
    harness.org.script_token(Fault::Unavailable);
    for _ in 0..3 {
        source.check().await.unwrap();
    }
    assert_eq!(
        statuses(&harness).0,
        [400, 200, 503],
        "not with every request"
    );
    advance(Duration::from_secs(31)).await;
    source.check().await.unwrap();
    assert_eq!(statuses(&harness), (vec![400, 200, 503, 200], vec![200; 5]));
}

#[tokio::test(start_paused = true)]
async fn access_token_of_unknown_or_invalid_form_is_not_used() {
    for answer in [
        r#"{"access_token":"a","token_type":"mac","expires_in":3600}"#,
        r#"{"access_token":"a b","token_type":"Bearer","expires_in":3600}"#,
        r#"{"access_token":"","token_type":"Bearer","expires_in":3600}"#,
        r#"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#,
    ] {
        let harness = harness();
        harness.org.script_token(Fault::Status(200, answer.into()));
        let error = refused(&harness, app()).await;
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{answer}");
        assert!(statuses(&harness).1.is_empty(), "no request for the log");
    }
}

#[tokio::test(start_paused = true)]
async fn idle_org_costs_one_request_per_poll_with_oauth() {
    let harness = harness();
    let mut source = open(&harness).await;
    let hour = tokio::time::timeout(Duration::from_secs(2_999), async {
        loop {
            settle(given(&mut source).await).await.unwrap();
        }
    });
    assert!(hour.await.is_err());
    let (tokens, logs) = statuses(&harness);
    assert_eq!((tokens.len(), logs.len()), (2, 100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Requests that begin and are dropped at any time, tokens that end and are revoked at any time.
    #[test]
    fn token_requests_never_overlap(
        requests in prop::collection::vec((0_u64..120_000, prop::option::of(1_u64..4_000)), 1..40),
        revoked_at in 0_u64..120_000,
        life in 20_u64..90,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let harness = harness_with(|org| {
                org.oauth_app(registered()).token_life(Duration::from_secs(life))
            });
            let slow = Slow::new(&harness);
            let network = Arc::clone(&slow) as Arc<dyn okta_coralogix_core::transport::Transport>;
            let source = builder(&harness, app()).transport(network).open().await.unwrap();
            let checks = requests.iter().map(|(at, dropped)| {
                let source = &source;
                async move {
                    tokio::time::sleep(Duration::from_millis(*at)).await;
                    let patience = Duration::from_millis(dropped.unwrap_or(1_000_000));
                    tokio::time::timeout(patience, source.check()).await
                }
            });
            let revoke = async {
                tokio::time::sleep(Duration::from_millis(revoked_at)).await;
                harness.org.revoke_tokens();
            };
            let (checked, ()) = tokio::join!(join_all(checks), revoke);
            for ended in checked.into_iter().flatten() {
                ended.unwrap();
            }
            assert!(slow.most_tokens.load(Ordering::SeqCst) <= 1);
        });
    }
}
