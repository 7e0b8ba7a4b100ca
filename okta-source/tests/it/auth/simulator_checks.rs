//! The simulator refuses every assertion, proof or token that an org should refuse. The requests are made without the library.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use http::{Request, Response};
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use serde_json::{Value, json};

use super::{CLIENT, harness_with, key_file, registered};
use crate::harness::{Harness, start};

const TOKEN_URL: &str = "https://example.okta.com/oauth2/v1/token";
const LOGS_URL: &str = "https://example.okta.com/api/v1/logs";

fn jws(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let encode = |value: &Value| BASE64.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = BASE64.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn der(file: &str) -> Vec<u8> {
    let pem: String = key_file(file)
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    base64::engine::general_purpose::STANDARD
        .decode(pem)
        .unwrap()
}

fn rsa(message: &[u8]) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(&der("rsa.pkcs8.pem")).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .unwrap();
    signature
}

fn p256(message: &[u8]) -> Vec<u8> {
    let der = der("p256.pkcs8.pem");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
    pair.sign(&SystemRandom::new(), message)
        .unwrap()
        .as_ref()
        .to_vec()
}

/// `change` makes it wrong.
fn assertion(jti: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let now = start().timestamp();
    let mut header = json!({"alg": "RS256", "kid": "rsa"});
    let mut claims = json!({
        "iss": CLIENT, "sub": CLIENT, "aud": TOKEN_URL, "iat": now, "exp": now + 3600, "jti": jti,
    });
    change(&mut header, &mut claims);
    jws(&header, &claims, rsa)
}

fn public(kid: &str) -> Value {
    let set: Value = serde_json::from_str(&key_file("public.jwks.json")).unwrap();
    let key = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == kid);
    key.unwrap().clone()
}

fn proof(claims: &Value, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let mut header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": public("p256")});
    let mut all = json!({"iat": start().timestamp()});
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    change(&mut header, &mut all);
    jws(&header, &all, p256)
}

async fn send(harness: &Harness, request: Request<Bytes>) -> Response<Bytes> {
    let limits = ExchangeLimits::new(std::time::Duration::from_secs(60), 1 << 20);
    exchange(&harness.org, request, limits).await.unwrap()
}

async fn token(harness: &Harness, assertion: &str, proof: Option<&str>) -> Result<Value, String> {
    let form = format!(
        "grant_type=client_credentials&scope=okta.logs.read&client_assertion={assertion}&client_assertion_type=\
         urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    let mut request =
        Request::post(TOKEN_URL).header("content-type", "application/x-www-form-urlencoded");
    for proof in proof.into_iter() {
        request = request.header("dpop", proof);
    }
    let answer = send(harness, request.body(form.into()).unwrap()).await;
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    match answer.status().as_u16() {
        200 => Ok(body),
        _ => Err(format!(
            "{} {}",
            body["error"].as_str().unwrap(),
            body["error_description"]
        )),
    }
}

fn plain() -> Harness {
    harness_with(|org| org.oauth_app(registered().demands_dpop(false)))
}

fn bound() -> Harness {
    harness_with(|org| org.oauth_app(registered()).dpop_nonce_for_tokens(false))
}

#[tokio::test(start_paused = true)]
async fn assertions_that_are_wrong_in_one_thing_are_refused() {
    let harness = plain();
    token(&harness, &assertion("good", |_, _| {}), None)
        .await
        .unwrap();
    type Change = fn(&mut Value, &mut Value);
    let wrong: [(&str, Change); 15] = [
        ("kid", |header, _| header["kid"] = "p256".into()),
        ("kid", |header, _| header["kid"] = "none".into()),
        ("kid", |header, _| {
            drop(header.as_object_mut().unwrap().remove("kid"))
        }),
        ("signature", |header, _| header["alg"] = "RS512".into()),
        ("signature", |header, _| header["alg"] = "none".into()),
        ("client_id", |_, claims| claims["iss"] = "0oa9".into()),
        ("subject", |_, claims| claims["sub"] = "0oa9".into()),
        ("audience", |_, claims| {
            claims["aud"] = "https://example.okta.com".into()
        }),
        ("audience", |_, claims| {
            claims["aud"] = "https://other.okta.com/oauth2/v1/token".into()
        }),
        ("expired", |_, claims| {
            claims["exp"] = start().timestamp().into()
        }),
        ("too far", |_, claims| {
            claims["exp"] = (start().timestamp() + 3601).into()
        }),
        ("no expiration", |_, claims| {
            claims["exp"] = "1800000000".into()
        }),
        ("no expiration", |_, claims| {
            drop(claims.as_object_mut().unwrap().remove("exp"))
        }),
        ("future", |_, claims| {
            claims["iat"] = (start().timestamp() + 1).into()
        }),
        ("used before", |_, claims| claims["jti"] = "good".into()),
    ];
    for (number, (word, change)) in wrong.into_iter().enumerate() {
        let error = token(&harness, &assertion(&format!("{number}"), change), None).await;
        let error = error.unwrap_err();
        let named = if word == "kid" && error.contains("signature") {
            "signature"
        } else {
            word
        };
        assert!(
            error.starts_with("invalid_client") && error.contains(named),
            "{word}: {error}"
        );
    }
    let tampered = assertion("tampered", |_, _| {});
    let (head, signature) = tampered.rsplit_once('.').unwrap();
    let claims =
        json!({"iss": CLIENT, "sub": CLIENT, "aud": TOKEN_URL, "exp": start().timestamp() + 60});
    let header = head.split_once('.').unwrap().0;
    let forged = format!("{header}.{}.{signature}", BASE64.encode(claims.to_string()));
    assert!(
        token(&harness, &forged, None)
            .await
            .unwrap_err()
            .contains("signature")
    );
    for text in ["", "x", "a.b.c", "...."] {
        assert!(token(&harness, text, None).await.is_err(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn proofs_that_are_wrong_in_one_thing_are_refused() {
    let claims = |jti: &str| json!({"htm": "POST", "htu": TOKEN_URL, "jti": jti});
    let harness = bound();
    let good = proof(&claims("good"), |_, _| {});
    token(&harness, &assertion("good", |_, _| {}), Some(&good))
        .await
        .unwrap();
    type Change = fn(&mut Value, &mut Value);
    let wrong: [(&str, Change); 14] = [
        ("typ", |header, _| header["typ"] = "JWT".into()),
        ("signature", |header, _| header["alg"] = "ES384".into()),
        ("signature", |header, _| header["jwk"] = public("p384")),
        ("signature", |header, _| header["jwk"] = public("rsa")),
        ("no public key", |header, _| {
            header["jwk"] = json!({"kty": "oct", "x": "AA"})
        }),
        ("private key", |header, _| header["jwk"]["d"] = "AA".into()),
        ("htm", |_, claims| claims["htm"] = "GET".into()),
        ("htu", |_, claims| {
            claims["htu"] = format!("{TOKEN_URL}?x=1").into()
        }),
        ("htu", |_, claims| claims["htu"] = LOGS_URL.into()),
        ("iat", |_, claims| {
            claims["iat"] = (start().timestamp() - 301).into()
        }),
        ("iat", |_, claims| {
            claims["iat"] = (start().timestamp() + 61).into()
        }),
        ("ath", |_, claims| claims["ath"] = "AA".into()),
        ("no jti", |_, claims| {
            drop(claims.as_object_mut().unwrap().remove("jti"))
        }),
        ("used before", |_, claims| claims["jti"] = "good".into()),
    ];
    for (number, (word, change)) in wrong.into_iter().enumerate() {
        let id = number.to_string();
        let bad = proof(&claims(&id), change);
        let error = token(&harness, &assertion(&id, |_, _| {}), Some(&bad))
            .await
            .unwrap_err();
        assert!(
            error.starts_with("invalid_dpop_proof") && error.contains(word),
            "{word}: {error}"
        );
    }
    let error = token(&harness, &assertion("none", |_, _| {}), None)
        .await
        .unwrap_err();
    assert!(error.contains("missing"), "{error}");
}

fn ath(token: &str) -> String {
    BASE64.encode(digest(&SHA256, token.as_bytes()))
}

async fn logs(harness: &Harness, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request =
        Request::get(format!("{LOGS_URL}?limit=1")).header("accept", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = send(harness, request.body(Bytes::new()).unwrap()).await;
    let challenge = answer.headers().get("www-authenticate");
    let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), challenge.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn dpop_bound_token_is_useless_without_its_key() {
    let harness = bound();
    let first = proof(
        &json!({"htm": "POST", "htu": TOKEN_URL, "jti": "t"}),
        |_, _| {},
    );
    let grant = token(&harness, &assertion("1", |_, _| {}), Some(&first))
        .await
        .unwrap();
    assert_eq!(grant["token_type"], "DPoP");
    let access = grant["access_token"].as_str().unwrap().to_owned();
    let (bearer, dpop) = (format!("Bearer {access}"), format!("DPoP {access}"));
    let about = |jti: &str| json!({"htm": "GET", "htu": LOGS_URL, "jti": jti, "ath": ath(&access)});
    let good = proof(&about("a"), |_, _| {});
    assert_eq!(
        logs(&harness, &[("authorization", &dpop), ("dpop", &good)])
            .await
            .0,
        200
    );
    let other_key = {
        let header = json!({"typ": "dpop+jwt", "alg": "RS256", "jwk": public("rsa")});
        let mut claims = about("b");
        claims["iat"] = start().timestamp().into();
        jws(&header, &claims, rsa)
    };
    let wrong_ath = proof(&about("c"), |_, claims| claims["ath"] = ath("other").into());
    let no_ath = proof(&about("d"), |_, claims| {
        drop(claims.as_object_mut().unwrap().remove("ath"))
    });
    let with_query = proof(&about("e"), |_, claims| {
        claims["htu"] = format!("{LOGS_URL}?limit=1").into()
    });
    let fresh = proof(&about("f"), |_, _| {});
    let fresh_again = proof(&about("g"), |_, _| {});
    for (what, headers, error) in [
        (
            "as a bearer",
            vec![("authorization", &bearer)],
            "invalid_token",
        ),
        (
            "as a bearer with a proof",
            vec![("authorization", &bearer), ("dpop", &fresh)],
            "invalid_token",
        ),
        (
            "without a proof",
            vec![("authorization", &dpop)],
            "invalid_dpop_proof",
        ),
        (
            "with a used proof",
            vec![("authorization", &dpop), ("dpop", &good)],
            "invalid_dpop_proof",
        ),
        (
            "with two proofs",
            vec![
                ("authorization", &dpop),
                ("dpop", &fresh),
                ("dpop", &fresh_again),
            ],
            "invalid_dpop_proof",
        ),
        (
            "with another key",
            vec![("authorization", &dpop), ("dpop", &other_key)],
            "invalid_token",
        ),
        (
            "with another token's hash",
            vec![("authorization", &dpop), ("dpop", &wrong_ath)],
            "invalid_dpop_proof",
        ),
        (
            "without the hash",
            vec![("authorization", &dpop), ("dpop", &no_ath)],
            "invalid_dpop_proof",
        ),
        (
            "with the query in htu",
            vec![("authorization", &dpop), ("dpop", &with_query)],
            "invalid_dpop_proof",
        ),
    ] {
        let headers: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| (name, value.as_str()))
            .collect();
        let (status, challenge) = logs(&harness, &headers).await;
        assert_eq!(status, 401, "{what}");
        assert!(
            challenge.contains(&format!("error=\"{error}\"")),
            "{what}: {challenge}"
        );
    }
    harness.org.revoke_tokens();
    let fresh = proof(&about("z"), |_, _| {});
    assert_eq!(
        logs(&harness, &[("authorization", &dpop), ("dpop", &fresh)])
            .await
            .0,
        401
    );
}

#[tokio::test(start_paused = true)]
async fn bearer_token_expires_and_is_refused_as_dpop() {
    let harness = plain();
    let grant = token(&harness, &assertion("1", |_, _| {}), None)
        .await
        .unwrap();
    assert_eq!(
        (&grant["token_type"], &grant["expires_in"]),
        (&"Bearer".into(), &3600.into())
    );
    let access = grant["access_token"].as_str().unwrap();
    let (bearer, dpop) = (format!("Bearer {access}"), format!("DPoP {access}"));
    assert_eq!(logs(&harness, &[("authorization", &bearer)]).await.0, 200);
    assert_eq!(logs(&harness, &[("authorization", &dpop)]).await.0, 401);
    assert_eq!(
        logs(&harness, &[("authorization", "Bearer made-up")])
            .await
            .0,
        401
    );
    tokio::time::advance(std::time::Duration::from_secs(3600)).await;
    assert_eq!(logs(&harness, &[("authorization", &bearer)]).await.0, 401);
}
