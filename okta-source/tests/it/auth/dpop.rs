use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::transport::ReqwestTransport;
use okta_source::OktaSource;
use okta_source::simulator::{Fault, OktaSimulator};
use tokio::time::advance;

use super::{app, builder, harness, harness_with, open, refused, registered, statuses};
use crate::harness::{given, settle};

#[tokio::test(start_paused = true)]
async fn dpop_works_for_each_demand_of_the_org() {
    for demands in [false, true] {
        for for_tokens in [false, true] {
            for for_logs in [false, true] {
                let harness = harness_with(|org| {
                    org.oauth_app(registered().demands_dpop(demands))
                        .dpop_nonce_for_tokens(for_tokens)
                        .dpop_nonce_for_logs(for_logs)
                });
                harness.append(0..1);
                let mut source = open(&harness).await;
                settle(given(&mut source).await).await.unwrap();
                source.check().await.unwrap();
                let (tokens, logs) = statuses(&harness);
                let what = format!("{demands} {for_tokens} {for_logs}");
                let first = if for_tokens {
                    vec![400, 200]
                } else {
                    vec![200]
                };
                assert_eq!(tokens, first, "{what}: a proof came with the first request");
                let challenged = demands && for_logs;
                let first = if challenged {
                    vec![401, 200, 200]
                } else {
                    vec![200, 200]
                };
                assert_eq!(logs, first, "{what}");
                let scheme = harness.org.requests().pop().unwrap().scheme.unwrap();
                assert_eq!(scheme, if demands { "DPoP" } else { "Bearer" }, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dpop_nonce_is_kept_until_the_org_rotates_it() {
    let harness = harness_with(|org| org.oauth_app(registered()).dpop_nonce_for_logs(true));
    let source = open(&harness).await;
    source.check().await.unwrap();
    harness.org.rotate_dpop_nonce();
    source.check().await.unwrap();
    source.check().await.unwrap();
    assert_eq!(
        statuses(&harness),
        (vec![400, 200], vec![401, 200, 401, 200, 200]),
        "one challenge per nonce"
    );
    advance(Duration::from_secs(3_500)).await;
    source.check().await.unwrap();
    assert_eq!(
        statuses(&harness).0,
        [400, 200, 400, 200],
        "the token endpoint's has changed too"
    );
}

#[tokio::test(start_paused = true)]
async fn dpop_nonce_demanded_later_is_supplied() {
    let harness = harness();
    let source = open(&harness).await;
    source.check().await.unwrap();
    harness.org.demand_dpop_nonce(true);
    source.check().await.unwrap();
    source.check().await.unwrap();
    assert_eq!(statuses(&harness).1, [200, 401, 200, 200]);
}

#[tokio::test(start_paused = true)]
async fn dpop_challenge_without_a_nonce_is_a_temporary_error() {
    let harness = harness();
    let challenge = r#"{"error":"use_dpop_nonce"}"#;
    harness
        .org
        .script_token(Fault::Status(400, challenge.into()));
    let error = refused(&harness, app()).await;
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "no nonce came");
    assert!(error.is_temporary());
    let source = open(&harness).await;
    harness.org.script(Fault::Status(400, challenge.into()));
    let error = source.check().await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    source.check().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dpop_proof_is_remade_once_and_a_second_refusal_explained() {
    let harness = harness();
    let source = open(&harness).await;
    let refusal = r#"{"error":"invalid_dpop_proof","error_description":"htu"}"#;
    harness.org.script(Fault::Status(400, refusal.into()));
    source.check().await.unwrap();
    harness.org.script(Fault::Status(400, refusal.into()));
    harness.org.script(Fault::Status(400, refusal.into()));
    let error = source.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.detail().contains("address of the org"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn dpop_key_is_not_shared_by_sources_of_one_app() {
    let harness = harness();
    let (one, other) = (open(&harness).await, open(&harness).await);
    one.check().await.unwrap();
    other.check().await.unwrap();
    one.check().await.unwrap();
    assert_eq!(statuses(&harness), (vec![400, 200, 400, 200], vec![200; 3]));
}

#[tokio::test]
async fn dpop_proof_covers_the_url_that_a_socket_sees() {
    let org = OktaSimulator::builder()
        .oauth_app(registered())
        .rate_limit(1_000)
        .dpop_nonce_for_logs(true)
        .build();
    let served = org.serve().await.unwrap();
    let source = OktaSource::builder()
        .org_url(format!("{}/api/v1/logs?x=1#y", served.base_url()))
        .credentials(app())
        .transport(Arc::new(ReqwestTransport::new()));
    source.check().await.unwrap();
    let statuses: Vec<_> = org
        .requests()
        .iter()
        .filter_map(|seen| seen.status)
        .collect();
    assert_eq!(statuses, [400, 200, 401, 200]);
}

#[tokio::test(start_paused = true)]
async fn host_clock_error_is_corrected_by_the_org_clock() {
    for hours in [-48, -2, 2, 48] {
        let harness = harness_with(|org| {
            org.oauth_app(registered())
                .clock_skew(chrono::TimeDelta::hours(hours))
                .dpop_nonce_for_tokens(false)
        });
        builder(&harness, app()).check().await.unwrap();
        let (tokens, logs) = statuses(&harness);
        assert_eq!(
            (tokens.len(), logs),
            (2, vec![200]),
            "{hours} h: one correction"
        );
    }
}
