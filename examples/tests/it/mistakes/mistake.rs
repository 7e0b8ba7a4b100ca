//! A mistake, and how it is made.

use std::collections::HashMap;
use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_source::simulator::Fault as OrgFault;
use tokio::time::timeout;

use crate::harness::{Exit, Harness, KEY, TOKEN, start_program};

/// A good file of `--config`.
const CONFIG: &str = r#"[coralogix]
endpoint = "{ingress}"
api_key = { env = "CORALOGIX_KEY" }

[[integration]]
name = "acme"
subsystem = "acme"
org_url = "{org}"
api_token = { env = "ACME_TOKEN" }
poll_interval = "30s"
"#;

/// One change to a run that would go well. In its texts `{org}`, `{ingress}`, `{folder}`, `{token}` and `{key}` stand for those of the run.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The first column of its row.
    pub(super) what: &'static str,
    program: &'static str,
    variables: Vec<(&'static str, String)>,
    flags: Vec<&'static str>,
    files: Vec<(&'static str, Vec<u8>)>,
    org_answers: Option<(u16, &'static str)>,
    ingress_answers: Option<Fault>,
    ingress_is_away: bool,
}

/// A run of `pull` with one org, which ends by itself.
pub(super) fn pull(what: &'static str) -> Mistake {
    program("pull", what)
        .set("OKTA_ORG_URL", "{org}")
        .set("OKTA_API_TOKEN", "{token}")
        .flags(&["--once"])
}

/// A run of `program` with the Coralogix side alone.
pub(super) fn program(program: &'static str, what: &'static str) -> Mistake {
    let mistake = Mistake {
        what,
        program,
        variables: Vec::new(),
        flags: Vec::new(),
        files: Vec::new(),
        org_answers: None,
        ingress_answers: None,
        ingress_is_away: false,
    };
    mistake
        .set("CORALOGIX_ENDPOINT", "{ingress}")
        .set("CORALOGIX_API_KEY", "{key}")
}

/// A run of `pull --config` with a good file in which `from` became `to`.
pub(super) fn config(what: &'static str, from: &str, to: &str) -> Mistake {
    assert!(CONFIG.contains(from), "{from}");
    let text = CONFIG.replacen(from, to, 1);
    let mut mistake = program("pull", what).unset("CORALOGIX_ENDPOINT");
    mistake = mistake.unset("CORALOGIX_API_KEY");
    mistake
        .set("CORALOGIX_KEY", "{key}")
        .set("ACME_TOKEN", "{token}")
        .file("orgs.toml", text)
        .flags(&["--once", "--config", "orgs.toml"])
}

impl Mistake {
    pub(super) fn set(self, name: &'static str, value: impl Into<String>) -> Self {
        let mut mistake = self.unset(name);
        mistake.variables.push((name, value.into()));
        mistake
    }

    pub(super) fn unset(mut self, name: &str) -> Self {
        self.variables.retain(|(set, _)| *set != name);
        self
    }

    /// In place of those before.
    pub(super) fn flags(mut self, flags: &[&'static str]) -> Self {
        self.flags = flags.to_vec();
        self
    }

    pub(super) fn file(mut self, name: &'static str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name, content.into()));
        self
    }

    /// Okta answers everything so.
    pub(super) fn org_answers(mut self, status: u16, body: &'static str) -> Self {
        self.org_answers = Some((status, body));
        self
    }

    /// Coralogix answers everything so.
    pub(super) fn ingress_answers(mut self, fault: Fault) -> Self {
        self.ingress_answers = Some(fault);
        self
    }

    /// Nothing listens where Coralogix should.
    pub(super) fn without_ingress(mut self) -> Self {
        self.ingress_is_away = true;
        self
    }

    /// Makes the mistake.
    pub(super) async fn make(&self) -> Exit {
        let mut harness = Harness::new().await;
        if let Some((status, body)) = self.org_answers {
            for _ in 0..20 {
                harness
                    .org
                    .script(OrgFault::Status(status, body.to_owned()));
            }
        }
        harness.ingress.fail_always(self.ingress_answers.clone());
        if self.ingress_is_away {
            harness.ingress_server.stop().await;
        }
        let folder = harness.folder.path().to_owned();
        let replaced = |text: &str| {
            text.replace("{org}", &harness.org_server.base_url())
                .replace("{ingress}", &harness.ingress_server.base_url())
                .replace(
                    "{ingress_address}",
                    &harness.ingress_server.address().to_string(),
                )
                .replace("{folder}", &folder.display().to_string())
                .replace("{token}", TOKEN)
                .replace("{key}", KEY)
        };
        for (name, content) in &self.files {
            let content = match std::str::from_utf8(content) {
                Ok(text) => replaced(text).into_bytes(),
                Err(_) => content.clone(),
            };
            std::fs::write(folder.join(name), content).unwrap();
        }
        let variables = self
            .variables
            .iter()
            .map(|(name, value)| (*name, replaced(value)));
        let variables: HashMap<_, _> = variables.collect();
        let child = start_program(self.program, &folder, &variables, &self.flags);
        let ended = timeout(Duration::from_secs(60), Exit::of(child)).await;
        ended.unwrap_or_else(|_| panic!("it does not end: {}", self.what))
    }
}
