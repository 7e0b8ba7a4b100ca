//! `replay` with a file of dead letters of all sorts, and a simulator of Coralogix.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterSource, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, CoralogixMapping, Origin, Pipeline, Result, SystemClock};

use crate::program::ExitStatus;
use crate::program::args::age_filter;
use crate::program::demonstration::{Demonstration, cannot_start, print};
use crate::program::pipeline::open_dead_letters;
use crate::program::progress::Progress;

/// The number of letters of each sort.
const FRESH: usize = 500;
const OLD: usize = 3;

pub(super) async fn run(progress: Progress) -> Result<ExitStatus> {
    let demonstration = Demonstration::start().await?;
    let file = demonstration.file("dead-letters.ndjson");
    let expected = fill(&open_dead_letters(&file).await?).await?;
    let source = DeadLetterSource::open(&open_dead_letters(&file).await?).await?;
    let keep = age_filter(AgePolicy::DeadLetter);
    let pipeline = Pipeline::builder(source, demonstration.sink()?)
        .mapping(CoralogixMapping::builder().build()?)
        .dead_letters(open_dead_letters(&file).await?);
    let pipeline = demonstration
        .configure(pipeline, &progress)
        .age_filter(keep);
    let ended = pipeline.build()?.run(demonstration.shutdown()?).await;
    progress.finish();
    let left = std::fs::read_to_string(&file).map_err(cannot_start)?;
    let left = left.lines().count();
    print(&format!(
        "left in the file: {left} letters, with the new reasons"
    ));
    Ok(demonstration.verify(ended, &expected, "written twice by a crash"))
}

/// Fills the file; returns the UUIDs that must arrive.
async fn fill(letters: &FileDeadLetters) -> Result<HashSet<String>> {
    let now = SystemClock.now();
    let origin = Arc::new(Origin::org("demonstration"));
    let mut generator = EventGenerator::new(23);
    let mut expected = HashSet::new();
    let mut written = Vec::new();
    let letter = |reason, detail: &str, bytes: Bytes| {
        DeadLetter::new(now, reason, detail, Arc::clone(&origin), bytes)
    };
    for n in 0..FRESH {
        let event = generator.event(now - TimeDelta::seconds(n as i64));
        let detail = "a gateway in between refused it";
        written.push(letter(DeadLetterReason::Rejected, detail, event.json));
        expected.insert(event.uuid);
    }
    for _ in 0..OLD {
        let event = generator.event(now - TimeDelta::hours(30));
        written.push(letter(
            DeadLetterReason::TooLarge,
            "refused with 413",
            event.json,
        ));
    }
    let broken = Bytes::from_static(b"{\"uuid\":\"no event\",");
    written.push(letter(DeadLetterReason::Malformed, "not JSON", broken));
    written.push(written[0].clone());
    letters.write(&written).await?;
    Ok(expected)
}
