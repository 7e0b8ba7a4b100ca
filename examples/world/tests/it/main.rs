//! Worlds: the same one twice, everything in a small one, many random ones, and those that have found something.

mod exhaustive;
mod random;
mod regressions;
mod replay;

/// Says how much was tried, past the test harness: that is worth knowing also where all is well.
fn say(what: &str) {
    let line = format!("{what}\n");
    let said = std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes());
    said.expect("the standard output takes a line");
}
