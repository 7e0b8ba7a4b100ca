//! `pull` between simulators on sockets, with faults that pass and a backlog of all sorts of events.

use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::{Clock, CoralogixMapping, Pipeline, Result, SystemClock};
use okta_source::OktaSource;
use okta_source::simulator::{Fault, OktaSimulator};

use crate::program::ExitStatus;
use crate::program::demonstration::{Demonstration, backlog, cannot_start};
use crate::program::pipeline::open_dead_letters;
use crate::program::progress::Progress;

const TOKEN: &str = "00-demonstration-token";

/// Events that must arrive.
const FRESH: i64 = 6000;

pub(super) async fn run(progress: Progress) -> Result<ExitStatus> {
    let now = SystemClock.now();
    let persisted = now - TimeDelta::hours(1);
    let published: Vec<_> = (0..FRESH)
        .map(|n| {
            // One in a hundred is late: persisted hours after it happened.
            let late = TimeDelta::hours(if n % 100 == 0 { 5 } else { 0 });
            persisted - TimeDelta::milliseconds(FRESH - n) - late
        })
        .collect();
    let (log, expected) = backlog(now, &published);
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .rate_limit(600)
        .build();
    org.append_at(persisted, log);
    org.script(Fault::RateLimited(Duration::from_secs(2)));
    org.script(Fault::Unavailable);
    org.script(Fault::HalfBody);
    let server = org.serve().await.map_err(cannot_start)?;

    let demonstration = Demonstration::start().await?;
    let checkpoint = FileCheckpoint::open(demonstration.file("checkpoint")).await?;
    let source = OktaSource::builder()
        .org_url(server.base_url())
        .api_token(TOKEN)
        .once(true)
        .checkpoint(checkpoint)
        .open()
        .await?;
    let mapping = CoralogixMapping::builder().subsystem("demonstration");
    let dead_letters = open_dead_letters(&demonstration.file("dead-letters.ndjson")).await?;
    let pipeline = Pipeline::builder(source, demonstration.sink()?)
        .mapping(mapping.build()?)
        .dead_letters(dead_letters);
    let pipeline = demonstration.configure(pipeline, &progress).build()?;
    let ended = pipeline.run(demonstration.shutdown()?).await;
    progress.finish();
    Ok(demonstration.verify(ended, &expected, "the org repeated them"))
}
