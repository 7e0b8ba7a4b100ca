//! What demonstrations say.

use std::collections::HashSet;
use std::io::{self, Write};

use chrono::TimeDelta;
use coralogix_sink::simulator::{CoralogixSimulator, Fault, RetryAfter};
use okta_coralogix_core::{Error, ErrorKind, Summary};

use crate::program::ExitStatus;

/// The key that the stand-in takes.
pub const KEY: &str = "demonstration-key";

/// An ingress that refuses what is older than 24 hours, and fails twice at first.
#[must_use]
pub fn faulty_ingress() -> CoralogixSimulator {
    let ingress = CoralogixSimulator::builder()
        .key(KEY)
        .max_age(TimeDelta::hours(24))
        .build();
    ingress.fail_next(1, Fault::status(503));
    ingress.fail_next(1, Fault::retry_after(429, RetryAfter::Seconds(1)));
    ingress
}

/// What this machine does not let be done.
#[must_use]
pub fn cannot_start(error: io::Error) -> Error {
    let detail = format!("the demonstration cannot start: {error}");
    Error::new(ErrorKind::Storage, detail).with_source(error)
}

/// A line on stderr.
pub fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Compares the summary with what stands in the ingress.
///
/// `repeats` says where duplicates come from.
#[must_use]
pub fn judge(
    summary: Summary,
    expected: &HashSet<String>,
    ingress: &CoralogixSimulator,
    repeats: &str,
) -> ExitStatus {
    let Summary {
        received,
        delivered,
        too_old,
        duplicate,
        filtered,
        dead_lettered,
        handed_back,
        ..
    } = summary;
    say(&format!("received       {received:>6}"));
    say(&format!("delivered      {delivered:>6}"));
    say(&format!(
        "too old        {too_old:>6}  (more than 24 hours since the event)"
    ));
    say(&format!("duplicate      {duplicate:>6}  ({repeats})"));
    say(&format!("filtered       {filtered:>6}"));
    say(&format!(
        "dead-lettered  {dead_lettered:>6}  (malformed; their bytes are kept)"
    ));
    say(&format!("handed back    {handed_back:>6}"));
    let sum = summary.ended();
    say(&format!(
        "{delivered} + {too_old} + {duplicate} + {filtered} + {dead_lettered} + {handed_back} = {sum}, received {received}"
    ));
    let ledger = ingress.ledger();
    let missing = ledger.missing(expected.iter().map(String::as_str)).len();
    let repeated = ledger.repeats();
    say(&format!(
        "in the ingress: {} events, {missing} missing, {repeated} repeated",
        ledger.entries().len()
    ));
    if summary.is_balanced() && missing == 0 && repeated == 0 {
        return ExitStatus::Done(summary);
    }
    let error = Error::new(
        ErrorKind::UnexpectedAnswer,
        "the demonstration does not add up: this is a fault of the program",
    );
    ExitStatus::Failed(error, summary)
}
