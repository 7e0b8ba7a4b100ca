//! Wrong settings: exit code 2, and a sentence that names the setting and a correct value.

use std::collections::HashMap;

use super::harness::{Exit, start};

/// Variables and their values.
type Changes<'a> = &'a [(&'static str, &'a str)];

/// A good set of variables, changed by `changes` (an empty value removes), must be refused with all of `words`.
async fn refused(changes: Changes<'_>, flags: &[&str], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("garbage"), "garbage").unwrap();
    let mut variables = HashMap::from([
        ("OKTA_ORG_URL", "https://acme.okta.com".to_owned()),
        ("OKTA_API_TOKEN", "00token".to_owned()),
        ("CORALOGIX_DOMAIN", "EU2".to_owned()),
        ("CORALOGIX_API_KEY", "key".to_owned()),
    ]);
    for (name, value) in changes {
        match *value {
            "" => variables.remove(name),
            value => variables.insert(name, value.to_owned()),
        };
    }
    let ended = Exit::of(start(folder.path(), &variables, flags)).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(2), ""),
        "{changes:?} {flags:?}: {ended:?}"
    );
    for word in words {
        assert!(
            ended.stderr.contains(word),
            "{changes:?} {flags:?} says no {word:?}: {}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn wrong_variable_is_named_with_a_correct_value() {
    let key = format!(
        "{}/../okta-source/tests/keys/rsa.encrypted.pem",
        env!("CARGO_MANIFEST_DIR")
    );
    let cases: [(Changes<'_>, &[&str]); 30] = [
        (
            &[("OKTA_ORG_URL", "")],
            &["OKTA_ORG_URL", "https://example.okta.com"],
        ),
        (
            &[("OKTA_ORG_URL", "https://acme-admin.okta.com")],
            &["OKTA_ORG_URL", "write https://acme.okta.com"],
        ),
        (
            &[("OKTA_ORG_URL", "http://acme.okta.com")],
            &["OKTA_ORG_URL", "write https://acme.okta.com"],
        ),
        (
            &[("OKTA_API_TOKEN", "")],
            &["OKTA_API_TOKEN", "Administrator"],
        ),
        (
            &[("OKTA_API_TOKEN", "SSWS 00abc")],
            &["OKTA_API_TOKEN", "alone"],
        ),
        (
            &[("OKTA_API_CLIENT_ID", "0oa1")],
            &["OKTA_API_TOKEN", "beside OKTA_API_CLIENT_ID"],
        ),
        (
            &[("OKTA_API_TOKEN", ""), ("OKTA_API_CLIENT_ID", "0oa1")],
            &["OKTA_API_PRIVATE_KEY", "is not set"],
        ),
        (
            &[("OKTA_API_TOKEN", ""), ("OKTA_API_PRIVATE_KEY", &key)],
            &["OKTA_API_CLIENT_ID", "is not set"],
        ),
        (
            &[
                ("OKTA_API_TOKEN", ""),
                ("OKTA_API_CLIENT_ID", "0oa1"),
                ("OKTA_API_PRIVATE_KEY", &key),
            ],
            &["OKTA_API_PRIVATE_KEY", "password"],
        ),
        (
            &[
                ("OKTA_API_TOKEN", ""),
                ("OKTA_API_CLIENT_ID", "0oa1"),
                ("OKTA_API_PRIVATE_KEY", "no/such/file"),
            ],
            &["OKTA_API_PRIVATE_KEY", "nor a file"],
        ),
        (
            &[
                ("OKTA_API_TOKEN", ""),
                ("OKTA_API_CLIENT_ID", "0oa1"),
                ("OKTA_API_CLIENT_SECRET", "secret"),
                ("OKTA_API_SCOPES", "okta.users.read"),
            ],
            &["OKTA_API_SCOPES", "okta.logs.read"],
        ),
        (&[("CORALOGIX_DOMAIN", "")], &["CORALOGIX_DOMAIN", "EU2"]),
        (
            &[("CORALOGIX_DOMAIN", "EU9")],
            &["CORALOGIX_DOMAIN", "EU1, EU2"],
        ),
        (
            &[("CORALOGIX_DOMAIN", "team.app.eu2.coralogix.com")],
            &["CORALOGIX_DOMAIN", "write `eu2.coralogix.com`"],
        ),
        (
            &[
                ("CORALOGIX_DOMAIN", ""),
                ("CORALOGIX_ENDPOINT", "http://ingress.eu2.coralogix.com"),
            ],
            &["CORALOGIX_ENDPOINT", "https"],
        ),
        (
            &[("CORALOGIX_API_KEY", "")],
            &["CORALOGIX_API_KEY", "Send-Your-Data"],
        ),
        (
            &[("CORALOGIX_SUBSYSTEM", " ")],
            &["CORALOGIX_SUBSYSTEM", "acme"],
        ),
        (
            &[("OKTA_CORALOGIX_ONCE", "perhaps")],
            &["OKTA_CORALOGIX_ONCE", "true or false"],
        ),
        (
            &[("OKTA_CORALOGIX_SINCE", "soon")],
            &["OKTA_CORALOGIX_SINCE", "RFC 3339"],
        ),
        (
            &[("OKTA_CORALOGIX_SINCE", "2999-01-01T00:00:00Z")],
            &["OKTA_CORALOGIX_SINCE", "in the future", "has passed"],
        ),
        (
            &[("OKTA_CORALOGIX_TOO_OLD", "burn")],
            &["OKTA_CORALOGIX_TOO_OLD", "drop, dead-letter or restamp"],
        ),
        (
            &[("OKTA_CORALOGIX_DRAIN_TIMEOUT", "never")],
            &["OKTA_CORALOGIX_DRAIN_TIMEOUT", "25s"],
        ),
        (
            &[("OKTA_CORALOGIX_LOG_FORMAT", "xml")],
            &["OKTA_CORALOGIX_LOG_FORMAT", "text or json"],
        ),
        (
            &[("OKTA_CORALOGIX_HEARTBEAT_INTERVAL", "0")],
            &["OKTA_CORALOGIX_HEARTBEAT_INTERVAL", "1h"],
        ),
        (
            &[("RUST_LOG", "info,okta_source=loud")],
            &["RUST_LOG", "info,okta_source=debug"],
        ),
        (&[("RUST_LOG", "warning")], &["RUST_LOG", "no level"]),
        (
            &[("OKTA_CORALOGIX_RATE_SHARE", "half")],
            &["OKTA_CORALOGIX_RATE_SHARE", "such as 0.5"],
        ),
        (
            &[("OKTA_CORALOGIX_RESTART_ON_CHANGED_QUERY", "perhaps")],
            &["OKTA_CORALOGIX_RESTART_ON_CHANGED_QUERY", "true or false"],
        ),
        (
            &[
                ("OKTA_CORALOGIX_HASH_SALT", "s"),
                ("OKTA_CORALOGIX_HASH_SALT_FILE", "s"),
            ],
            &["OKTA_CORALOGIX_HASH_SALT", "set one of them"],
        ),
        (
            &[("OKTA_CORALOGIX_HASH_SALT_FILE", "no/such/file")],
            &["OKTA_CORALOGIX_HASH_SALT_FILE", "cannot be read"],
        ),
    ];
    for (changes, words) in cases {
        refused(changes, &[], words).await;
    }
}

#[tokio::test]
async fn wrong_flag_is_named_with_a_correct_value() {
    let cases: [(&[&str], &[&str]); 25] = [
        (
            &["--since", "2999-01-01T00:00:00Z"],
            &["--since", "in the future"],
        ),
        (&["--nonsense"], &["--nonsense"]),
        (&["--poll-interval", "0s"], &["--poll-interval", "30s"]),
        (
            &["--reread-every", "never"],
            &["--reread-every", "1h, off, or 90m"],
        ),
        (&["--since", "yesterday"], &["--since", "90m"]),
        (&["--give-up-after", "x"], &["--give-up-after", "10m"]),
        (&["--outage-patience", "7h"], &["--outage-patience", "6h"]),
        (&["--refusal-wait", "0s"], &["--refusal-wait", "60s"]),
        (&["--check", "--dry-run"], &["--check", "--dry-run"]),
        (&["--rate-share", "50"], &["--rate-share", "0.5 for 50 %"]),
        (&["--rate-share", "0"], &["--rate-share", "such as 0.5"]),
        (
            &["--max-body-bytes", "1KB"],
            &["--max-body-bytes", "64KiB to 1GiB", "64MiB"],
        ),
        (&["--silence-alarm", "0s"], &["--silence-alarm", "24h, off"]),
        (&["--filter", " "], &["--filter", "eventType sw"]),
        (
            &["--q", "1 2 3 4 5 6 7 8 9 10 11"],
            &["--q: ", "Okta takes 10"],
        ),
        (
            &["--event-types", "*.start"],
            &["--event-types", "user.session.*"],
        ),
        (
            &["--skip-event-types", ""],
            &["--skip-event-types", "system.*"],
        ),
        (
            &["--drop-fields", "client.ipAddress"],
            &["--drop-fields", "$.client.ipAddress"],
        ),
        (
            &["--hash-fields", "$.actor[0].id"],
            &["--hash-fields", "$.actor.alternateId"],
        ),
        (
            &["--hash-fields", "$.actor.alternateId"],
            &[
                "OKTA_CORALOGIX_HASH_SALT",
                "is not set",
                "$.actor.alternateId",
            ],
        ),
        (&["--max-entry-bytes", "0"], &["--max-entry-bytes", "32KB"]),
        (
            &["--outage-patience", "1 fortnight"],
            &["--outage-patience", "30m or 90m"],
        ),
        (
            &["--checkpoint", "garbage"],
            &["garbage", "no usable checkpoint"],
        ),
        (
            &["--checkpoint", "no/such/folder"],
            &["--checkpoint", "does not exist"],
        ),
        (
            &["--dead-letters", "no/such/folder"],
            &["--dead-letters", "does not exist"],
        ),
    ];
    for (flags, words) in cases {
        refused(&[], flags, words).await;
    }
}

#[tokio::test]
async fn any_variable_or_flag_means_a_real_run() {
    let folder = tempfile::tempdir().unwrap();
    let subsystem = HashMap::from([("CORALOGIX_SUBSYSTEM", "acme".to_owned())]);
    let token = HashMap::from([("OKTA_API_TOKEN", "00t".to_owned())]);
    let once = HashMap::from([("OKTA_CORALOGIX_ONCE", "1".to_owned())]);
    for (variables, flags) in [
        (subsystem, &[][..]),
        (token, &[]),
        (once, &[]),
        (HashMap::new(), &["--once"]),
    ] {
        let ended = Exit::of(start(folder.path(), &variables, flags)).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(
            ended.stderr.contains("OKTA_ORG_URL: is not set"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn files_that_would_overwrite_each_other_are_named() {
    let names = ["--checkpoint", "--dead-letters"];
    for [checkpoint, letters] in [
        ["garbage", "garbage"],
        ["cp", "./cp"],
        ["cp", "cp.tmp"],
        ["cp", "cp.lock"],
        ["letters.1", "letters"],
        ["letters.1.replayed", "letters"],
    ] {
        let flags = [names[0], checkpoint, names[1], letters];
        refused(&[], &flags, &names).await;
    }
    let key: Changes<'_> = &[
        ("CORALOGIX_API_KEY", ""),
        ("CORALOGIX_API_KEY_FILE", "garbage"),
    ];
    let words = ["CORALOGIX_API_KEY_FILE", "--dead-letters"];
    refused(key, &["--dead-letters", "garbage"], &words).await;
}

#[tokio::test]
async fn files_of_two_integrations_that_overwrite_each_other_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("okta.toml");
    let run = |[first, second]: [&'static str; 2], letters: &'static str| {
        let integration = |name: &str, checkpoint: &str| {
            format!(
                "[[integration]]\nname = {name:?}\norg_url = \"{name}.okta.com\"\nsubsystem = \"s\"\n\
                 checkpoint = {checkpoint:?}\napi_token = {{ env = \"TOKEN\" }}\n"
            )
        };
        let target = "[coralogix]\ndomain = \"EU2\"\napi_key = { env = \"KEY\" }\n";
        let (first, second) = (integration("acme", first), integration("other", second));
        std::fs::write(&file, [target, &first, &second].concat()).unwrap();
        let variables = HashMap::from([("TOKEN", "00token".to_owned()), ("KEY", "key".to_owned())]);
        let flags = ["--config", "okta.toml", "--dead-letters", letters];
        Exit::of(start(folder.path(), &variables, &flags))
    };
    for (checkpoints, letters, words) in [
        (["a", "./a"], "letters", ["acme", "other"]),
        (["a", "a.tmp"], "letters", ["acme", "other"]),
        (["a.lock", "a"], "letters", ["acme", "other"]),
        (["a", "b"], "b", ["other", "--dead-letters"]),
        (["a", "letters.3"], "letters", ["other", "--dead-letters"]),
        (["a", "okta.toml"], "letters", ["other", "--config"]),
        (["a", "b"], "okta.toml", ["--dead-letters", "--config"]),
    ] {
        let ended = run(checkpoints, letters).await;
        assert_eq!(ended.code, Some(2), "{checkpoints:?} {letters}: {ended:?}");
        for word in words {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
    }
    let written: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(written.len(), 1, "nothing was opened: {written:?}");
}
