//! A queue and an ingress on sockets, and the variables of a program between them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator, okta_uuid};
use eventbridge_source::sqs::simulator::{SqsServer, SqsSimulator};
use okta_coralogix_core::testing::GeneratedEvent;
use tempfile::TempDir;
use tokio::process::Child;
use tokio::sync::watch;

use crate::harness::{KEY, TOKEN, fresh, start_program};

pub(crate) struct Harness {
    pub(crate) queue: SqsSimulator,
    pub(crate) queue_server: SqsServer,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) ingress_server: CoralogixServer,
    pub(crate) folder: TempDir,
    /// The number of entries that reached the ingress, accepted or not.
    pub(crate) seen: watch::Receiver<usize>,
}

impl Harness {
    pub(crate) async fn new(queue: SqsSimulator) -> Self {
        let (seen, counted) = watch::channel(0);
        let seen = Arc::new(seen);
        let count = move |text: &str| {
            seen.send_modify(|seen| *seen += 1);
            okta_uuid(text)
        };
        let ingress = CoralogixSimulator::builder()
            .key(KEY)
            .identity(count)
            .build();
        Self {
            queue_server: queue.serve().await.unwrap(),
            queue,
            ingress_server: ingress.serve().await.unwrap(),
            ingress,
            folder: tempfile::tempdir().unwrap(),
            seen: counted,
        }
    }

    /// Puts `count` fresh events into the queue.
    pub(crate) fn backlog(&self, count: usize) -> Vec<GeneratedEvent> {
        let events = fresh(count);
        for event in &events {
            self.queue.send(envelope(&event.json));
        }
        events
    }

    /// The variables of a good run.
    pub(crate) fn variables(&self) -> HashMap<&'static str, String> {
        HashMap::from([
            ("SQS_QUEUE_URL", self.queue_server.queue_url()),
            ("AWS_ENDPOINT_URL", self.queue_server.endpoint()),
            ("AWS_ACCESS_KEY_ID", "marked-aws-id".into()),
            ("AWS_SECRET_ACCESS_KEY", TOKEN.into()),
            ("AWS_REGION", "eu-west-1".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("CORALOGIX_ENDPOINT", self.ingress_server.base_url()),
            ("CORALOGIX_API_KEY", KEY.into()),
        ])
    }

    pub(crate) fn dead_letters(&self) -> String {
        let folder = self.folder.path();
        std::fs::read_to_string(folder.join("okta-coralogix.dead-letters.ndjson")).unwrap()
    }

    pub(crate) fn start(&self, flags: &[&str]) -> Child {
        start_program(
            "eventbridge_sqs",
            self.folder.path(),
            &self.variables(),
            flags,
        )
    }
}

/// An event in the envelope that EventBridge puts around it.
pub(crate) fn envelope(detail: &[u8]) -> Vec<u8> {
    let head = br#"{"version":"0","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","detail":"#;
    [head, detail, b"}"].concat()
}

/// Writes a file, and returns its path.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
