//! `service_logs` with lines of an invented service, and a simulator of Coralogix that fails at first.

use std::time::Duration;

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::{Result, SharedClockOffset};

use super::entry::Labels;
use super::run::{LineCounts, send};
use super::settings::Settings;
use crate::program::ExitStatus;
use crate::program::demonstration::{KEY, cannot_start, print, sink};
use crate::program::metrics::Monitor;

pub(super) async fn run() -> Result<ExitStatus<LineCounts>> {
    let ingress = CoralogixSimulator::builder()
        .key(KEY)
        .identity(|text| Some(text.to_owned()))
        .build();
    ingress.fail_next(2, Fault::status(503));
    let server = ingress.serve().await.map_err(cannot_start)?;
    let log: String = (0..5_000)
        .map(|n| match n % 10 {
            9 => format!("{{\"level\":\"error\",\"order\":{n},\"error\":\"no \\\"stock\\\"\"}}\n"),
            0 => format!("order {n} was paid\n"),
            _ => format!(
                "{{\"level\":\"info\",\"order\":{n},\"took_ms\":{}}}\n",
                n % 70
            ),
        })
        .collect();
    let settings = Settings {
        sink: sink(&server)?,
        labels: Labels::default(),
        refusal_wait: Duration::ZERO,
        admin: None,
        clock: SharedClockOffset::unknown(),
        proxy: None,
        check: false,
    };
    let status = send(settings, Monitor::default(), log.as_bytes()).await;
    let ledger = ingress.ledger();
    let (arrived, repeated) = (ledger.entries().len(), ledger.repeats());
    print(&format!("in the ingress {arrived}, repeated {repeated}"));
    Ok(status)
}
