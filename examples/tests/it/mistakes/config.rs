//! Mistakes in the file of `pull --config`, and beside it.

use super::mistake::{Mistake, config};

const OKTA_TOKEN: &str = "00Ab3_dEfGhIjKlMnOpQrStUvWxYz0123456789-AB";
const CORALOGIX_KEY: &str = "cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123";

const INTERVAL: &str = "poll_interval = \"30s\"\n";
const TOKEN: &str = "api_token = { env = \"ACME_TOKEN\" }";

pub(super) fn mistakes() -> Vec<Mistake> {
    let mut all = form();
    all.extend(secrets());
    all.extend(contradictions());
    all
}

fn form() -> Vec<Mistake> {
    vec![
        config("a duration as a number", "\"30s\"", "30"),
        config("a duration without quotes", "\"30s\"", "30s"),
        config("an address without quotes", "\"{org}\"", "acme.okta.com"),
        config(
            "`[integration]` in single brackets",
            "[[integration]]",
            "[integration]",
        ),
        config(
            "`[[coralogix]]` in double brackets",
            "[coralogix]",
            "[[coralogix]]",
        ),
        config("a misspelt key", "org_url", "org_ulr"),
        config("a key in capital letters", "poll_interval", "POLL_INTERVAL"),
        config("a flag as a key of the file", INTERVAL, "once = true\n"),
        config(
            "the name of a variable without quotes",
            TOKEN,
            "api_token = { env = ACME_TOKEN }",
        ),
        config(
            "a number as the name of a variable",
            TOKEN,
            "api_token = { env = 5 }",
        ),
        config(
            "a second table `[coralogix]`",
            "[[integration]]",
            "[coralogix]\n[[integration]]",
        ),
        config("the file of the orgs in UTF-16", "acme", "acme").file("orgs.toml", b"\xff\xfe[\0"),
        config("a file of the orgs that does not exist", "acme", "acme")
            .flags(&["--config", "org.toml"]),
        config("a device as the file of the orgs", "acme", "acme")
            .flags(&["--config", "/dev/zero"]),
        config("a key in the wrong table", "endpoint", "subsystem"),
        config("a file without an org", "[[integration]]", "[ignored]")
            .file("orgs.toml", "[coralogix]\n"),
        config(
            "several keys are missing",
            "subsystem = \"acme\"\norg_url = \"{org}\"\n",
            "",
        )
        .unset("CORALOGIX_KEY"),
        config(
            "a key under both of its names",
            INTERVAL,
            "account = \"acme\"\n",
        ),
    ]
}

fn secrets() -> Vec<Mistake> {
    vec![
        config(
            "a secret in the file",
            TOKEN,
            &format!("api_token = \"{OKTA_TOKEN}\""),
        ),
        config(
            "a secret where the name of a variable belongs",
            TOKEN,
            &format!("api_token = {{ env = \"{OKTA_TOKEN}\" }}"),
        ),
        config(
            "a secret where the path of a file belongs",
            TOKEN,
            &format!("api_token = {{ file = \"{CORALOGIX_KEY}\" }}"),
        )
        .flags(&["--check", "--config", "orgs.toml"]),
        config(
            "the token of Okta as `subsystem`",
            "subsystem = \"acme\"",
            "subsystem = \"{token};\"",
        ),
        config(
            "another key of Coralogix as `application`",
            "[coralogix]",
            &format!("[coralogix]\napplication = \"{CORALOGIX_KEY}\""),
        ),
        config(
            "the token of Okta as `coralogix, api_key`",
            "\"CORALOGIX_KEY\"",
            "\"ACME_TOKEN\"",
        ),
        config(
            "the token of Okta in the file of the key",
            "{ env = \"CORALOGIX_KEY\" }",
            "{ file = \"key\" }",
        )
        .file("key", "{token}\n")
        .flags(&["--check", "--config", "orgs.toml"]),
    ]
}

fn contradictions() -> Vec<Mistake> {
    let again = |more: &str| {
        format!(
            "{INTERVAL}\n[[integration]]\nname = \"again\"\norg_url = \"{{org}}\"\n{TOKEN}\n{more}"
        )
    };
    vec![
        config(
            "the same org twice",
            INTERVAL,
            &again("subsystem = \"acme\"\n"),
        ),
        config(
            "the same org twice, with two subsystems",
            INTERVAL,
            &again("subsystem = \"again\"\n"),
        ),
        config(
            "two integrations with one name",
            INTERVAL,
            &again("subsystem = \"x\"\n").replace("\"again\"", "\"acme\""),
        ),
        config("variables of one org beside `--config`", INTERVAL, INTERVAL)
            .set("OKTA_ORG_URL", "https://acme.okta.com")
            .set("OKTA_API_TOKEN", OKTA_TOKEN),
        config("a flag of one org beside `--config`", INTERVAL, INTERVAL).flags(&[
            "--config",
            "orgs.toml",
            "--since",
            "1h",
        ]),
    ]
}
