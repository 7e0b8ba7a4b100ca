//! A run: both sides, the report, the refill, and the exit code.

use std::collections::HashMap;
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;

use coralogix_sink::audit::{Audit, AuditReport, AuditVerdict, Cause};
use coralogix_sink::query::{Answer, EventFilter, EventId, TimeSlice};
use futures::TryStreamExt;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, ErrorKind, Result};
use okta_source::Backfill;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

use super::of_file::FileOrgs;
use super::okta::{GIVE_UP_AFTER, events, of_okta};
use super::refill::{Refill, Refilled};
use super::report::Report;
use super::settings::OrgSettings;
use super::{args, letters};
use crate::program::args::in_setting;
use crate::program::progress::Progress;
use crate::program::start::{Start, span};
use crate::program::{ExitStatus, ProgramDeadLetters, print_error, signals};
use crate::pull::text;

/// Audits the orgs one after the other. One of several that fails does not keep the others from their audit.
pub(super) async fn run(orgs: FileOrgs, progress: Progress) -> Result<ExitStatus<()>> {
    let shutdown = signals::shutdown()?;
    let stop = watch::Sender::new(false);
    let mut audited = pin!(audit_all(orgs, &progress, stop.subscribe()));
    tokio::select! {
        status = &mut audited => status,
        () = shutdown => {
            stop.send_replace(true);
            audited.await
        }
    }
}

async fn audit_all(
    FileOrgs { orgs, failed }: FileOrgs,
    progress: &Progress,
    stopped: watch::Receiver<bool>,
) -> Result<ExitStatus<()>> {
    let mut worst = 0;
    for (_, error) in failed {
        let (code, error, _) = ExitStatus::<()>::WrongSetting(error).into_parts();
        if let Some(error) = error {
            print_error(&error);
        }
        worst = worse(worst, code);
    }
    for settings in &orgs {
        let Some(name) = &settings.integration else {
            return audit_org(settings, progress, stopped).await;
        };
        if *stopped.borrow() {
            tracing::warn!("stopped before the audit of {name:?} and those behind it");
            worst = worse(worst, 5);
            break;
        }
        let audited = audit_org(settings, progress, stopped.clone())
            .instrument(span(name))
            .await;
        let (code, error, _) = audited
            .unwrap_or_else(ExitStatus::WrongSetting)
            .into_parts();
        if let Some(error) = error {
            print_error(&in_setting(format!("integration {name:?}"))(error));
        }
        worst = worse(worst, code);
    }
    Ok(ExitStatus::Silent(worst, None))
}

/// The exit code of two audits: a wrong setting and a refusal, of which nothing is known, before what could not be verified, before
/// differences.
fn worse(one: u8, other: u8) -> u8 {
    const ORDER: [u8; 5] = [0, 3, 5, 1, 2];
    let rank = |code: u8| ORDER.iter().position(|known| *known == code);
    if rank(one) >= rank(other) { one } else { other }
}

async fn audit_org(
    settings: &OrgSettings,
    progress: &Progress,
    stopped: watch::Receiver<bool>,
) -> Result<ExitStatus<()>> {
    let letters = match settings.pipeline.dead_letters_file() {
        Some(path) => letters::causes(&path, settings.integration.as_deref())?,
        None => HashMap::new(),
    };
    let refill = match &settings.refill {
        Some(refill) => {
            settings.pipeline.state.create()?;
            let clock = Arc::clone(&settings.clock);
            Some(Refill::open(refill, clock, settings.visibility_delay).await?)
        }
        None => None,
    };
    let source = open(settings).await?;
    let range = settings.range;
    let start = Start {
        source: &settings.org,
        target: settings.client.endpoint().base_url(),
        resumes: &format!(
            "the range from {} to {}",
            text(range.start()),
            text(range.end())
        ),
        ..Start::default()
    };
    start.log();
    Ok(audit(settings, source, letters, refill, progress, stopped).await)
}

async fn open(settings: &OrgSettings) -> Result<Backfill> {
    let range = settings.range;
    let source = settings
        .source
        .clone()
        .checkpoint(MemoryCheckpoint::default());
    let opened = source.open_backfill(range.start()..range.end()).await;
    opened.map_err(|error| match error.detail().strip_prefix("backfill: ") {
        Some(detail) => Error::config(args::FROM.about.flag, detail),
        None if error.kind() == ErrorKind::Config => settings.names.named(error),
        None => in_setting(args::FROM.about.flag)(error),
    })
}

async fn until(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

async fn audit(
    settings: &OrgSettings,
    source: Backfill,
    letters: HashMap<EventId, Cause>,
    refill: Option<Refill<'_>>,
    progress: &Progress,
    stopped: watch::Receiver<bool>,
) -> ExitStatus<()> {
    let began = Instant::now();
    let metrics = source.metrics();
    let found = tokio::select! {
        found = compare(settings, source, &letters, refill.as_ref(), progress) => found,
        () = until(stopped.clone()) => {
            tracing::warn!("stopped before the end: nothing is verified");
            return ExitStatus::Silent(5, None);
        }
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return ExitStatus::Silent(1, Some(about_one_key(settings, error))),
    };
    let advice = advice(settings, &found).await;
    let refilled = match refill {
        Some(refill) => Some(send(settings, refill, &found, progress, until(stopped)).await),
        None => None,
    };
    progress.finish();
    let (refilled, refused) = match refilled {
        Some(Ok(refilled)) => (Some(refilled), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let report = Report {
        advice,
        found: &found,
        integration: settings.integration.as_deref(),
        org: &settings.org,
        target: &settings.target,
        refilled: refilled.as_ref(),
        okta_requests: metrics.snapshot().requests,
        seconds: began.elapsed().as_secs(),
    };
    let text = match settings.json {
        true => report.json().to_string(),
        false => report.lines().join("\n"),
    };
    // A closed stdout means that nobody reads it.
    writeln!(std::io::stdout(), "{text}").ok();
    ExitStatus::Silent(report.exit_code(), refused)
}

pub(super) async fn compare(
    settings: &OrgSettings,
    source: Backfill,
    letters: &HashMap<EventId, Cause>,
    refill: Option<&Refill<'_>>,
    progress: &Progress,
) -> Result<AuditReport> {
    let task = progress.task("audit");
    let types = settings.pipeline.options.event_types.clone();
    let log = events(source, types, settings.range.start(), GIVE_UP_AFTER);
    let sent = |id: &EventId| refill.and_then(|refill| refill.cause(id));
    let audit = Audit::new(&settings.client, settings.filter.clone(), settings.range)
        .visibility_delay(settings.visibility_delay)
        .max_lookups(settings.max_lookups)
        .clock(Arc::clone(&settings.clock))
        .known(|id| sent(id).or_else(|| letters.get(id).cloned()))
        .on_progress(|at| {
            let what = format!(
                "{} through {}, {} events, {} not found, {} queries",
                at.phase,
                text(at.through),
                at.in_log,
                at.not_found,
                at.queries
            );
            task.show(&at.phase.to_string(), at.share, &what);
        });
    let found = audit.run(log.map_err(|error| of_okta(&error))).await;
    task.finish();
    found
}

async fn send(
    settings: &OrgSettings,
    refill: Refill<'_>,
    found: &AuditReport,
    progress: &Progress,
    shutdown: impl Future<Output = ()>,
) -> Result<Refilled> {
    let letters = ProgramDeadLetters::open(&settings.pipeline).await?;
    let sent = refill.run(
        found,
        &settings.source,
        letters,
        progress.observer(),
        shutdown,
    );
    sent.await
}

/// The refusal of a key that is that of the sink.
pub(super) fn about_one_key(settings: &OrgSettings, error: Error) -> Error {
    let is_refusal = matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden);
    let is_of_okta = error.detail().starts_with("Okta: ");
    match is_refusal && settings.has_one_key && !is_of_okta {
        true => Error::new(
            error.kind(),
            format!(
                "{}; it is the key of CORALOGIX_API_KEY: create another one",
                error.detail()
            ),
        ),
        false => error,
    }
}

/// What to look at where not one event was found: asks what the key sees at all.
async fn advice(settings: &OrgSettings, found: &AuditReport) -> Option<String> {
    if found.verdict() != AuditVerdict::NothingFound {
        return None;
    }
    Some(what_is_seen(settings, settings.range).await)
}

/// What the key sees in a range without the names, in words.
pub(super) async fn what_is_seen(settings: &OrgSettings, range: TimeSlice) -> String {
    let all = settings.client.count(&EventFilter::all(), range).await;
    let names = match &settings.integration {
        Some(name) => {
            format!("the keys `coralogix.application` and `subsystem` of integration {name:?}")
        }
        None => "CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM".to_owned(),
    };
    match all {
        Ok(Answer::Proven(0)) => "the key sees no log at all in this range: check its data scope (Coralogix, Settings, API Keys), that it is a key \
                                  of this team, and the tier (--tier)"
            .to_owned(),
        Ok(Answer::Proven(logs)) => format!(
            "the key sees {logs} other logs in this range, and none of {}: check {names}, and the data scope of the key",
            settings.target
        ),
        Ok(Answer::Unproven(unproven)) => format!("what the key sees could not be verified either: {unproven}"),
        Err(error) => format!("what the key sees could not be asked: {error}"),
    }
}
