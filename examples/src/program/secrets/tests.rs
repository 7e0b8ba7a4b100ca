use super::*;

const TOKEN: &str = "00Ab3_dEfGhIjKlMnOpQrStUvWxYz0123456789-AB";
const KEY: &str = "cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123";
const UUID: &str = "f1e2d3c4-0000-4000-8000-00000000abcd";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
const CLIENT_SECRET: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-AbCdEfGhIjKlMnOpQrStUvWxYz";

use SecretKind::{CoralogixKey, OktaClientSecret, OktaPrivateKey, OktaToken};

#[test]
fn secret_that_is_certainly_another_thing_is_refused() {
    let pem_line = PEM.replace('\n', " ");
    let pem_escaped = PEM.trim().replace('\n', "\\n");
    let quoted = |quotes: [&str; 2]| format!("{}{TOKEN}{}", quotes[0], quotes[1]);
    let assigned = |name: &str| format!("{name}{TOKEN}");
    for (kind, text, expected) in [
        (
            CoralogixKey,
            TOKEN.to_owned(),
            "has the form of an API token of Okta",
        ),
        (
            CoralogixKey,
            format!(" {TOKEN}\n"),
            "OKTA_API_TOKEN were swapped",
        ),
        (
            CoralogixKey,
            PEM.to_owned(),
            "is a key or certificate in PEM, not a Send-Your-Data",
        ),
        (OktaToken, PEM.to_owned(), "OKTA_API_PRIVATE_KEY"),
        (OktaToken, pem_line, "that has lost its line breaks"),
        (
            OktaClientSecret,
            pem_escaped,
            "that has lost its line breaks",
        ),
        (
            OktaToken,
            "-----BEGIN CERTIFICATE-----\nMIIB".to_owned(),
            "is a key or certificate",
        ),
        (OktaToken, "{\"kty\":\"RSA\"}".to_owned(), "is JSON"),
        (
            OktaToken,
            assigned("OKTA_API_TOKEN="),
            "begins with `OKTA_API_TOKEN=`",
        ),
        (
            CoralogixKey,
            assigned("OKTA_API_TOKEN="),
            "write the value alone",
        ),
        (
            OktaToken,
            assigned("export OKTA_API_TOKEN="),
            "begins with `OKTA_API_TOKEN=`",
        ),
        (
            OktaToken,
            assigned("okta_api_token = "),
            "begins with `OKTA_API_TOKEN=`",
        ),
        (
            CoralogixKey,
            assigned("CORALOGIX_API_KEY="),
            "begins with `CORALOGIX_API_KEY=`",
        ),
        (
            CoralogixKey,
            assigned("EVENTBRIDGE_API_KEY="),
            "begins with",
        ),
        (
            CoralogixKey,
            assigned("OKTA_CORALOGIX_HASH_SALT="),
            "begins with `OKTA_CORALOGIX_HASH_SALT=`",
        ),
        (
            OktaToken,
            assigned("OKTA_CORALOGIX_POLL_INTERVAL="),
            "begins with `OKTA_CORALOGIX_POLL_INTERVAL=`",
        ),
        (
            OktaToken,
            assigned("SQS_QUEUE_URL="),
            "begins with `SQS_QUEUE_URL=`",
        ),
        (
            CoralogixKey,
            assigned("EVENTBRIDGE_BASIC_FILE="),
            "begins with `EVENTBRIDGE_BASIC_FILE=`",
        ),
        (
            CoralogixKey,
            assigned("hash_salt = "),
            "begins with `hash_salt=`",
        ),
        (
            CoralogixKey,
            assigned("client_id="),
            "begins with `client_id=`",
        ),
        (
            OktaToken,
            assigned("-e OKTA_API_TOKEN="),
            "begins with `OKTA_API_TOKEN=`",
        ),
        (
            OktaToken,
            assigned("OKTA_API_TOKEN: "),
            "begins with `OKTA_API_TOKEN=`",
        ),
        (
            CoralogixKey,
            assigned("api_key = "),
            "begins with `api_key=`",
        ),
        (
            OktaPrivateKey,
            format!("OKTA_API_PRIVATE_KEY={PEM}"),
            "begins with",
        ),
        (OktaPrivateKey, format!("\"{PEM}\""), "is between quotes"),
        (OktaToken, quoted(["\"", "\""]), "is between quotes"),
        (OktaToken, quoted(["\"", ""]), "begins with `\"`"),
        (OktaToken, quoted(["", "'"]), "ends with `'`"),
        (CoralogixKey, quoted(["", ","]), "ends with `,`"),
        (
            CoralogixKey,
            quoted(["\u{201c}", ""]),
            "begins with `\u{201c}`",
        ),
        (
            CoralogixKey,
            format!("SSWS {TOKEN}"),
            "has the form of an API token of Okta",
        ),
        (
            CoralogixKey,
            format!("key:{TOKEN}:"),
            "has the form of an API token of Okta",
        ),
        (OktaToken, quoted(["'", "'"]), "is between quotes"),
        (
            CoralogixKey,
            quoted(["\u{201c}", "\u{201d}"]),
            "is between quotes",
        ),
        (CoralogixKey, quoted(["`", "`"]), "is between quotes"),
        (
            CoralogixKey,
            "${CORALOGIX_KEY}".to_owned(),
            "reference (${…})",
        ),
        (OktaToken, "00${TOKEN}".to_owned(), "reference (${…})"),
        (OktaToken, "${TOKEN:-}".to_owned(), "reference (${…})"),
        (OktaToken, "$OKTA_TOKEN".to_owned(), "reference ($NAME)"),
        (OktaToken, "$(cat token)".to_owned(), "reference ($(…))"),
        (OktaToken, "%OKTA_TOKEN%".to_owned(), "reference (%NAME%)"),
        (
            OktaClientSecret,
            "{{ .Values.secret }}".to_owned(),
            "reference ({{…}})",
        ),
        (
            OktaToken,
            format!("\u{feff}{TOKEN}"),
            "begins with a byte order mark",
        ),
        (
            OktaPrivateKey,
            format!("\u{feff}{PEM}"),
            "begins with a byte order mark",
        ),
    ] {
        let fault = judge(kind, Naming::Variables, &text).unwrap_err();
        assert!(fault.contains(expected), "{kind:?} {expected}: {fault}");
        assert!(
            !fault.contains(&TOKEN[2..20]) && !fault.contains("MIIB"),
            "{fault}"
        );
    }
    let by_key = judge(CoralogixKey, Naming::Keys, TOKEN).unwrap_err();
    assert!(by_key.contains("it and api_token were swapped"), "{by_key}");
}

#[test]
fn odd_secret_is_said_and_a_usual_one_is_not() {
    for (kind, text, expected) in [
        (OktaToken, TOKEN, None),
        (OktaToken, &*format!("{TOKEN}\r\n"), None),
        (OktaToken, "00short", Some("has 7 characters, not 42")),
        (
            OktaToken,
            &TOKEN.replace("00A", "01A"),
            Some("does not begin with 00"),
        ),
        (OktaToken, KEY, Some("has the form of a key of Coralogix")),
        (OktaToken, UUID, Some("has the form of a key of Coralogix")),
        (
            OktaToken,
            &TOKEN.replace('_', "é"),
            Some("letters outside of ASCII"),
        ),
        (
            OktaToken,
            &TOKEN.replace('_', " "),
            Some("white space in it"),
        ),
        (
            OktaToken,
            &TOKEN.replace('_', "="),
            Some("other than letters, digits"),
        ),
        (OktaClientSecret, CLIENT_SECRET, None),
        (
            OktaClientSecret,
            TOKEN,
            Some("has the form of an API token"),
        ),
        (
            OktaClientSecret,
            UUID,
            Some("has the form of a key of Coralogix"),
        ),
        (OktaClientSecret, "short", Some("has 5 characters only")),
        (CoralogixKey, KEY, None),
        (CoralogixKey, UUID, None),
        (CoralogixKey, "0123456789abcdef", None),
        (CoralogixKey, "changeme", Some("has 8 characters")),
        (
            CoralogixKey,
            "<your-coralogix-key>",
            Some("other than letters, digits"),
        ),
        (CoralogixKey, "", None),
        (OktaPrivateKey, PEM, None),
        (OktaPrivateKey, "{\"kty\":\"RSA\"}", None),
    ] {
        let odd = judge(kind, Naming::Variables, text).unwrap();
        match expected {
            None => assert_eq!(odd, None, "{kind:?}"),
            Some(expected) => {
                let odd = odd.unwrap_or_default();
                assert!(odd.contains(expected), "{kind:?} {expected}: {odd}");
            }
        }
    }
}

#[test]
fn one_text_for_both_services_is_refused() {
    for (one, other, is_refused) in [
        ((OktaToken, TOKEN), (CoralogixKey, TOKEN), true),
        (
            (CoralogixKey, KEY),
            (OktaToken, " cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123\n"),
            true,
        ),
        ((CoralogixKey, KEY), (OktaClientSecret, KEY), true),
        ((CoralogixKey, KEY), (OktaPrivateKey, KEY), true),
        (
            (CoralogixKey, "cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123,"),
            (OktaToken, KEY),
            true,
        ),
        (
            (OktaToken, KEY),
            (CoralogixKey, "'cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123"),
            true,
        ),
        ((OktaToken, "00short"), (CoralogixKey, "x00short"), false),
        ((OktaToken, TOKEN), (CoralogixKey, KEY), false),
        ((OktaToken, TOKEN), (OktaClientSecret, TOKEN), false),
        ((OktaToken, ""), (CoralogixKey, " "), false),
    ] {
        let fault = judge_pair(one, (other.0, other.1, "THE_OTHER"));
        assert_eq!(fault.is_some(), is_refused, "{one:?} {other:?}");
        let fault = fault.unwrap_or_default();
        assert_eq!(
            fault.contains("same text as THE_OTHER"),
            is_refused,
            "{fault}"
        );
        assert!(
            !fault.contains(&TOKEN[..9]) && !fault.contains(KEY),
            "{fault}"
        );
    }
}

#[test]
fn name_of_a_variable_is_shown_and_a_secret_is_not() {
    for name in ["TOKEN", "OKTA_API_TOKEN_2", "_x", "okta_token", "OktaToken"] {
        assert_eq!(show_variable(name), Some(name));
    }
    for secret in [
        TOKEN,
        KEY,
        UUID,
        CLIENT_SECRET,
        "00secret",
        "marked-coralogix-key",
        "AbCdEfGhIjKlMnOpQrStUvWxYz",
        "abcdefghijklmnopqrstuvwxyz",
        "",
    ] {
        assert_eq!(show_variable(secret), None, "{secret}");
    }
}

#[test]
fn secret_is_judged_again_each_time_that_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, KEY).unwrap();
    let file = path.clone().into_os_string();
    let environment = Environment::new(move |name| match name {
        "OKTA_API_TOKEN" => Some(TOKEN.into()),
        "CORALOGIX_API_KEY_FILE" => Some(file.clone()),
        _ => None,
    });
    let judge = SecretJudge::of_variables(&environment);
    let token = Secret::from(TOKEN);
    judge.check_variable("OKTA_API_TOKEN", &token).unwrap();
    judge
        .check_variable("CORALOGIX_API_KEY_FILE", &KEY.into())
        .unwrap();
    std::fs::write(&path, TOKEN).unwrap();
    let error = judge.check_variable("OKTA_API_TOKEN", &token).unwrap_err();
    assert!(
        error
            .detail()
            .starts_with("OKTA_API_TOKEN: is the same text as CORALOGIX_API_KEY_FILE"),
        "{error}"
    );
    assert_eq!(environment.warnings().take(), [""; 0]);
    for _ in 0..2 {
        judge
            .check_variable("CORALOGIX_API_KEY_FILE", &"short".into())
            .unwrap();
    }
    assert_eq!(environment.warnings().take().len(), 1, "it is said once");
}

#[test]
fn secret_of_a_customer_is_read_from_a_variable_or_a_file_and_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.into_os_string()
    };
    let files = HashMap::from([
        ("GOOD_FILE", write("good", b"'a ${b}'\r\n")),
        ("MARK_FILE", write("mark", "\u{feff}x".as_bytes())),
        ("WIDE_FILE", write("wide", b"\xff\xfex\0")),
        ("EMPTY_FILE", write("empty", b"\n")),
        ("AWAY_FILE", folder.path().join("away").into_os_string()),
        ("SECRET_FILE", OsString::from(TOKEN)),
        ("BOTH", OsString::from("x")),
        ("BOTH_FILE", OsString::from("x")),
        ("PLAIN", OsString::from(TOKEN)),
    ]);
    let environment = Environment::new(move |name| files.get(name).cloned());
    let text = |name: &str| match read(&environment, name) {
        Ok(found) => found.map(|(setting, secret)| format!("{setting}={}", secret.expose())),
        Err(error) => Some(error.detail().to_owned()),
    };
    assert_eq!(text("GOOD"), Some("GOOD_FILE='a ${b}'".to_owned()));
    assert_eq!(text("PLAIN"), Some(format!("PLAIN={TOKEN}")));
    assert_eq!(text("UNSET"), None);
    for (name, expected) in [
        ("BOTH", "BOTH: is set beside BOTH_FILE"),
        (
            "MARK",
            "MARK_FILE: names a file that begins with a byte order mark",
        ),
        ("WIDE", "UTF-16"),
        ("EMPTY", "EMPTY_FILE: is empty"),
        ("AWAY", "AWAY_FILE: names the file \""),
        (
            "SECRET",
            "SECRET_FILE: names the file (its name is not repeated",
        ),
    ] {
        let text = text(name).unwrap_or_default();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains(TOKEN), "{text}");
    }
}
