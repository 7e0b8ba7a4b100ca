//! The command line: runs many worlds, or one of them again.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Instant;

use okta_coralogix_world::exhaustive::{
    blocked, crashes, faults_with_crashes, fifo, obstacles, scenario,
};
use okta_coralogix_world::{Failure, Plan, Route, report, run, run_batch, world};

const USAGE: &str = "\
--worlds N [--seed S] [--first]   N random worlds, from seed S on; --first stops at the first violation
--replay S                        shrinks the world of a seed, and prints its trace and its violations
--trace S                         prints the plan of a seed as it is, its trace and its violations
--exhaustive pull|http|sqs|fifo   a small scenario with every fault at every step
--exhaustive blocked              it with every obstacle on every route, and a crash at every action
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (text, code) = match execute(&arguments) {
        Ok((text, true)) => (text, ExitCode::SUCCESS),
        Ok((text, false)) => (text, ExitCode::FAILURE),
        Err(error) => (format!("{error}\n{USAGE}"), ExitCode::from(2)),
    };
    match stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns the text to print, and whether there was no violation.
fn execute(arguments: &[String]) -> Result<(String, bool), String> {
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name);
        place.map(|place| arguments.get(place + 1).cloned().unwrap_or_default())
    };
    let number = |name: &str| {
        let parsed = value(name).map(|text| text.parse::<u64>()).transpose();
        parsed.map_err(|_| format!("{name} takes a number"))
    };
    if let Some(seed) = number("--replay")? {
        return Ok((report(&world(seed)), true));
    }
    if let Some(seed) = number("--trace")? {
        let plan = world(seed);
        let outcome = run(&plan, true);
        let trace = outcome.trace.join("\n");
        let text = format!("{plan:#?}\n{trace}\n{:#?}\n", outcome.violations);
        return Ok((text, outcome.violations.is_empty()));
    }
    if let Some(route) = value("--exhaustive") {
        return exhaustive(&route);
    }
    let count = number("--worlds")?.ok_or("one of these is needed:")?;
    let seed = number("--seed")?.unwrap_or(0);
    let first = arguments.iter().any(|argument| argument == "--first");
    Ok(random(count, seed, first))
}

fn exhaustive(route: &str) -> Result<(String, bool), String> {
    let started = Instant::now();
    let coverage = match route {
        "pull" => faults_with_crashes(&scenario(Route::Pull)),
        "http" => faults_with_crashes(&scenario(Route::Http)),
        "sqs" => faults_with_crashes(&scenario(Route::Sqs)),
        "fifo" => faults_with_crashes(&fifo()),
        "blocked" => crashes(&all_blocked()),
        _ => return Err("--exhaustive takes pull, http, sqs, fifo or blocked".into()),
    };
    let failures = &coverage.batch.failures;
    let mut text = format!(
        "{} steps, {} of them actions, {} single faults, {} worlds in {:?}: {} with violations\n",
        coverage.steps,
        coverage.actions,
        coverage.faults,
        coverage.batch.worlds,
        started.elapsed(),
        failures.len()
    );
    if let Some(failure) = failures.first() {
        text += &report(&failure.plan);
    }
    Ok((text, failures.is_empty()))
}

fn all_blocked() -> Vec<Plan> {
    let routes = [Route::Pull, Route::Http, Route::Sqs];
    let all = |route| {
        obstacles()
            .into_iter()
            .map(move |obstacle| blocked(route, obstacle))
    };
    routes.into_iter().flat_map(all).collect()
}

fn random(count: u64, seed: u64, first: bool) -> (String, bool) {
    let started = Instant::now();
    let batch = run_batch(count, first, |number| world(seed.wrapping_add(number)));
    let mut text = format!(
        "{} worlds, {} processes, {} steps, {} repeats, {} blocked in {:?}: {} with violations\n",
        batch.worlds,
        batch.processes,
        batch.steps,
        batch.repeats,
        batch.blocked,
        started.elapsed(),
        batch.failures.len()
    );
    for Failure {
        number, outcome, ..
    } in &batch.failures
    {
        let seed = seed.wrapping_add(*number);
        text += &format!("--replay {seed}: {}\n", outcome.violations.join("; "));
    }
    (text, batch.failures.is_empty())
}
