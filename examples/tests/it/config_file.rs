//! The file of `pull --config`: integrations and errors.

use std::path::Path;
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_examples::program::settings::Values;
use okta_coralogix_examples::program::{Environment, Network};
use okta_coralogix_examples::pull::config::{self, Integration};

fn read(text: &str, folder: &Path) -> Result<Vec<Integration>, String> {
    let environment = Environment::new(|name| match name {
        "TOKEN" => Some("00secret".into()),
        "KEY" => Some("key".into()),
        _ => None,
    });
    let values = Values::of(&environment);
    config::parse(text, folder, &values, Network::default()).map_err(|error| error.to_string())
}

fn sink(integration: &Integration) -> Arc<CoralogixSink> {
    let secrets = integration.read_secrets().unwrap();
    integration.connect(&secrets).unwrap().sink
}

const GOOD: &str = r#"
[coralogix]
domain = "EU2"
api_key = { env = "KEY" }

[[integration]]
name = "acme"
subsystem = "acme-subsystem"
org_url = "acme.okta.com"
api_token = { env = "TOKEN" }
filter = 'eventType sw "user."'
poll_interval = "1m"

[[integration]]
name = "other"
subsystem = "other-subsystem"
org_url = "https://login.example.com"
api_token = { file = "token" }
coralogix = { domain = "US1", application = "okta-us" }
"#;

#[test]
fn integrations_have_their_own_checkpoints_and_share_sinks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "00other\n").unwrap();
    let found = read(GOOD, folder.path()).unwrap();
    let names: Vec<_> = found.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["acme", "other"]);
    assert_eq!(found[0].checkpoint, folder.path().join("acme.checkpoint"));
    let sinks: Vec<_> = found.iter().map(sink).collect();
    assert!(!Arc::ptr_eq(&sinks[0], &sinks[1]));
    let shown = format!("{found:?}");
    assert!(
        !shown.contains("00secret") && !shown.contains("00other"),
        "{shown}"
    );
    let same = GOOD.replace("domain = \"US1\", ", "");
    let found = read(&same, folder.path()).unwrap();
    let sinks: Vec<_> = found.iter().map(sink).collect();
    assert!(Arc::ptr_eq(&sinks[0], &sinks[1]));
}

#[test]
fn sink_is_shared_by_the_place_of_its_key_and_not_by_the_key() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["token", "one", "two"] {
        let content = if name == "token" { "00other" } else { "same" };
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let with_key_files = |first: &str, second: &str| {
        let text = GOOD
            .replace("{ env = \"KEY\" }", &format!("{{ file = \"{first}\" }}"))
            .replace(
                "domain = \"US1\"",
                &format!("api_key = {{ file = \"{second}\" }}"),
            );
        let found = read(&text, folder.path()).unwrap();
        let sinks: Vec<_> = found.iter().map(sink).collect();
        Arc::ptr_eq(&sinks[0], &sinks[1])
    };
    assert!(with_key_files("one", "./one"));
    // One of them may be changed.
    assert!(!with_key_files("one", "two"));
}

#[test]
fn older_key_names_work_and_are_named_in_messages() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "00other").unwrap();
    let older = GOOD.replace("subsystem = ", "account = ");
    let older = older.replace("org_url = ", "okta_domain = ");
    let shown = |text: &str| format!("{:?}", read(text, folder.path()).unwrap());
    assert_eq!(shown(&older), shown(GOOD));
    for (written, expected) in [
        (
            "account = \"a\"\nsubsystem = \"b\"",
            "integration \"acme\": subsystem: is set, and so is `account`, its older name: remove `account`",
        ),
        ("account = \" \"", "integration \"acme\": account: is empty"),
        (
            "subsystem = \"\"",
            "integration \"acme\": subsystem: is empty",
        ),
        ("", "integration \"acme\": subsystem: is missing"),
    ] {
        let text = GOOD.replacen("subsystem = \"acme-subsystem\"", written, 1);
        assert_eq!(read(&text, folder.path()).unwrap_err(), expected);
    }
    for (written, expected) in [
        (
            "org_url = \"a.okta.com\"\nokta_domain = \"b.okta.com\"",
            "integration \"acme\": org_url: is set, and so is `okta_domain`, its older name: remove `okta_domain`",
        ),
        (
            "okta_domain = \"\"",
            "integration \"acme\": okta_domain: is empty",
        ),
        ("", "integration \"acme\": org_url: is missing"),
    ] {
        let text = GOOD.replacen("org_url = \"acme.okta.com\"", written, 1);
        assert_eq!(read(&text, folder.path()).unwrap_err(), expected);
    }
}

#[test]
fn config_file_errors_name_the_key_and_the_correction() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "00other").unwrap();
    for (from, to, expected) in [
        (
            "org_url = \"acme",
            "org_ulr = \"acme",
            "integration \"acme\": the key `org_ulr` is unknown; `org_url` is meant, perhaps",
        ),
        (
            "[coralogix]",
            "[coralogics]",
            "the key `coralogics` is unknown; `coralogix` is meant",
        ),
        (
            "domain = \"EU2\"",
            "domain = \"EU2\"\nzone = 1",
            "the key `zone` is unknown; there are domain",
        ),
        (
            "api_token = { env = \"TOKEN\" }",
            "api_token = \"00inline\"",
            "write `{ env = \"NAME\" }`",
        ),
        (
            "{ env = \"TOKEN\" }",
            "{ env = \"NO_TOKEN\" }",
            "api_token: the variable NO_TOKEN is not set",
        ),
        (
            "subsystem = \"acme-subsystem\"",
            "",
            "integration \"acme\": subsystem: is missing",
        ),
        (
            "api_token = { env = \"TOKEN\" }",
            "",
            "integration \"acme\": api_token",
        ),
        (
            "name = \"other\"",
            "name = \"acme\"",
            "is another integration's too",
        ),
        ("name = \"other\"", "name = \"../x\"", "it names a file"),
        ("acme.okta.com", "acme-admin.okta.com", "acme.okta.com"),
        ("\"1m\"", "\"soon\"", "poll_interval"),
        (
            "poll_interval = \"1m\"",
            "reread_every = \"never\"",
            "reread_every: \"never\" is no duration from 1s to 30d; write one such as 1h, off, or 90m",
        ),
        ("\"US1\"", "\"MARS1\"", "integration \"other\": coralogix"),
        (
            "\"1m\"",
            "30",
            "integration \"acme\": poll_interval: is a whole number; write for example `poll_interval = \"30s\"`",
        ),
        (
            "poll_interval = \"1m\"",
            "rate_share = 80",
            "integration \"acme\": rate_share: \"80\" is more than the whole; write a share above 0 and up to 1: 0.8 for 80 %",
        ),
        (
            "poll_interval = \"1m\"",
            "drop_fields = [\"actor.id\"]",
            "integration \"acme\": drop_fields: \"actor.id\" is no path",
        ),
        (
            "poll_interval = \"1m\"",
            "drop_fields = [7]",
            "drop_fields: is a list of something else than texts; write one such as \"$.client.ipAddress\"",
        ),
        (
            "poll_interval = \"1m\"",
            "hash_fields = [\"$.actor.id\"]",
            "integration \"acme\": hash_salt: is not set, and $.actor.id is to be hashed",
        ),
        (
            "poll_interval = \"1m\"",
            "event_types = {}",
            "event_types: is a table; write for example `event_types = [\"user.session.*\"]`",
        ),
        (
            "[coralogix]",
            "outage_patience = \"7h\"\n[coralogix]",
            "outage_patience: \"7h\" is longer than an event may be tried",
        ),
        (
            "[coralogix]",
            "checkpoint = \"cp\"\n[coralogix]",
            "the key `checkpoint` is unknown",
        ),
        ("subsystem = \"acme-subsystem\"", "subsystem = 7", "line "),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = read(&GOOD.replacen(from, to, 1), folder.path()).unwrap_err();
        assert!(
            error.contains(expected),
            "{error}\nshould contain {expected}"
        );
        assert!(!error.contains("00"), "a secret is repeated: {error}");
    }
    let error = read("[coralogix]\n", folder.path()).unwrap_err();
    assert!(error.contains("[[integration]]"), "{error}");
}

#[test]
fn secret_file_is_read_when_its_org_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    let found = read(GOOD, folder.path()).unwrap();
    found[0].read_secrets().unwrap();
    let error = found[1].read_secrets().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let detail = error.detail();
    assert!(detail.contains("api_token: the file \"token\" cannot be read"));
    for (content, expected) in [(" \n", "is empty"), ("SSWS 00secret", "alone")] {
        std::fs::write(&token, content).unwrap();
        let secrets = found[1].read_secrets();
        let connected = secrets.and_then(|secrets| found[1].connect(&secrets));
        let error = connected.unwrap_err();
        assert!(error.detail().contains(expected), "{error}");
        assert!(!error.detail().contains("00secret"), "{error}");
    }
    std::fs::write(&token, "00good").unwrap();
    sink(&found[1]);
}

/// An org whose secrets are all in files that are missing.
const MISSING_FILES: &str = r#"
[[integration]]
name = "acme"
subsystem = "acme-subsystem"
org_url = "acme.okta.com"
client_id = "0oa1"
private_key = { file = "key.pem" }
private_key_id = "my-key"
scopes = ["okta.logs.read"]
coralogix = { domain = "EU2", api_key = { file = "key" } }
"#;

#[test]
fn config_file_errors_are_found_without_the_secret_files() {
    let folder = tempfile::tempdir().unwrap();
    let found = read(MISSING_FILES, folder.path()).unwrap();
    assert!(found[0].read_secrets().is_err());
    for (from, to, expected) in [
        ("EU2", "MARS1", "coralogix"),
        ("0oa1", "0 oa1", "client_id: is no client id"),
        ("okta.logs.read", "okta.users.read", "scopes"),
        (
            "client_id = \"0oa1\"",
            "client_id = \"0oa1\"\napi_token = { file = \"token\" }",
            "is set beside",
        ),
        (
            "private_key_id = \"my-key\"",
            "client_secret = { file = \"secret\" }",
            "private_key: is set beside client_secret",
        ),
        ("client_id = \"0oa1\"", "", "client_id: is not set"),
        (
            "scopes",
            "q = \"1 2 3 4 5 6 7 8 9 10 11\"\nscopes",
            "Okta takes 10",
        ),
    ] {
        assert!(MISSING_FILES.contains(from), "{from}");
        let text = MISSING_FILES.replacen(from, to, 1);
        let error = read(&text, folder.path()).unwrap_err();
        assert!(
            error.contains(expected),
            "{error}\nshould contain {expected}"
        );
    }
}

#[test]
fn variable_that_names_a_missing_key_file_is_no_error_of_the_config_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = MISSING_FILES.replace("file = \"key.pem\"", "env = \"KEY_FILE\"");
    let path = folder.path().join("key.pem");
    let named = path.clone();
    let environment =
        Environment::new(move |name| (name == "KEY_FILE").then(|| named.clone().into_os_string()));
    let found = config::parse(
        &text,
        folder.path(),
        &Values::of(&environment),
        Network::default(),
    )
    .unwrap();
    std::fs::write(folder.path().join("key"), "key").unwrap();
    let opened = || {
        let secrets = found[0].read_secrets()?;
        found[0].connect(&secrets).map(|_| ())
    };
    assert!(opened().unwrap_err().detail().contains("private_key"));
    let key = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../okta-source/tests/keys/rsa.pkcs8.pem"
    );
    std::fs::copy(key, &path).unwrap();
    opened().unwrap();
}

#[test]
fn too_old_of_an_integration_wins_over_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = GOOD.replacen(
        "name = \"acme\"",
        "name = \"acme\"\ntoo_old = \"restamp\"",
        1,
    );
    let text = format!("too_old = \"dead-letter\"\n{text}");
    let found = read(&text, folder.path()).unwrap();
    let policies: Vec<_> = found.iter().map(|one| one.pipeline.too_old).collect();
    assert_eq!(
        policies,
        [Some(AgePolicy::Restamp), Some(AgePolicy::DeadLetter)]
    );
    let unset = read(GOOD, folder.path()).unwrap();
    assert!(unset.iter().all(|one| one.pipeline.too_old.is_none()));
    let wrong = text.replace("\"restamp\"", "\"keep it\"");
    let error = read(&wrong, folder.path()).unwrap_err();
    assert!(
        error.starts_with("integration \"acme\": too_old: ") && error.contains("restamp"),
        "{error}"
    );
}

#[test]
fn since_in_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let since = "poll_interval = \"1m\"\nsince = \"2999-01-01T00:00:00Z\"";
    let text = GOOD.replacen("poll_interval = \"1m\"", since, 1);
    let error = read(&text, folder.path()).unwrap_err();
    assert!(
        error.contains("since: ") && error.contains("in the future"),
        "{error}"
    );
}
