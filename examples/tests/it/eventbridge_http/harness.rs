//! The program as a process, the ingress that it sends to, and API destinations that call it.

use std::collections::HashMap;
use std::process::Stdio;

use bytes::Bytes;
use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator};
use eventbridge_source::simulator::{ApiDestination, ApiDestinationBuilder, Authorization};
use okta_coralogix_core::testing::GeneratedEvent;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr};

use crate::harness::{Exit, KEY, TOKEN, start_program};

pub(crate) struct Harness {
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) ingress_server: CoralogixServer,
    pub(crate) folder: TempDir,
}

/// A running program, and its address.
pub(crate) struct Endpoint {
    pub(crate) child: Child,
    pub(crate) address: String,
    log: String,
    stderr: BufReader<ChildStderr>,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        let ingress = CoralogixSimulator::builder().key(KEY).build();
        Self {
            ingress_server: ingress.serve().await.unwrap(),
            ingress,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The variables of a good run.
    pub(crate) fn variables(&self) -> HashMap<&'static str, String> {
        HashMap::from([
            ("LISTEN", "127.0.0.1:0".into()),
            ("EVENTBRIDGE_API_KEY", TOKEN.into()),
            ("CORALOGIX_ENDPOINT", self.ingress_server.base_url()),
            ("CORALOGIX_API_KEY", KEY.into()),
        ])
    }

    pub(crate) fn start(&self, variables: &HashMap<&'static str, String>, flags: &[&str]) -> Child {
        start_program("eventbridge_http", self.folder.path(), variables, flags)
    }

    /// Starts the program and waits until it listens.
    pub(crate) async fn listen(
        &self,
        variables: &HashMap<&'static str, String>,
        flags: &[&str],
    ) -> Endpoint {
        Endpoint::of(self.start(variables, flags)).await
    }

    pub(crate) fn dead_letters(&self) -> String {
        let file = self
            .folder
            .path()
            .join("okta-coralogix.dead-letters.ndjson");
        std::fs::read_to_string(file).unwrap()
    }

    /// Every one of `events` is in the ingress exactly once.
    pub(crate) fn assert_all_once(&self, events: &[GeneratedEvent]) {
        let ledger = self.ingress.ledger();
        let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
        assert_eq!(missing, [""; 0]);
        assert_eq!(
            (ledger.repeats(), ledger.entries().len()),
            (0, events.len())
        );
    }
}

impl Endpoint {
    /// A program that was started; waits until it listens.
    pub(crate) async fn of(mut child: Child) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let address = loop {
            let mut line = String::new();
            let read = stderr.read_line(&mut line).await.unwrap();
            log.push_str(&line);
            assert!(read > 0, "it ended: {log}");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().to_owned();
            }
        };
        Self {
            child,
            address,
            log,
            stderr,
        }
    }

    pub(crate) fn destination(&self) -> ApiDestinationBuilder {
        let endpoint = format!("http://{}/aws/event-bridge", self.address);
        let header = "x-amz-event-bridge-access-key";
        ApiDestination::builder(endpoint.parse().unwrap())
            .authorization(Authorization::api_key(header, TOKEN))
    }

    pub(crate) async fn ended(mut self) -> Exit {
        let rest = async {
            let mut rest = String::new();
            self.stderr.read_to_string(&mut rest).await.unwrap();
            rest
        };
        self.child.stderr = None;
        let (rest, mut ended) = tokio::join!(rest, Exit::of(self.child));
        ended.stderr = self.log + &rest;
        for secret in [TOKEN, KEY] {
            assert!(
                !ended.stderr.contains(secret),
                "a secret was printed: {ended:?}"
            );
        }
        ended
    }
}

/// An event in the envelope that EventBridge puts around it.
pub(crate) fn envelope(detail: &[u8]) -> Bytes {
    let head = br#"{"version":"0","id":"e","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","account":"123456789012","time":"2026-05-04T12:00:00Z","region":"eu-west-1","resources":[],"detail":"#;
    [head, detail, b"}"].concat().into()
}

/// For output that nobody reads.
pub(crate) fn nowhere() -> Stdio {
    Stdio::null()
}
