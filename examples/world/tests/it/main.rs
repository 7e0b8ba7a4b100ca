//! Worlds: one of them twice, a small one exhaustively, many random ones, and those that have found a fault.

mod exhaustive;
mod obstacles;
mod orgs;
mod random;
mod regressions;
mod replay;

/// Prints how much was tried, past the test harness: that is worth knowing also if all is well.
fn print(line: &str) {
    let line = format!("{line}\n");
    let printed = std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes());
    printed.expect("the standard output takes a line");
}
