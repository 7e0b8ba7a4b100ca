use std::collections::HashMap;
use std::ffi::OsString;

use okta_coralogix_core::{ErrorKind, Result};
use okta_source::{Credentials, OktaSource};

use super::reload::SecretFolder;
use super::{CLIENT, harness, key_file};
use crate::harness::ORG;

const TOKEN: &str = "OKTA_API_TOKEN";
const ID: &str = "OKTA_API_CLIENT_ID";
const SECRET: &str = "OKTA_API_CLIENT_SECRET";
const TOKEN_FILE: &str = "OKTA_API_TOKEN_FILE";
const SECRET_FILE: &str = "OKTA_API_CLIENT_SECRET_FILE";
const KEY_FILE: &str = "OKTA_API_PRIVATE_KEY_FILE";
const KEY: &str = "OKTA_API_PRIVATE_KEY";
const KEY_ID: &str = "OKTA_API_PRIVATE_KEY_ID";
const SCOPES: &str = "OKTA_API_SCOPES";

fn read(variables: &[(&str, &str)]) -> Result<Credentials> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Credentials::from_env(|name| variables.get(name).map(OsString::from))
}

#[tokio::test(start_paused = true)]
async fn private_key_variable_accepts_text_and_a_file_path() {
    let pem = key_file("rsa.pkcs8.pem");
    let path = format!("{}/tests/keys/rsa.pkcs8.pem", env!("CARGO_MANIFEST_DIR"));
    let jwk_path = format!("{}/tests/keys/p521.jwk.json", env!("CARGO_MANIFEST_DIR"));
    let jwk = key_file("p384.jwk.json");
    for (key, kid) in [
        (pem.as_str(), Some("rsa")),
        (path.as_str(), Some("rsa")),
        (jwk.as_str(), None),
        (jwk_path.as_str(), None),
    ] {
        let mut variables = vec![(ID, CLIENT), (KEY, key), (SCOPES, "okta.logs.read")];
        variables.extend(kid.map(|kid| (KEY_ID, kid)));
        let harness = harness();
        OktaSource::builder()
            .org_url(ORG)
            .credentials(read(&variables).unwrap())
            .clock(std::sync::Arc::clone(&harness.clock))
            .transport(std::sync::Arc::new(harness.org.clone()))
            .check()
            .await
            .unwrap();
    }
    let harness = harness();
    OktaSource::builder()
        .org_url(ORG)
        .credentials(read(&[(ID, CLIENT), (KEY_FILE, &path), (KEY_ID, "rsa")]).unwrap())
        .clock(std::sync::Arc::clone(&harness.clock))
        .transport(std::sync::Arc::new(harness.org.clone()))
        .check()
        .await
        .unwrap();
    read(&[(TOKEN, "00token")]).unwrap();
    read(&[(ID, CLIENT), (SECRET, "s3cret")]).unwrap();
}

#[test]
fn environment_variable_errors_have_distinct_messages() {
    let pem = key_file("rsa.pkcs8.pem");
    let pem = pem.as_str();
    let jwk = key_file("rsa.jwk.json");
    let public = key_file("rsa.public.pem");
    let folder = env!("CARGO_MANIFEST_DIR");
    let manifest = format!("{folder}/Cargo.toml");
    let mut sentences = Vec::new();
    for (variables, names, words) in [
        (&[][..], TOKEN, "is not set"),
        (&[(TOKEN, "")], TOKEN, "is empty"),
        (&[(TOKEN, "SSWS 00x")], TOKEN, "write the token alone"),
        (
            &[(TOKEN, "00x"), (ID, CLIENT)],
            TOKEN,
            "beside OKTA_API_CLIENT_ID",
        ),
        (
            &[(TOKEN, "00x"), (SCOPES, "okta.logs.read")],
            TOKEN,
            "beside OKTA_API_SCOPES",
        ),
        (&[(KEY, pem)], ID, "OKTA_API_PRIVATE_KEY is"),
        (&[(SECRET, "x")], ID, "OKTA_API_CLIENT_SECRET is"),
        (&[(ID, "")], KEY, "is not set"),
        (&[(ID, ""), (KEY, pem)], ID, "no client id"),
        (&[(ID, "a b"), (SECRET, "x")], ID, "no client id"),
        (&[(ID, "a:b"), (SECRET, "x")], ID, "no client id"),
        (
            &[(ID, CLIENT), (KEY, pem), (SECRET, "x")],
            KEY,
            "beside OKTA_API_CLIENT_SECRET",
        ),
        (&[(ID, CLIENT), (SECRET, "")], SECRET, "no client secret"),
        (
            &[(ID, CLIENT), (SECRET, "x"), (KEY_ID, "k")],
            KEY_ID,
            "client secret",
        ),
        (&[(ID, CLIENT), (KEY, "")], KEY, "is empty"),
        (&[(ID, CLIENT), (KEY, &public)], KEY, "is a public key"),
        (&[(ID, CLIENT), (KEY, &pem[..200])], KEY, "damaged"),
        (&[(ID, CLIENT), (KEY, &pem[60..120])], KEY, "nor a file"),
        (
            &[(ID, CLIENT), (KEY, "/no/such/file.pem")],
            KEY,
            "nor a file",
        ),
        (&[(ID, CLIENT), (KEY, folder)], KEY, "it is a folder"),
        (
            &[(ID, CLIENT), (KEY, &manifest)],
            KEY,
            "names a file whose content is neither PEM",
        ),
        (
            &[(ID, CLIENT), (KEY, pem), (KEY_ID, "")],
            KEY_ID,
            "no key id",
        ),
        (
            &[(ID, CLIENT), (KEY, pem), (KEY_ID, "a b")],
            KEY_ID,
            "no key id",
        ),
        (
            &[(ID, CLIENT), (KEY, &jwk), (KEY_ID, "other")],
            KEY_ID,
            "JWK carries",
        ),
        (
            &[(ID, CLIENT), (KEY, pem), (SCOPES, "")],
            SCOPES,
            "okta.logs.read",
        ),
        (
            &[(ID, CLIENT), (KEY, pem), (SCOPES, "okta.users.read")],
            SCOPES,
            "okta.logs.read",
        ),
    ] {
        let error = read(variables).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let detail = error.detail();
        assert!(
            detail.starts_with(&format!("{names}: ")),
            "{names}: {detail}"
        );
        assert!(detail.contains(words), "{words}: {detail}");
        assert!(
            !detail.contains("MII") && !detail.contains('\n') && detail.len() < 260,
            "{detail}"
        );
        assert!(
            !detail.contains(&pem[60..100]),
            "no piece of a key: {detail}"
        );
        sentences.push(detail.to_owned());
    }
    sentences.sort();
    sentences.dedup();
    assert!(sentences.len() >= 20, "{sentences:#?}");
}

#[test]
fn secret_variable_may_name_a_file_in_place_of_its_value() {
    let folder = SecretFolder::new("environment");
    let token = folder.write("token", "00token\r\n");
    let secret = folder.write("secret", "s3cret\n");
    let empty = folder.write("empty", "\n");
    let gone = folder.path("gone");
    let in_file = read(&[(TOKEN_FILE, &token)]).unwrap();
    assert!(in_file == read(&[(TOKEN, "00token")]).unwrap());
    let in_file = read(&[(ID, CLIENT), (SECRET_FILE, &secret)]).unwrap();
    assert!(in_file == read(&[(ID, CLIENT), (SECRET, "s3cret")]).unwrap());
    for (variables, names, words) in [
        (
            &[(TOKEN, "00a"), (TOKEN_FILE, &token)][..],
            TOKEN,
            "is set beside OKTA_API_TOKEN_FILE",
        ),
        (
            &[(ID, CLIENT), (KEY, "{"), (KEY_FILE, &token)],
            KEY,
            "is set beside OKTA_API_PRIVATE_KEY_FILE",
        ),
        (
            &[(ID, CLIENT), (SECRET, "s"), (SECRET_FILE, &secret)],
            SECRET,
            "is set beside OKTA_API_CLIENT_SECRET_FILE",
        ),
        (
            &[(ID, CLIENT), (KEY_FILE, &token), (SECRET_FILE, &secret)],
            KEY_FILE,
            "is set beside OKTA_API_CLIENT_SECRET_FILE",
        ),
        (
            &[(ID, CLIENT), (TOKEN_FILE, &token)],
            TOKEN_FILE,
            "is set beside OKTA_API_CLIENT_ID",
        ),
        (&[(KEY_FILE, &token)], ID, "OKTA_API_PRIVATE_KEY_FILE is"),
        (
            &[(SECRET_FILE, &secret)],
            ID,
            "OKTA_API_CLIENT_SECRET_FILE is",
        ),
        (&[(TOKEN_FILE, &gone)], TOKEN_FILE, &gone),
        (&[(ID, CLIENT), (KEY_FILE, &gone)], KEY_FILE, &gone),
        (&[(ID, CLIENT), (SECRET_FILE, &gone)], SECRET_FILE, &gone),
        (&[(TOKEN_FILE, "")], TOKEN_FILE, "cannot be read"),
        (
            &[(TOKEN_FILE, &empty)],
            TOKEN_FILE,
            "names a file whose content is empty",
        ),
        (
            &[(ID, CLIENT), (KEY_FILE, &token)],
            KEY_FILE,
            "names a file whose content is neither PEM",
        ),
        (
            &[(ID, CLIENT), (SECRET_FILE, &empty)],
            SECRET_FILE,
            "names a file whose content is no client secret",
        ),
    ] {
        let error = read(variables).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let detail = error.detail();
        assert!(detail.starts_with(&format!("{names}: ")), "{detail}");
        assert!(detail.contains(words), "{words}: {detail}");
        assert!(!detail.contains("00token") && !detail.contains("s3cret"));
    }
}

#[test]
fn scopes_may_be_separated_by_commas_or_spaces() {
    let pem = key_file("rsa.pkcs8.pem");
    for scopes in [
        "okta.logs.read",
        "okta.users.read,okta.logs.read",
        "a  okta.logs.read, b",
    ] {
        let read = read(&[(ID, CLIENT), (KEY, &pem), (SCOPES, scopes)]).unwrap();
        assert!(format!("{read:?}").contains("okta.logs.read"));
    }
}

#[cfg(unix)]
#[test]
fn variable_that_is_not_utf_8_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = |name: &str| (name == TOKEN).then(|| OsString::from_vec(vec![0xff]));
    let error = Credentials::from_env(bytes).unwrap_err();
    assert!(
        error
            .detail()
            .starts_with("OKTA_API_TOKEN: is not valid UTF-8"),
        "{error}"
    );
}

#[test]
fn check_sees_each_secret_by_the_name_of_its_variable_before_it_is_used() {
    let folder = SecretFolder::new("checked_secrets");
    let path = &*folder.write("secret", "00in-a-file");
    let pem = key_file("rsa.pkcs8.pem");
    let pem_path = format!("{}/tests/keys/rsa.pkcs8.pem", env!("CARGO_MANIFEST_DIR"));
    for (variables, name, text) in [
        (&[(TOKEN, "00token")][..], TOKEN, "00token"),
        (&[(TOKEN_FILE, path)], TOKEN_FILE, "00in-a-file"),
        (&[(ID, CLIENT), (SECRET, "s3cret")], SECRET, "s3cret"),
        (
            &[(ID, CLIENT), (SECRET_FILE, path)],
            SECRET_FILE,
            "00in-a-file",
        ),
        (&[(ID, CLIENT), (KEY, &*pem)], KEY, &*pem),
        (&[(ID, CLIENT), (KEY, &*pem_path)], KEY, &*pem),
        (&[(ID, CLIENT), (KEY_FILE, &*pem_path)], KEY_FILE, &*pem),
    ] {
        let set: HashMap<_, _> = variables.iter().copied().collect();
        let lookup = |name: &str| set.get(name).map(OsString::from);
        let refused = Credentials::from_env_checked(lookup, |setting, secret| {
            assert_eq!((setting, secret.expose()), (name, text));
            Err(okta_coralogix_core::Error::config(setting, "is not wanted"))
        });
        let error = refused.unwrap_err();
        assert_eq!(error.detail(), format!("{name}: is not wanted"));
        Credentials::from_env_checked(lookup, |_, _| Ok(())).unwrap();
    }
}

#[test]
fn secret_in_place_of_a_path_is_not_repeated() {
    for secret in [
        "00Ab3_dEfGhIjKlMnOpQrStUvWxYz0123456789-AB",
        "a-long-pass-phrase-of-somebody",
    ] {
        for name in [TOKEN_FILE, SECRET_FILE, KEY_FILE] {
            let error = read(&[(ID, CLIENT), (name, secret)]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(name) && !text.contains(secret), "{text}");
        }
    }
}
