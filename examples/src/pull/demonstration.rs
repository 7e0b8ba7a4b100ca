//! Without any setting: both stand-ins on real sockets, a backlog with everything that can be odd, and faults that pass.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, CoralogixMapping, Pipeline, Result, Summary, SystemClock};
use okta_source::OktaSource;
use okta_source::simulator::{Fault, OktaSimulator};

use crate::program::ExitStatus;
use crate::program::demonstration::{KEY, cannot_start, faulty_ingress, judge, say};
use crate::program::progress::Progress;
use crate::program::signals;

const TOKEN: &str = "00-demonstration-token";

/// The backlog: how many events of each sort.
const FRESH: usize = 6000;
const OLD: usize = 40;
const REPEATED: usize = 60;
const MALFORMED: usize = 5;

pub(super) async fn run() -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    say(
        "Nothing is set, so this is the demonstration: an Okta org and a Coralogix ingress on 127.0.0.1.",
    );
    say("Set OKTA_ORG_URL, OKTA_API_TOKEN, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.");
    match demonstrate(&progress).await {
        Ok(end) => end,
        Err(error) => ExitStatus::Failed(error, Summary::default()),
    }
}

async fn demonstrate(progress: &Progress) -> Result<ExitStatus> {
    let now = SystemClock.now();
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .rate_limit(600)
        .build();
    let expected = backlog(&org, now);
    org.script(Fault::RateLimited(Duration::from_secs(2)));
    org.script(Fault::Unavailable);
    org.script(Fault::HalfBody);
    let ingress = faulty_ingress();
    let (org_server, ingress_server) = (
        org.serve().await.map_err(cannot_start)?,
        ingress.serve().await.map_err(cannot_start)?,
    );

    let folder = tempfile::tempdir().map_err(cannot_start)?;
    let checkpoint = FileCheckpoint::open(folder.path().join("checkpoint")).await?;
    let source = OktaSource::builder()
        .org_url(org_server.base_url())
        .api_token(TOKEN)
        .once(true)
        .checkpoint(Arc::new(checkpoint))
        .open()
        .await?;
    let sink = CoralogixSink::builder()
        .endpoint(ingress_server.base_url())
        .api_key(KEY)
        .build()?;
    let pipeline = Pipeline::builder(source, sink)
        .mapping(
            CoralogixMapping::builder()
                .subsystem("demonstration")
                .build()?,
        )
        .dead_letters(FileDeadLetters::open(folder.path().join("dead-letters.ndjson")).await?)
        .observer(progress.clone())
        .build()?;
    let ended = pipeline.run(signals::shutdown()?).await;
    progress.finish();
    Ok(match ended {
        Ok(summary) => judge(summary, &expected, &ingress, "the org repeated them"),
        Err(failed) => ExitStatus::Failed(failed.error, failed.summary),
    })
}

/// Fills the org's log; returns the uuids that must arrive.
fn backlog(org: &OktaSimulator, now: DateTime<Utc>) -> HashSet<String> {
    let mut generator = EventGenerator::new(20);
    let persisted = now - TimeDelta::hours(1);
    let mut expected = HashSet::new();
    let mut log = Vec::new();
    for n in 0..FRESH {
        // One in a hundred is late: persisted hours after it happened.
        let late = if n % 100 == 0 {
            TimeDelta::hours(5)
        } else {
            TimeDelta::zero()
        };
        let event = generator.event(persisted - TimeDelta::milliseconds((FRESH - n) as i64) - late);
        log.push(event.json);
        expected.insert(event.uuid);
    }
    for n in 0..OLD {
        let event = generator.event(now - TimeDelta::hours(30 + n as i64));
        log.insert(n * FRESH / OLD, event.json);
    }
    for n in 0..REPEATED {
        let copy = log[n * 7].clone();
        log.insert(log.len() - n, copy);
    }
    for n in 0..MALFORMED {
        let bad = format!("{{\"uuid\":\"malformed {n}\",\"published\":\"yesterday\"}}");
        log.insert(n * 1000 + 500, bad.into());
    }
    org.append_at(persisted, log);
    expected
}
