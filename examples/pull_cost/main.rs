//! Measures the cost of `pull`: `cargo build --release --example pull && cargo run --release --example pull_cost`.
//!
//! Runs the program `pull` beside it as a process of its own, against simulators on sockets in this process: with and without white
//! space between the tokens of most events, with and without TLS, in turn with a naive forwarder in Python; then with many orgs. Linux
//! only. What it prints stands in `benches/README.md`. `pull_cost orgs 8` measures the memory of one process with so many orgs, and
//! nothing else; variables of the allocator (`MALLOC_…`) hold for it.

mod backlog;
mod mapping_path;
mod orgs;
mod process;
mod remotes;
mod report;
mod tls;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use okta_coralogix_core::testing::{GeneratedEvent, page_of};
use okta_coralogix_examples::program::open_files;

use self::backlog::{PAGE, Spelling, backlog};
use self::process::Usage;
use self::remotes::Remotes;
use self::report::{Report, Way, median};

/// Runs of each kind; the figures are their medians.
const RUNS: usize = 5;

/// A naive forwarder.
const FORWARDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/forwarder.py");

/// What a process with a thousand orgs asks of the one with their simulators.
const OPEN_FILES: u64 = 8_192;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    open_files::raise_limit(OPEN_FILES);
    let pull = program()?;
    let compact = backlog(Spelling::Compact);
    let window = &compact[..orgs::WINDOW];
    if let [_, part, count] = &std::env::args().collect::<Vec<_>>()[..]
        && part == "orgs"
    {
        let count = count.parse()?;
        let kib = orgs::memory(&pull, count, window).await?;
        let count = format!("{count} orgs after {} events each", window.len());
        writeln!(std::io::stdout(), "{count}: {kib} KiB")?;
        return Ok(());
    }
    let spaced = backlog(Spelling::Spaced);
    let mut report = Report::new(compact.len());

    let pages: Vec<Bytes> = compact.chunks(PAGE).map(page_of).collect();
    report.bare_path(mapping_path::seconds(&pages)?)?;
    drop(pages);
    report.head()?;
    for way in Way::ALL {
        let events = match way.spelling {
            Spelling::Compact => &compact,
            Spelling::Spaced => &spaced,
        };
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let remotes = Remotes::start(events, way.tls).await?;
            runs.push(remotes.run(&pull, "--once").await?);
        }
        report.way(way, &runs)?;
    }
    let pairs = pairs(&compact, &pull).await;
    report.forwarder(pairs.map(|pairs| median(pairs.iter().copied())))?;
    for idle in [1, 100, 1_000] {
        report.orgs(idle, 0, orgs::memory(&pull, idle, &[]).await?)?;
    }
    for full in [1, 20] {
        report.orgs(full, window.len(), orgs::memory(&pull, full, window).await?)?;
    }
    report.keep()
}

/// The CPU time of the forwarder against that of `pull`, the one after the other each time.
async fn pairs(events: &[GeneratedEvent], pull: &Path) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut pairs = Vec::new();
    for _ in 0..RUNS {
        let ours = Remotes::start(events, false).await?;
        let ours = ours.run(pull, "--once").await?;
        let naive = Remotes::start(events, false).await?;
        let naive = naive.run(Path::new("python3"), FORWARDER).await?;
        pairs.push(naive.usage.cpu() / ours.usage.cpu());
    }
    Ok(pairs)
}

/// `pull`, which was built beside this program.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let pull = std::env::current_exe()?.with_file_name("pull");
    match pull.exists() {
        true => Ok(pull),
        false => Err(format!("{} is not there: build it first", pull.display()).into()),
    }
}

/// CPU time and memory of a run, and what its remotes counted.
struct Run {
    usage: Usage,
    polls: usize,
    requests: usize,
    connections: usize,
}
