//! The `pull` program as a process between simulators of Okta and Coralogix.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator, okta_uuid};
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::{OktaServer, OktaSimulator};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::watch;

pub(crate) const TOKEN: &str = "00-marked-okta-token-of-forty-two-chars-ok";
pub(crate) const KEY: &str = "marked-coralogix-key";

/// Both simulators on real sockets, and a folder for the program's files.
pub(crate) struct Harness {
    pub(crate) org: OktaSimulator,
    pub(crate) org_server: OktaServer,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) ingress_server: CoralogixServer,
    pub(crate) folder: TempDir,
    /// The number of entries that reached the ingress, accepted or not.
    pub(crate) seen: watch::Receiver<usize>,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        let org = OktaSimulator::builder()
            .token(TOKEN)
            .rate_limit(100_000)
            .build();
        let (seen, counted) = watch::channel(0);
        let seen = Arc::new(seen);
        let count = move |text: &str| {
            seen.send_modify(|seen| *seen += 1);
            okta_uuid(text)
        };
        let ingress = CoralogixSimulator::builder()
            .key(KEY)
            .max_age(AgeFilter::DEFAULT_LIMIT)
            .identity(count)
            .build();
        Self {
            org_server: org.serve().await.unwrap(),
            ingress_server: ingress.serve().await.unwrap(),
            org,
            ingress,
            folder: tempfile::tempdir().unwrap(),
            seen: counted,
        }
    }

    /// Puts `count` fresh events into the org's log.
    pub(crate) fn backlog(&self, count: usize) -> Vec<GeneratedEvent> {
        let events = fresh(count);
        self.append(events.iter().map(|event| event.json.clone()));
        events
    }

    pub(crate) fn append(&self, events: impl IntoIterator<Item = Bytes>) {
        let persisted = SystemClock.now() - TimeDelta::minutes(10);
        self.org.append_at(persisted, events);
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.folder.path().join("okta-coralogix.checkpoint")
    }

    pub(crate) fn dead_letters(&self) -> PathBuf {
        self.folder
            .path()
            .join("okta-coralogix.dead-letters.ndjson")
    }

    /// The variables of a good run.
    pub(crate) fn variables(&self) -> HashMap<&'static str, String> {
        HashMap::from([
            ("OKTA_ORG_URL", self.org_server.base_url()),
            ("OKTA_API_TOKEN", TOKEN.into()),
            ("CORALOGIX_ENDPOINT", self.ingress_server.base_url()),
            ("CORALOGIX_API_KEY", KEY.into()),
            ("CORALOGIX_SUBSYSTEM", "acme".into()),
        ])
    }

    pub(crate) fn start(&self, flags: &[&str]) -> Child {
        start(self.folder.path(), &self.variables(), flags)
    }

    pub(crate) async fn run(&self, flags: &[&str]) -> Exit {
        Exit::of(self.start(flags)).await
    }

    /// Every one of `events` is in the ingress exactly once, byte for byte.
    pub(crate) fn assert_all_once(&self, events: &[GeneratedEvent]) {
        let ledger = self.ingress.ledger();
        assert_eq!(
            ledger.missing(events.iter().map(|event| &*event.uuid)),
            [""; 0]
        );
        assert_eq!(
            (ledger.repeats(), ledger.entries().len()),
            (0, events.len())
        );
        let sent: HashMap<_, _> = events
            .iter()
            .map(|event| (&*event.uuid, &event.json))
            .collect();
        for entry in ledger.entries() {
            assert_eq!(
                entry.text.as_bytes(),
                &sent[entry.id.as_deref().unwrap()][..]
            );
        }
    }
}

/// Events of the last hour.
pub(crate) fn fresh(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(11);
    let start = SystemClock.now() - TimeDelta::minutes(50);
    (0..count)
        .map(|n| generator.event(start + TimeDelta::milliseconds(n as i64)))
        .collect::<Vec<_>>()
}

/// Starts `pull` with these variables and no others.
pub(crate) fn start(
    folder: &Path,
    variables: &HashMap<&'static str, String>,
    flags: &[&str],
) -> Child {
    start_program("pull", folder, variables, flags)
}

/// Starts a program with these variables and no others.
pub(crate) fn start_program(
    name: &str,
    folder: &Path,
    variables: &HashMap<&'static str, String>,
    flags: &[&str],
) -> Child {
    spawn(Command::new(binary(name)), folder, variables, flags)
}

/// Starts a command with these variables and no others.
pub(crate) fn spawn(
    mut command: Command,
    folder: &Path,
    variables: &HashMap<&'static str, String>,
    flags: &[&str],
) -> Child {
    command
        .args(flags)
        .env_clear()
        .envs(variables)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// The binary of a program, as installed by `cargo install`; `cargo test` builds it first.
pub(crate) fn binary(program: &str) -> &'static Path {
    Path::new(match program {
        "audit" => env!("CARGO_BIN_EXE_okta-coralogix-audit"),
        "eventbridge_http" => env!("CARGO_BIN_EXE_okta-coralogix-eventbridge-http"),
        "eventbridge_lambda" => env!("CARGO_BIN_EXE_okta-coralogix-eventbridge-lambda"),
        "eventbridge_sqs" => env!("CARGO_BIN_EXE_okta-coralogix-eventbridge-sqs"),
        "pull" => env!("CARGO_BIN_EXE_okta-coralogix-pull"),
        "replay" => env!("CARGO_BIN_EXE_okta-coralogix-replay"),
        "service_logs" => env!("CARGO_BIN_EXE_okta-coralogix-service-logs"),
        _ => panic!("there is no program {program}"),
    })
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Exit {
    pub(crate) async fn of(child: Child) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().await.unwrap();
        let ended = Self {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        };
        for secret in [TOKEN, KEY] {
            assert!(
                !format!("{ended:?}").contains(secret),
                "a secret was printed: {ended:?}"
            );
        }
        ended
    }

    /// The counts of the last line of stdout; they add up. No event was late, and none possibly delivered before.
    pub(crate) fn summary(&self) -> HashMap<String, u64> {
        self.summary_with(&[])
    }

    /// As [`summary`](Self::summary), of a run in which these counts may be in the summary too. They are where they are not 0, and are no
    /// part of the sum.
    pub(crate) fn summary_with(&self, others: &[&str]) -> HashMap<String, u64> {
        let last = self
            .stdout
            .lines()
            .last()
            .unwrap_or_else(|| panic!("no summary: {self:?}"));
        let counts: HashMap<String, u64> = serde_json::from_str(last).unwrap();
        let names = [
            "received",
            "delivered",
            "too_old",
            "duplicate",
            "filtered",
            "dead_lettered",
            "handed_back",
        ];
        let is_known =
            |name: &&String| names.contains(&name.as_str()) || others.contains(&name.as_str());
        assert!(
            counts.keys().all(|name| is_known(&name))
                && names.iter().all(|name| counts.contains_key(*name)),
            "{last}"
        );
        let sum: u64 = names.iter().map(|name| counts[*name]).sum();
        assert_eq!(counts["received"] * 2, sum, "{last}");
        counts
    }
}

/// Asks a process to stop, as an operator does.
pub(crate) async fn terminate(child: &Child) {
    signal(child, "-TERM").await;
}

/// Sends a signal, such as `-HUP`.
pub(crate) async fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill")
        .args([name, &id])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
}

#[test]
#[should_panic(expected = "possibly_delivered")]
fn summary_with_a_count_that_the_test_does_not_ask_for_is_refused() {
    let counts = r#"{"received":1,"delivered":0,"too_old":1,"duplicate":0,"filtered":0,"dead_lettered":0,"handed_back":0,"possibly_delivered":1}"#;
    let ended = Exit {
        code: Some(0),
        stdout: counts.into(),
        stderr: String::new(),
    };
    assert_eq!(ended.summary_with(&["possibly_delivered"])["too_old"], 1);
    ended.summary();
}
