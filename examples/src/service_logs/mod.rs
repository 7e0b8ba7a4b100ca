//! The `service_logs` program: each line of standard input becomes a log entry.

mod entry;
mod lines;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::sink::{EntrySender, SendOutcome};
use okta_coralogix_core::{Clock, Error, ErrorKind, Result, SystemClock};
use serde::Serialize;
use tokio::io::{AsyncBufRead, BufReader};

use self::entry::Labels;
use self::lines::Lines;
use crate::coralogix;
use crate::program::Environment;
use crate::program::progress::Progress;

/// What became of the lines. `read` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Lines that were read.
    pub read: u64,
    /// Accepted by Coralogix.
    pub accepted: u64,
    /// Refused by Coralogix, or too large: named on stderr.
    pub refused: u64,
    /// Not sent.
    pub unsent: u64,
}

/// Without anything accepted for this long the program ends: whoever writes to it should not hang for ever.
const GIVE_UP: Duration = Duration::from_secs(600);

/// The whole program, from the process's variables and standard input.
pub async fn main() -> ExitCode {
    Progress::on_stderr().take_the_log();
    let environment = Environment::of_the_process();
    let any = coralogix::VARIABLES
        .iter()
        .any(|name| environment.has(name));
    let ended = match any {
        true => real(&environment).await,
        false => demonstrate().await,
    };
    match ended {
        Ok((count, None)) => report(count, 0),
        Ok((count, Some(error))) => {
            say(&format!("error: {error}"));
            report(count, 1)
        }
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

fn report(count: Count, code: u8) -> ExitCode {
    let line = serde_json::to_string(&count).expect("counts always serialise");
    // Whoever has closed stdout does not want the line.
    writeln!(std::io::stdout(), "{line}").ok();
    ExitCode::from(code)
}

fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

async fn real(environment: &Environment) -> Result<(Count, Option<Error>)> {
    let sink = coralogix::sink(environment)?.build()?;
    let labels = Labels::read(environment)?;
    let stdin = BufReader::new(tokio::io::stdin());
    Ok(send(sink, &labels, stdin, &SystemClock).await)
}

/// Sends each line until there are no more. What has been read waits for nothing but the answer to what is being sent.
async fn send(
    sink: CoralogixSink,
    labels: &Labels,
    input: impl AsyncBufRead + Unpin,
    clock: &dyn Clock,
) -> (Count, Option<Error>) {
    let sender = EntrySender::builder(sink).give_up_after(GIVE_UP).build();
    let mut lines = Lines::new(input);
    let mut count = Count::default();
    loop {
        let batch = match lines.next().await {
            Ok(batch) if batch.is_empty() => return (count, None),
            Ok(batch) => batch,
            Err(error) => {
                let error = Error::new(ErrorKind::Storage, format!("standard input: {error}"));
                return (count, Some(error));
            }
        };
        let now = clock.now();
        let entries = batch.iter().map(|line| labels.entry(line, now)).collect();
        count.read += batch.len() as u64;
        let (outcomes, error) = match sender.send(entries).await {
            Ok(outcomes) => (outcomes, None),
            Err(ended) => (ended.outcomes, Some(ended.error)),
        };
        for (line, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                SendOutcome::Accepted => count.accepted += 1,
                SendOutcome::Refused { reason, detail } => {
                    count.refused += 1;
                    let bytes = line.len();
                    tracing::warn!(%reason, detail, bytes, "a line cannot be sent");
                }
                _ => count.unsent += 1,
            }
        }
        if error.is_some() {
            return (count, error);
        }
    }
}

/// Some lines of an invented service, sent to a stand-in on a real socket that fails at first.
async fn demonstrate() -> Result<(Count, Option<Error>)> {
    say("Nothing is set, so this is the demonstration: a Coralogix ingress on 127.0.0.1.");
    say("Set CORALOGIX_DOMAIN and CORALOGIX_API_KEY, and pipe a service's log into it.");
    let ingress = CoralogixSimulator::builder()
        .key("demonstration-key")
        .identity(|text| Some(text.to_owned()))
        .build();
    ingress.fail_next(2, Fault::status(503));
    let cannot = |error: std::io::Error| {
        Error::new(
            ErrorKind::Storage,
            format!("the demonstration cannot start: {error}"),
        )
    };
    let server = ingress.serve().await.map_err(cannot)?;
    let sink = CoralogixSink::builder()
        .endpoint(server.base_url())
        .api_key("demonstration-key")
        .build()?;
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
    let ended = send(sink, &Labels::default(), log.as_bytes(), &SystemClock).await;
    let arrived = ingress.ledger().entries().len();
    say(&format!(
        "lines {}, in the ingress {arrived}, repeated {}",
        ended.0.read,
        ingress.ledger().repeats()
    ));
    Ok(ended)
}
