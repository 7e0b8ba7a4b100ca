//! What a person reads about a world in which something is wrong.

use std::fmt::Write;

use crate::plan::Plan;
use crate::run::run;
use crate::shrink::shrink;

/// The most lines of a trace.
const LINES: usize = 400;

/// The smallest world that was found from `plan`, its trace in order, and what is wrong in it.
#[must_use]
pub fn report(plan: &Plan) -> String {
    let plan = shrink(plan);
    let outcome = run(&plan, true);
    let mut text = format!("{plan:#?}\n");
    let turns = |line: &&String| !line.ends_with(": a turn");
    let lines: Vec<_> = outcome.trace.iter().filter(turns).collect();
    let skipped = lines.len().saturating_sub(LINES);
    if skipped > 0 {
        // Writing to a string does not fail.
        writeln!(text, "... {skipped} lines before").ok();
    }
    for line in &lines[skipped..] {
        writeln!(text, "{line}").ok();
    }
    for what in &outcome.violations {
        writeln!(text, "WRONG: {what}").ok();
    }
    text
}
