//! Without any setting: dead letters of every sort, and a stand-in on a real socket that takes them but for one.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, CoralogixMapping, Origin, Result, Summary, SystemClock};

use super::{Settings, run};
use crate::program::ExitStatus;
use crate::program::demonstration::{KEY, cannot_start, faulty_ingress, judge, say};
use crate::program::progress::Progress;
use crate::program::signals;

/// How many letters of each sort.
const FRESH: usize = 500;
const OLD: usize = 3;

pub(super) async fn run() -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    say(
        "Nothing is set, so this is the demonstration: a file of dead letters and a Coralogix ingress on 127.0.0.1.",
    );
    say(
        "Set CORALOGIX_DOMAIN and CORALOGIX_API_KEY, and give the file by --dead-letters, for a real run.",
    );
    match demonstrate(&progress).await {
        Ok(end) => end,
        Err(error) => ExitStatus::Failed(error, Summary::default()),
    }
}

async fn demonstrate(progress: &Progress) -> Result<ExitStatus> {
    let folder = tempfile::tempdir().map_err(cannot_start)?;
    let file = folder.path().join("dead-letters.ndjson");
    let expected = fill(&FileDeadLetters::open(&file).await?).await?;
    let ingress = faulty_ingress();
    let server = ingress.serve().await.map_err(cannot_start)?;
    let settings = Settings {
        sink: CoralogixSink::builder()
            .endpoint(server.base_url())
            .api_key(KEY)
            .build()?,
        mapping: CoralogixMapping::builder().build()?,
        dead_letters: file.clone(),
        too_old: AgePolicy::DeadLetter,
        give_up: Duration::from_secs(60),
    };
    let pipeline = run::open(settings, progress.clone()).await?;
    let ended = pipeline.run(signals::shutdown()?).await;
    progress.finish();
    let left = std::fs::read_to_string(&file).map_err(cannot_start)?;
    say(&format!(
        "left in the file: {} letters, with the new reasons",
        left.lines().count()
    ));
    Ok(match ended {
        Ok(summary) => judge(summary, &expected, &ingress, "written twice by a crash"),
        Err(failed) => ExitStatus::Failed(failed.error, failed.summary),
    })
}

/// Fills the file; returns the uuids that must arrive.
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
        let said = "a gateway in between refused it";
        written.push(letter(DeadLetterReason::Rejected, said, event.json));
        expected.insert(event.uuid);
    }
    for _ in 0..OLD {
        let event = generator.event(now - TimeDelta::hours(30));
        written.push(letter(
            DeadLetterReason::TooLarge,
            "it was once",
            event.json,
        ));
    }
    let broken = Bytes::from_static(b"{\"uuid\":\"no event\",");
    written.push(letter(DeadLetterReason::Malformed, "not JSON", broken));
    written.push(written[0].clone());
    letters.write(&written).await?;
    Ok(expected)
}
