//! Instructions that an event costs on its way from a page to request bodies, and in the whole program `pull`, and a ceiling for each.
//!
//! Counted by valgrind's callgrind, so that the figures do not depend on what else the machine does. The program runs itself
//! with one round and with three: the difference is what two rounds cost, without start and input. As `pull` it reads fewer pages and
//! more, from simulators that are not counted.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use bytes::Bytes;
use chrono::TimeDelta;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_benches::{Ours, PAGE_EVENTS, envelopes, page_with_spaced, pages};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, SystemClock};
use okta_coralogix_examples::program;
use okta_coralogix_examples::pull::PullArgs;
use okta_source::simulator::OktaSimulator;
use tokio::runtime::Runtime;

/// What is counted, and the most instructions that an event may take.
const CEILINGS: [(&str, u64); 6] = [
    ("split", 10_900),
    ("split-odd", 11_300),
    ("split-spaced", 22_800),
    ("bodies-embedded", 13_300),
    ("bodies-escaped", 17_400),
    ("envelopes", 16_700),
];

/// The same for all of `pull`. How many requests there are depends on the machine: it varies by a hundredth.
const PROGRAM_CEILING: u64 = 66_500;

/// Pages that `pull` reads. With the lower number its deduplication window is full.
const PROGRAM_PAGES: [usize; 2] = [20, 35];

const TOKEN: &str = "00-simulator-token";
const KEY: &str = "simulator-key";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let given: Vec<String> = std::env::args().collect();
    if given[1..] == ["--once"] {
        return Ok(program::main::<PullArgs>());
    }
    if let [_, work, rounds] = &given[..] {
        rounds_of(work, rounds.parse()?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    println!(
        "{:<16} {:>12} {:>12}",
        "per event", "instructions", "ceiling"
    );
    for (work, ceiling) in CEILINGS {
        let two_rounds = rounds_counted(work, 3)? - rounds_counted(work, 1)?;
        let per_event = two_rounds / (2 * PAGE_EVENTS as u64);
        if !is_below(work, per_event, ceiling) {
            code = ExitCode::FAILURE;
        }
    }
    let [fewer, more] = PROGRAM_PAGES;
    let of_more = program_counted(more)?.saturating_sub(program_counted(fewer)?);
    let per_event = of_more / ((more - fewer) * PAGE_EVENTS) as u64;
    if !is_below("pull", per_event, PROGRAM_CEILING) {
        code = ExitCode::FAILURE;
    }
    Ok(code)
}

fn is_below(work: &str, per_event: u64, ceiling: u64) -> bool {
    println!("{work:<16} {per_event:>12} {ceiling:>12}");
    per_event > 0 && per_event <= ceiling
}

fn rounds_of(work: &str, rounds: usize) {
    let text = if work == "bodies-escaped" {
        TextForm::Escaped
    } else {
        TextForm::Embedded
    };
    let ours = Ours::new(text, 0);
    let page = &match work {
        // One event in 50.
        "split-odd" => page_with_spaced(50),
        "split-spaced" => page_with_spaced(1),
        _ => pages(1).remove(0),
    };
    let messages = envelopes(PAGE_EVENTS);
    for _ in 0..rounds {
        match work {
            "split" | "split-odd" | "split-spaced" => drop(black_box(ours.split(page))),
            "envelopes" => drop(black_box(ours.envelopes(&messages))),
            _ => drop(black_box(ours.bodies(page))),
        }
    }
}

/// All instructions of this program with that work.
fn rounds_counted(work: &str, rounds: usize) -> Result<u64, Box<dyn Error>> {
    let mut valgrind = valgrind()?;
    counted(valgrind.args([work, &rounds.to_string()]))
}

/// All instructions of this program as `pull`, until it has sent so many pages.
fn program_counted(pages: usize) -> Result<u64, Box<dyn Error>> {
    // The remotes go on while this thread waits.
    let runtime = Runtime::new()?;
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .rate_limit(100_000)
        .build();
    let ingress = CoralogixSimulator::builder().key(KEY).build();
    let events: Vec<Bytes> = EventGenerator::new(42)
        .batch(pages * PAGE_EVENTS, SystemClock.now())
        .into_iter()
        .map(|event| event.json)
        .collect();
    org.append_at(SystemClock.now() - TimeDelta::minutes(10), events);
    let servers = runtime.block_on(async {
        Ok::<_, Box<dyn Error>>((org.serve().await?, ingress.serve().await?))
    })?;
    let folder = tempfile::tempdir()?;
    let mut pull = valgrind()?;
    pull.arg("--once").current_dir(&folder).env_clear().envs([
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("OKTA_ORG_URL", servers.0.base_url()),
        ("OKTA_API_TOKEN", TOKEN.to_owned()),
        ("CORALOGIX_ENDPOINT", servers.1.base_url()),
        ("CORALOGIX_API_KEY", KEY.to_owned()),
        ("CORALOGIX_SUBSYSTEM", "acme".to_owned()),
    ]);
    counted(&mut pull)
}

fn valgrind() -> Result<Command, Box<dyn Error>> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?);
    Ok(valgrind)
}

fn counted(valgrind: &mut Command) -> Result<u64, Box<dyn Error>> {
    let run = valgrind.output()?;
    let said = String::from_utf8(run.stderr)?;
    if !run.status.success() {
        return Err(said.into());
    }
    let count = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.ok_or(said.as_str())?;
    Ok(count.trim().parse()?)
}
