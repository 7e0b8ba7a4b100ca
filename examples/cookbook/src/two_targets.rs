//! The events of one org into two places.

use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::filter::EventTypeFilter;
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::{EventSource, LogSink, Mapping, Pipeline, Result, Summary, fan_out};

/// All events to `siem`, and what users do to `archive` too, until the source ends. Each is settled once both are done with it; what
/// one of them never accepts goes to the dead letters, and costs the other nothing.
pub async fn run(
    source: impl EventSource,
    siem: impl LogSink,
    archive: impl LogSink,
    mapping: impl Mapping + Clone,
    dead_letters: impl DeadLetters + Clone,
) -> Result<(Result<Summary, RunError>, Result<Summary, RunError>)> {
    let mut branches = fan_out(source, 2);
    let (second, first) = (branches.remove(1), branches.remove(0));
    let siem = Pipeline::builder(first, siem)
        .name("siem")
        .mapping(mapping.clone())
        .dead_letters(dead_letters.clone())
        .build()?;
    let archive = Pipeline::builder(second, archive)
        .name("archive")
        .mapping(mapping)
        .filter(EventTypeFilter::new(["user.*"], [""; 0])?)
        .dead_letters(dead_letters)
        .build()?;
    let forever = std::future::pending;
    Ok(tokio::join!(siem.run(forever()), archive.run(forever())))
}
