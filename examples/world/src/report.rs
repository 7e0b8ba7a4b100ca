//! The report of a world with a violation.

use std::fmt::Write;

use crate::plan::Plan;
use crate::run::run;
use crate::shrink::shrink;

/// The maximum number of lines of a trace in a report.
const MAX_LINES: usize = 400;

/// Shrinks a plan, and reports what is left of it, its trace and its violations.
#[must_use]
pub fn report(plan: &Plan) -> String {
    let plan = shrink(plan);
    let outcome = run(&plan, true);
    let mut text = format!("{plan:#?}\n");
    let actions = |line: &&String| !line.ends_with(": poll");
    let lines: Vec<_> = outcome.trace.iter().filter(actions).collect();
    let skipped = lines.len().saturating_sub(MAX_LINES);
    if skipped > 0 {
        // Writing to a string does not fail.
        writeln!(text, "... {skipped} lines left out").ok();
    }
    for line in &lines[skipped..] {
        writeln!(text, "{line}").ok();
    }
    for what in &outcome.violations {
        writeln!(text, "VIOLATION: {what}").ok();
    }
    text
}
