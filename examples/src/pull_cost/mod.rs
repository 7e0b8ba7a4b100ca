//! The cost of `pull` over sockets, against that of the bare path for the same bytes.

mod mapping_path;
mod process;

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use chrono::TimeDelta;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, page_of};
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::OktaSimulator;

use self::process::{Usage, run};

const TOKEN: &str = "00-simulator-token";
const KEY: &str = "simulator-key";

/// Events in a page, the most that Okta allows, and pages.
const PAGE: usize = 1000;
const PAGES: usize = 100;

/// A naive forwarder.
const FORWARDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/forwarder.py");

/// Serves a backlog to `pull`, lets it catch up, and prints its cost; then the same with a naive forwarder in Python, if Python is
/// installed.
///
/// # Errors
/// If `pull` is not built or fails, or this is not Linux.
pub async fn main() -> Result<(), Box<dyn Error>> {
    let events = backlog();
    let pull = std::env::current_exe()?.with_file_name("pull");
    if !pull.exists() {
        return Err(format!("{} is not there: build it first", pull.display()).into());
    }
    let (usage, requests) = serve(&events, &pull, "--once").await?;
    let (count, bytes) = (
        events.len(),
        events.iter().map(|event| event.json.len()).sum(),
    );
    let pages: Vec<Bytes> = events.chunks(PAGE).map(page_of).collect();
    let bare = mapping_path::seconds(&pages)?;
    print(&usage, count, bytes, bare, requests)?;
    drop(pages);
    let mut out = io::stdout().lock();
    match serve(&events, Path::new("python3"), FORWARDER).await {
        Ok((naive, _)) => {
            writeln!(
                out,
                "naive forwarder, Python {:.2} user + {:.2} system",
                naive.user, naive.system
            )?;
            writeln!(
                out,
                "that / program          {:.1}",
                naive.cpu() / usage.cpu()
            )?;
        }
        Err(error) => writeln!(out, "naive forwarder         skipped: {error}")?,
    }
    Ok(())
}

/// Runs a program until it has sent all events. Returns its usage and the requests to Okta and Coralogix.
async fn serve(
    events: &[GeneratedEvent],
    program: &Path,
    argument: &str,
) -> Result<(Usage, [usize; 2]), Box<dyn Error>> {
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .rate_limit(100_000)
        .build();
    let ingress = CoralogixSimulator::builder().key(KEY).build();
    org.append_at(
        SystemClock.now() - TimeDelta::minutes(10),
        events.iter().map(|event| event.json.clone()),
    );
    let (org_server, ingress_server) = (org.serve().await?, ingress.serve().await?);
    let path = std::env::var("PATH").unwrap_or_default();
    let usage = run(
        program,
        argument,
        [
            ("PATH", path),
            ("OKTA_ORG_URL", org_server.base_url()),
            ("OKTA_API_TOKEN", TOKEN.to_owned()),
            ("CORALOGIX_ENDPOINT", ingress_server.base_url()),
            ("CORALOGIX_API_KEY", KEY.to_owned()),
            ("CORALOGIX_SUBSYSTEM", "acme".to_owned()),
        ],
    )
    .await?;
    let arrived = ingress.ledger().entries().len();
    if arrived != events.len() {
        return Err(format!("{arrived} of {} events arrived", events.len()).into());
    }
    let requests = [org.request_count(), ingress.ledger().requests().len()];
    Ok((usage, requests))
}

fn print(
    usage: &Usage,
    count: usize,
    bytes: usize,
    bare: f64,
    [polls, requests]: [usize; 2],
) -> io::Result<()> {
    let events = count as f64;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "events                  {count} of {} bytes on average",
        bytes / count
    )?;
    writeln!(
        out,
        "CPU seconds             {:.2} user + {:.2} system",
        usage.user, usage.system
    )?;
    writeln!(out, "events per CPU second   {:.0}", events / usage.cpu())?;
    writeln!(
        out,
        "peak memory             {:.1} MiB",
        usage.peak_kib as f64 / 1024.0
    )?;
    writeln!(
        out,
        "requests                {polls} to Okta, {requests} to Coralogix"
    )?;
    writeln!(
        out,
        "bare path and gzip      {bare:.2} CPU seconds for the same bytes"
    )?;
    writeln!(out, "program / bare path     {:.2}", usage.cpu() / bare)
}

/// Events of the last hour, 2 KB each.
fn backlog() -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(42);
    let start = SystemClock.now() - TimeDelta::minutes(50);
    (0..PAGE * PAGES)
        .map(|n| generator.event(start + TimeDelta::milliseconds(n as i64)))
        .collect()
}
