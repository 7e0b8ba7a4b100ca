use okta_coralogix_core::ErrorKind;
use okta_source::simulator::{Fault, OAuthApp};
use okta_source::{OktaSource, ServiceApp};

use super::{
    CLIENT, app, app_with, builder, harness, harness_with, key, open, refused, registered,
};
use crate::harness::Harness;

/// Each refusal has its own message, known by these words.
async fn says(harness: &Harness, app: ServiceApp, kind: ErrorKind, words: &[&str]) -> String {
    let error = refused(harness, app).await;
    assert_eq!(
        (error.kind(), error.is_temporary()),
        (kind, false),
        "{error}"
    );
    for word in words.iter().chain(&["HTTP 4", "request req"]) {
        assert!(error.detail().contains(word), "{word:?} is not in: {error}");
    }
    assert!(!error.detail().contains('\n'));
    error.detail().to_owned()
}

#[tokio::test(start_paused = true)]
async fn credential_errors_have_distinct_messages() {
    use ErrorKind::{Forbidden, Unauthorized};
    let known = harness();
    let integration = harness_with(|org| org.oauth_app(OAuthApp::with_secret(CLIENT, "right")));
    let unscoped = harness_with(|org| org.oauth_app(registered().granted([])));
    let powerless = harness_with(|org| org.oauth_app(registered().without_role()));
    let nameless = ServiceApp::with_private_key(CLIENT, key("rsa.pkcs8.pem").unwrap()).unwrap();
    let stranger = ServiceApp::with_private_key("0oa9", key("rsa.jwk.json").unwrap()).unwrap();
    let secret = ServiceApp::with_client_secret(CLIENT, &"wrong".into()).unwrap();
    let mut messages = vec![
        says(
            &known,
            app_with("other.pkcs8.pem", "rsa"),
            Unauthorized,
            &[
                "private key does not belong",
                "OKTA_API_PRIVATE_KEY",
                "signature",
            ],
        )
        .await,
        says(
            &known,
            app_with("rsa.pkcs8.pem", "gone"),
            Unauthorized,
            &[
                "no public key with the id \"gone\"",
                "OKTA_API_PRIVATE_KEY_ID",
            ],
        )
        .await,
        says(
            &known,
            nameless,
            Unauthorized,
            &["several public keys", "OKTA_API_PRIVATE_KEY_ID"],
        )
        .await,
        says(
            &known,
            stranger,
            Unauthorized,
            &["client id is not known", "OKTA_API_CLIENT_ID"],
        )
        .await,
        says(
            &integration,
            secret,
            Unauthorized,
            &["OKTA_API_CLIENT_SECRET"],
        )
        .await,
        says(
            &unscoped,
            app(),
            Forbidden,
            &["grant okta.logs.read", "super administrator"],
        )
        .await,
        says(&powerless, app(), Forbidden, &["Admin roles", "E0000006"]).await,
    ];
    // A key on another curve under a kid that is known is a wrong signature too.
    says(
        &known,
        app_with("p256.pkcs8.pem", "rsa"),
        Unauthorized,
        &["private key does not"],
    )
    .await;
    let all = messages.len();
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), all);
}

#[tokio::test(start_paused = true)]
async fn oauth_error_answers_have_specific_messages() {
    use ErrorKind::*;
    let oauth = |error: &str, description: &str| {
        format!(r#"{{"error":"{error}","error_description":"{description}"}}"#)
    };
    let audience = "The audience claim for client_assertion must be the endpoint invoked";
    for (status, body, kind, word) in [
        (
            401,
            oauth("invalid_client", audience),
            Unauthorized,
            "OKTA_ORG_URL",
        ),
        (
            401,
            oauth("invalid_client", "is expired"),
            Unauthorized,
            "its own clock agrees",
        ),
        (
            400,
            oauth("invalid_dpop_proof", "htu"),
            Unauthorized,
            "DPoP proof was not taken",
        ),
        (
            400,
            oauth("consent_required", "none"),
            Forbidden,
            "grant okta.logs.read",
        ),
        (
            400,
            oauth("unauthorized_client", "x"),
            Forbidden,
            "API Services",
        ),
        (403, oauth("access_denied", "x"), Forbidden, "API Services"),
        (
            400,
            oauth("unheard_of", "x"),
            Rejected,
            "client id, the key and the scopes",
        ),
        (
            400,
            r#"{"errorCode":"E0000021"}"#.to_owned(),
            Rejected,
            "E0000021",
        ),
        (
            401,
            r#"{"errorCode":"E0000015"}"#.to_owned(),
            Unauthorized,
            "E0000015",
        ),
        (
            403,
            r#"{"errorCode":"E0000006"}"#.to_owned(),
            Forbidden,
            "client id, the key",
        ),
        (
            404,
            r#"{"errorCode":"E0000007"}"#.to_owned(),
            WrongEndpoint,
            "gives no tokens",
        ),
        (
            405,
            r#"{"errorCode":"E0000022"}"#.to_owned(),
            WrongEndpoint,
            "HTTP 405",
        ),
    ] {
        let harness = harness();
        harness
            .org
            .script_token(Fault::Status(status, body.clone()));
        says(&harness, app(), kind, &[word]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn oauth_error_text_is_bounded_and_escaped() {
    let harness = harness();
    let body = serde_json::json!({
        "error": "invalid_client",
        "error_description": format!("\u{1b}[31m\n\u{202e}{}", "kid ".repeat(1_000)),
    });
    harness
        .org
        .script_token(Fault::Status(401, body.to_string()));
    let error = refused(&harness, app()).await;
    assert!(error.detail().len() < 800, "{error}");
    assert!(
        error
            .detail()
            .chars()
            .all(|c| !c.is_control() && c != '\u{202e}'),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn clock_offset_is_named_when_assertions_stay_refused() {
    let harness = harness();
    let refusal =
        r#"{"error":"invalid_client","error_description":"The client_assertion is expired."}"#;
    let skewed = harness_with(|org| {
        org.oauth_app(registered())
            .clock_skew(chrono::TimeDelta::minutes(20))
    });
    skewed.org.script_token(Fault::Status(401, refusal.into()));
    skewed.org.script_token(Fault::Status(401, refusal.into()));
    let error = refused(&skewed, app()).await;
    assert!(
        error.detail().contains("clock is 1200 s behind the org's"),
        "{error}"
    );
    drop(harness);
}

#[tokio::test(start_paused = true)]
async fn scope_lost_later_is_distinguished_from_a_missing_role() {
    let harness = harness();
    let source = open(&harness).await;
    harness.org.script(Fault::Status(
        403,
        r#"{"error":"insufficient_scope"}"#.into(),
    ));
    let error = source.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.detail().contains("OKTA_API_SCOPES"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn rejected_request_is_not_blamed_on_the_credential() {
    let harness = harness();
    let source = open(&harness).await;
    harness
        .org
        .script(Fault::Status(400, r#"{"errorCode":"E0000001"}"#.into()));
    let error = source.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(!error.detail().contains("token"), "{error}");
}

#[tokio::test]
async fn credentials_must_be_given_exactly_once() {
    let harness = harness();
    let both: okta_source::OktaSourceBuilder = builder(&harness, app()).api_token("00x");
    let error = both.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.detail().starts_with("api_token: "), "{error}");
    let none = OktaSource::builder()
        .org_url("example.okta.com")
        .check()
        .await;
    assert!(none.unwrap_err().detail().starts_with("api_token: "));
}
