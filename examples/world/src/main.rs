//! Batch worlds by hand, and one of them again.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Instant;

use okta_coralogix_world::exhaustive::{faults_with_crashes, fifo, scenario};
use okta_coralogix_world::{Route, report, run, run_batch, world};

const USAGE: &str = "\
--worlds N [--seed S] [--first]   N random worlds, from seed S on; --first ends at the first that is wrong
--replay S                        the world of a seed: its trace, and what is wrong in it, as small as it was found
--trace S                         the same, with everything that was planned for it
--exhaustive pull|http|sqs|fifo   the small scenario: every step with every fault
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = stdout().lock();
    let said = match serve(&arguments) {
        Ok((text, good)) => (
            text,
            if good {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            },
        ),
        Err(wrong) => (format!("{wrong}\n{USAGE}"), ExitCode::from(2)),
    };
    match out.write_all(said.0.as_bytes()) {
        Ok(()) => said.1,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What to print, and whether all was well.
fn serve(arguments: &[String]) -> Result<(String, bool), String> {
    let value = |name: &str| {
        let index = arguments.iter().position(|argument| argument == name);
        index.map(|index| arguments.get(index + 1).cloned().unwrap_or_default())
    };
    let number = |name: &str| match value(name) {
        None => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| format!("{name}: write a number")),
    };
    let begin = Instant::now();
    if let Some(seed) = number("--replay")? {
        return Ok((report(&world(seed)), true));
    }
    if let Some(seed) = number("--trace")? {
        let outcome = run(&world(seed), true);
        let trace = outcome.trace.join("\n");
        let text = format!("{:#?}\n{trace}\n{:#?}\n", world(seed), outcome.violations);
        return Ok((text, outcome.violations.is_empty()));
    }
    if let Some(route) = value("--exhaustive") {
        let scenario = match &*route {
            "pull" => scenario(Route::Pull),
            "http" => scenario(Route::Http),
            "sqs" => scenario(Route::Sqs),
            "fifo" => fifo(),
            _ => return Err("--exhaustive: write pull, http, sqs or fifo".into()),
        };
        let tried = faults_with_crashes(&scenario);
        let mut text = format!(
            "{} steps, {} of them actions, {} single faults, {} worlds in {:?}: {} are wrong\n",
            tried.steps,
            tried.actions,
            tried.faults,
            tried.batch.worlds,
            begin.elapsed(),
            tried.batch.found.len()
        );
        if let Some(found) = tried.batch.found.first() {
            text += &report(&found.plan);
        }
        return Ok((text, tried.batch.found.is_empty()));
    }
    let worlds = number("--worlds")?.ok_or("what is to be done?")?;
    let seed = number("--seed")?.unwrap_or(0);
    let first = arguments.iter().any(|argument| argument == "--first");
    let all = run_batch(worlds, first, |number| world(seed.wrapping_add(number)));
    let mut text = format!(
        "{} worlds, {} processes, {} steps, {} repeats in {:?}: {} are wrong\n",
        all.worlds,
        all.processes,
        all.steps,
        all.repeats,
        begin.elapsed(),
        all.found.len()
    );
    for found in &all.found {
        let seed = seed.wrapping_add(found.number);
        text += &format!("--replay {seed}: {}\n", found.outcome.violations.join("; "));
    }
    Ok((text, all.found.is_empty()))
}
