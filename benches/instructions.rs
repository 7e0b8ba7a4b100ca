//! Instructions that an event costs on its way from a page to request bodies, and a ceiling for each.
//!
//! Counted by valgrind's callgrind, so that the figures do not depend on what else the machine does. The program runs itself
//! with one round and with three: the difference is what two rounds cost, without start and input.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use okta_coralogix_benches::{Ours, PAGE_EVENTS, envelopes, page_with_spaced, pages};
use okta_coralogix_core::mapping::TextForm;

/// What is counted, and the most instructions that an event may take.
const CEILINGS: [(&str, u64); 6] = [
    ("split", 10_900),
    ("split-odd", 12_100),
    ("split-spaced", 38_000),
    ("bodies-embedded", 13_300),
    ("bodies-escaped", 17_400),
    ("envelopes", 17_000),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let given: Vec<String> = std::env::args().collect();
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
        let two_rounds = counted(work, 3)? - counted(work, 1)?;
        let per_event = two_rounds / (2 * PAGE_EVENTS as u64);
        println!("{work:<16} {per_event:>12} {ceiling:>12}");
        if per_event == 0 || per_event > ceiling {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
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
fn counted(work: &str, rounds: usize) -> Result<u64, Box<dyn Error>> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([work, &rounds.to_string()])
        .output()?;
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
