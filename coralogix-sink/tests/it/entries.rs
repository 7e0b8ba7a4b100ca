//! Entries to send.

use std::sync::Arc;

use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::{EntryText, LogEntry, Names};

pub(crate) fn names() -> Arc<Names> {
    let mut names = Names::new("okta", "acme");
    names.computer = Some("acme.okta.com".into());
    Arc::new(names)
}

/// Events `range`, with the number as uuid.
pub(crate) fn events(range: std::ops::Range<usize>) -> Vec<LogEntry> {
    let names = names();
    range
        .map(|n| {
            let text = format!(r#"{{"uuid":"{n}","eventType":"user.session.start"}}"#);
            let mut entry =
                LogEntry::new(Arc::clone(&names), EntryText::Escaped(Bytes::from(text)));
            entry.timestamp = Some("2026-01-02T03:04:05.678Z".parse().unwrap());
            entry
        })
        .collect()
}

/// A sink that reaches the simulator in memory.
pub(crate) fn in_memory(ingress: &CoralogixSimulator) -> CoralogixSink {
    CoralogixSink::builder()
        .domain("EU2")
        .api_key(ingress.key())
        .transport(Arc::new(ingress.clone()))
        .build()
        .unwrap()
}

/// A sink that reaches `url` over a socket.
pub(crate) fn over_socket(url: String, ingress: &CoralogixSimulator) -> CoralogixSink {
    CoralogixSink::builder()
        .endpoint(url)
        .api_key(ingress.key())
        .build()
        .unwrap()
}
