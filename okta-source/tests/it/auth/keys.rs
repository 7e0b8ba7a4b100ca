use okta_coralogix_core::Secret;
use okta_source::{PrivateKey, PrivateKeyError, ServiceApp, SigningAlgorithm};

use super::{CLIENT, builder, harness, key, key_file};

#[tokio::test(start_paused = true)]
async fn private_key_in_each_format_signs() {
    use SigningAlgorithm::*;
    for (file, kid, algorithm) in [
        ("rsa.pkcs1.pem", "rsa", Rs256),
        ("rsa.pkcs8.pem", "rsa", Rs256),
        ("rsa.jwk.json", "rsa", Rs256),
        ("p256.sec1.pem", "p256", Es256),
        ("p256.openssl.pem", "p256", Es256),
        ("p256.pkcs8.pem", "p256", Es256),
        ("p256.jwk.json", "p256", Es256),
        ("p384.sec1.pem", "p384", Es384),
        ("p384.pkcs8.pem", "p384", Es384),
        ("p384.jwk.json", "p384", Es384),
        ("p521.sec1.pem", "p521", Es512),
        ("p521.pkcs8.pem", "p521", Es512),
        ("p521.jwk.json", "p521", Es512),
    ] {
        let key = key(file).unwrap_or_else(|error| panic!("{file} {error}"));
        assert_eq!(key.algorithm(), algorithm, "{file}");
        assert_eq!(key.id(), file.contains("jwk").then_some(kid), "{file}");
        signs(key, kid, file).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rsa_key_signs_with_each_of_its_algorithms() {
    use SigningAlgorithm::*;
    for algorithm in [Rs256, Rs384, Rs512] {
        let key = key("rsa.pkcs8.pem").unwrap().with_algorithm(algorithm);
        signs(key.unwrap(), "rsa", algorithm.name()).await;
        let jwk = key_file("rsa.jwk.json").replacen('{', "{\"alg\":\"ALG\",", 1);
        let key = PrivateKey::parse(&jwk.replace("ALG", algorithm.name()).into()).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        signs(key, "rsa", "as its JWK says").await;
    }
    for (file, algorithm) in [
        ("rsa.pkcs8.pem", Es256),
        ("p256.pkcs8.pem", Rs256),
        ("p256.pkcs8.pem", Es384),
    ] {
        let error = key(file).unwrap().with_algorithm(algorithm).unwrap_err();
        assert_eq!(error, PrivateKeyError::Algorithm);
    }
}

/// The org, which knows the public keys only, takes the assertion.
async fn signs(key: PrivateKey, kid: &str, what: &str) {
    let harness = harness();
    let app = ServiceApp::with_private_key(CLIENT, key).unwrap();
    let app = app.key_id(kid).unwrap();
    let checked = builder(&harness, app).check().await;
    checked.unwrap_or_else(|error| panic!("{what}: {error}"));
}

#[test]
fn private_key_survives_common_paste_damage() {
    let pem = key_file("rsa.pkcs8.pem");
    for pasted in [
        pem.replace('\n', "\\n"),
        pem.replace('\n', "\\r\\n"),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\n    "),
        format!("\n\n{pem}\n\n"),
        pem.trim_end().to_owned(),
    ] {
        PrivateKey::parse(&pasted.clone().into())
            .unwrap_or_else(|error| panic!("{pasted}: {error}"));
    }
}

#[test]
fn text_that_is_no_private_key_is_named() {
    use PrivateKeyError::*;
    let rsa = key_file("rsa.pkcs8.pem");
    let jwk = key_file("rsa.jwk.json");
    let without = |name: &str| {
        let mut jwk: serde_json::Value = serde_json::from_str(&jwk).unwrap();
        jwk.as_object_mut().unwrap().remove(name);
        jwk.to_string()
    };
    let ec = key_file("p256.jwk.json");
    let lines: Vec<_> = rsa.lines().collect();
    for (text, error) in [
        (String::new(), Empty),
        (" \n".to_owned(), Empty),
        ("hello".to_owned(), Unknown),
        (lines[1].to_owned(), Unknown),
        (key_file("rsa.public.pem"), Public),
        (key_file("rsa.encrypted.pem"), Encrypted),
        (key_file("rsa.encrypted.pkcs1.pem"), Encrypted),
        (key_file("rsa.openssh.pem"), OpenSsh),
        (key_file("ed25519.pem"), Unsupported),
        (key_file("secp256k1.pem"), Unsupported),
        (key_file("rsa1024.pem"), TooShort),
        (key_file("public.jwks.json"), Set),
        (lines[..10].join("\n"), Damaged),
        (rsa.replacen("MII", "M*I", 1), Damaged),
        (rsa.replace('\n', " "), Flattened),
        (rsa.replace('\n', ""), Flattened),
        (format!("\u{feff}{rsa}"), ByteOrderMark),
        ("-----BEGIN DSA PRIVATE KEY-----".to_owned(), Unsupported),
        (jwk[..200].to_owned(), Damaged),
        ("{}".to_owned(), Damaged),
        (without("d"), Public),
        (without("n"), Damaged),
        (without("p"), NoFactors),
        (without("kty"), Damaged),
        (r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(), Unsupported),
        (ec.replace("P-256", "secp256k1"), Unsupported),
        (ec.replace("P-256", "P-384"), Damaged),
        (jwk.replacen('{', r#"{"use":"enc","#, 1), NotForSigning),
        (jwk.replacen('{', r#"{"alg":"ES256","#, 1), Algorithm),
        (jwk.replacen('{', r#"{"alg":"none","#, 1), Algorithm),
    ] {
        let found = PrivateKey::parse(&Secret::from(text.as_str())).unwrap_err();
        assert_eq!(found, error, "{text}");
        let message = found.to_string();
        assert!(message.len() < 160 && !message.contains('\n'), "{message}");
    }
}

#[test]
fn private_key_with_mismatched_parts_is_refused() {
    let mut jwk: serde_json::Value = serde_json::from_str(&key_file("p256.jwk.json")).unwrap();
    let other: serde_json::Value = serde_json::from_str(&key_file("p384.jwk.json")).unwrap();
    jwk["d"] = other["d"].clone();
    assert!(PrivateKey::parse(&jwk.to_string().into()).is_err());
}
