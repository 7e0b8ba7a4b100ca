//! Mistakes in the variables and flags of `pull` with one org.

use super::mistake::{Mistake, pull};

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8\n-----END PRIVATE KEY-----\n";

const ENCRYPTED_KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../okta-source/tests/keys/rsa.encrypted.pem"
);

/// As the Admin Console and Coralogix give them out.
const OKTA_TOKEN: &str = "00Ab3_dEfGhIjKlMnOpQrStUvWxYz0123456789-AB";
const CORALOGIX_KEY: &str = "cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123";

pub(super) fn mistakes() -> Vec<Mistake> {
    let mut all = addresses();
    all.extend(secrets());
    all.extend(apps());
    all.extend(flags());
    all
}

fn addresses() -> Vec<Mistake> {
    vec![
        pull("all settings but one are missing")
            .unset("OKTA_ORG_URL")
            .unset("OKTA_API_TOKEN")
            .unset("CORALOGIX_ENDPOINT")
            .unset("CORALOGIX_API_KEY"),
        pull("`OKTA_ORG_URL` is empty").set("OKTA_ORG_URL", ""),
        pull("the address of the Admin Console as `OKTA_ORG_URL`")
            .set("OKTA_ORG_URL", "https://acme-admin.okta.com"),
        pull("`http` in `OKTA_ORG_URL`").set("OKTA_ORG_URL", "http://acme.okta.com"),
        pull("an unknown region as `CORALOGIX_DOMAIN`")
            .unset("CORALOGIX_ENDPOINT")
            .set("CORALOGIX_DOMAIN", "EU9"),
        pull("the address of the dashboard as `CORALOGIX_DOMAIN`")
            .unset("CORALOGIX_ENDPOINT")
            .set("CORALOGIX_DOMAIN", "team.app.eu2.coralogix.com"),
        pull("the key of Coralogix as `CORALOGIX_DOMAIN`")
            .unset("CORALOGIX_ENDPOINT")
            .set("CORALOGIX_DOMAIN", CORALOGIX_KEY),
        pull("`http` in `CORALOGIX_ENDPOINT`")
            .set("CORALOGIX_ENDPOINT", "http://ingress.eu2.coralogix.com"),
        pull("`CORALOGIX_DOMAIN` beside `CORALOGIX_ENDPOINT`").set("CORALOGIX_DOMAIN", "EU2"),
        pull("`CORALOGIX_REGION` in place of `CORALOGIX_DOMAIN`")
            .unset("CORALOGIX_ENDPOINT")
            .set("CORALOGIX_REGION", "EU2"),
        pull("a misspelt variable of a flag").set("OKTA_CORALOGIX_POLL_INTERVALL", "1m"),
    ]
}

fn secrets() -> Vec<Mistake> {
    vec![
        pull("the two keys are swapped")
            .set("OKTA_API_TOKEN", CORALOGIX_KEY)
            .set("CORALOGIX_API_KEY", OKTA_TOKEN),
        pull("the token of Okta as the key of Coralogix").set("CORALOGIX_API_KEY", "{token}"),
        pull("the key of Coralogix as the token of Okta").set("OKTA_API_TOKEN", "{key}"),
        pull("another key of Coralogix as the token of Okta").set("OKTA_API_TOKEN", CORALOGIX_KEY),
        pull("the same text in a variable and in the other's file")
            .unset("CORALOGIX_API_KEY")
            .set("CORALOGIX_API_KEY_FILE", "key")
            .file("key", "{token}\n"),
        pull("a private key as the token of Okta").set("OKTA_API_TOKEN", PEM),
        pull("a private key on one line as the key of Coralogix")
            .set("CORALOGIX_API_KEY", PEM.replace('\n', " ")),
        pull("the name of the variable in its value")
            .set("OKTA_API_TOKEN", format!("OKTA_API_TOKEN={OKTA_TOKEN}")),
        pull("quotes around the token").set("OKTA_API_TOKEN", format!("\"{OKTA_TOKEN}\"")),
        pull("a reference that nothing has replaced")
            .set("CORALOGIX_API_KEY", "${CORALOGIX_API_KEY}"),
        pull("`$NAME` between single quotes").set("OKTA_API_TOKEN", "$OKTA_TOKEN"),
        pull("one quote before the token").set("OKTA_API_TOKEN", format!("\"{OKTA_TOKEN}")),
        pull("the token of Okta with a comma as the key of Coralogix")
            .set("CORALOGIX_API_KEY", "{token},"),
        pull("the token of Okta as `CORALOGIX_SUBSYSTEM`").set("CORALOGIX_SUBSYSTEM", "{token}"),
        pull("another token of Okta with a quote in `CORALOGIX_APPLICATION`")
            .set("CORALOGIX_APPLICATION", format!("okta '{OKTA_TOKEN}")),
        pull("the key of Coralogix in `CORALOGIX_ENDPOINT`").set(
            "CORALOGIX_ENDPOINT",
            "https://{key}@ingress.eu2.coralogix.com",
        ),
        pull("a private key as `OKTA_API_CLIENT_ID`").set("OKTA_API_CLIENT_ID", PEM),
        pull("the key of Coralogix in `--filter`")
            .flags(&["--filter", "target.id eq \"marked-coralogix-key\""]),
        pull("a token that is too short").set("OKTA_API_TOKEN", "00tooShort"),
        pull("the word `SSWS` before the token")
            .set("OKTA_API_TOKEN", format!("SSWS {OKTA_TOKEN}")),
        pull("a token and its file").set("OKTA_API_TOKEN_FILE", "token"),
        pull("a key and its file").set("CORALOGIX_API_KEY_FILE", "key"),
        pull("the token where its file belongs")
            .unset("OKTA_API_TOKEN")
            .set("OKTA_API_TOKEN_FILE", OKTA_TOKEN),
        pull("the key where its file belongs")
            .unset("CORALOGIX_API_KEY")
            .set("CORALOGIX_API_KEY_FILE", CORALOGIX_KEY),
        pull("a file of the token with a byte order mark")
            .unset("OKTA_API_TOKEN")
            .set("OKTA_API_TOKEN_FILE", "token")
            .file("token", "\u{feff}{token}\n"),
        pull("a device as the file of the token")
            .unset("OKTA_API_TOKEN")
            .set("OKTA_API_TOKEN_FILE", "/dev/zero"),
        pull("a folder as the file of the key")
            .unset("CORALOGIX_API_KEY")
            .set("CORALOGIX_API_KEY_FILE", "/dev"),
        pull("a file of the key in UTF-16")
            .unset("CORALOGIX_API_KEY")
            .set("CORALOGIX_API_KEY_FILE", "key")
            .file("key", b"\xff\xfek\0e\0y\0"),
    ]
}

fn apps() -> Vec<Mistake> {
    let app = |what| {
        pull(what)
            .unset("OKTA_API_TOKEN")
            .set("OKTA_API_CLIENT_ID", "0oa1abcdefGHIJKLM5d7")
    };
    vec![
        pull("a token beside a client id").set("OKTA_API_CLIENT_ID", "0oa1abcdefGHIJKLM5d7"),
        app("a client id without a key"),
        app("a private key that is protected by a password")
            .set("OKTA_API_PRIVATE_KEY", ENCRYPTED_KEY),
        app("a private key whose line breaks are lost")
            .set("OKTA_API_PRIVATE_KEY", PEM.replace('\n', " ")),
        app("scopes without that of the System Log")
            .set(
                "OKTA_API_CLIENT_SECRET",
                "AbCdEfGhIjKlMnOpQrStUvWxYz01234567890123",
            )
            .set("OKTA_API_SCOPES", "okta.users.read"),
    ]
}

fn flags() -> Vec<Mistake> {
    vec![
        pull("`--since` in the future").flags(&["--since", "2999-01-01T00:00:00Z"]),
        pull("a duration without a unit").flags(&["--poll-interval", "30"]),
        pull("an unknown policy for old events").flags(&["--too-old", "burn"]),
        pull("`--give-up-after` without `--once`").flags(&["--give-up-after", "10m"]),
        pull("`OKTA_CORALOGIX_GIVE_UP_AFTER` without `--once`")
            .set("OKTA_CORALOGIX_GIVE_UP_AFTER", "10m")
            .flags(&["--check"]),
        pull("`--integration` with a range and without `--config`").flags(&[
            "--integration",
            "acme",
            "--from",
            "2h",
            "--to",
            "1h",
        ]),
        pull("`--check` and `--dry-run`").flags(&["--check", "--dry-run"]),
        pull("a secret as an argument").flags(&[CORALOGIX_KEY]),
        pull("an unknown level in `RUST_LOG`").set("RUST_LOG", "warning"),
        pull("one file for positions and dead letters").flags(&[
            "--checkpoint",
            "position",
            "--dead-letters",
            "position",
        ]),
        pull("dead letters in the state of `--state`, without it")
            .flags(&["--dead-letters", "state"]),
        pull("a checkpoint that is none")
            .file("notes.txt", "garbage")
            .flags(&["--checkpoint", "notes.txt"]),
        pull("a folder of the checkpoint that does not exist")
            .flags(&["--checkpoint", "no/such/folder"]),
        pull("`--state-dir` in a folder that does not exist").flags(&[
            "--once",
            "--state-dir",
            "no/such",
        ]),
        pull("`--state-dir` names a file")
            .file("notes.txt", "")
            .flags(&["--once", "--state-dir", "notes.txt"]),
        pull("`--state-dir` beside the position of runs without it")
            .file("okta-coralogix.checkpoint", "")
            .flags(&["--once", "--state-dir", "state"]),
        pull("a proxy that is none of HTTP")
            .flags(&["--proxy", "socks5://user:hunter2@proxy:1080"]),
        pull("a file of certificates that does not exist").flags(&["--ca-file", "ca.pem"]),
        pull("`SSL_CERT_FILE` names no file")
            .set("OKTA_ORG_URL", "https://acme.okta.com")
            .set("SSL_CERT_FILE", "/nowhere/ca.pem")
            .set("SSL_CERT_DIR", "/nowhere"),
    ]
}
