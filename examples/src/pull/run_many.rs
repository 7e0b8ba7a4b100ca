//! A run with the orgs of `--config`, or with one org that replicas share.

use std::pin::Pin;
use std::sync::Arc;

use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::{Clock, Error, ErrorKind, Result, Summary, SystemClock};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::check::check_all;
use super::config::{
    Planned, Rehearsal, RunOptions, RunReport, Running, StoreTest, nothing_changed,
};
use super::config_source::ConfigSource;
use super::dry_run::DryRun;
use super::settings::ManySettings;
use crate::program::admin::Admin;
use crate::program::open_files::raise_limit_for;
use crate::program::progress::Progress;
use crate::program::signals::{self, Hangups};
use crate::program::{Environment, ExitStatus, ProgramDeadLetters};

pub(super) async fn run(settings: ManySettings, progress: Progress) -> Result<ExitStatus> {
    raise_limit_for(settings.integrations.len());
    if settings.check {
        return Ok(check_all(settings).await);
    }
    let (mut shutdown, reload) = signals_of(settings.source)?;
    let dry_run = settings.dry_run;
    // What is wrong with its settings is said before a file is made.
    let shared = settings.shared.filter(|_| dry_run.is_none());
    let store = match &shared {
        Some(shared) => Some(shared.open().await?),
        None => None,
    };
    let letters = settings.pipeline.dead_letters_file();
    let letters = letters.filter(|_| dry_run.is_none());
    let admin = Admin::start(settings.admin, letters)?;
    let dead_letters: Arc<dyn DeadLetters> = match dry_run {
        Some(_) => DryRun::dead_letters(),
        None => {
            Arc::new(ProgramDeadLetters::open_beside(&settings.pipeline, store.as_ref()).await?)
        }
    };
    // Behind the files and the listener: a store may take long to answer, and the program is alive meanwhile.
    let shared_logs = match shared.zip(store) {
        Some((shared, store)) => {
            let test = StoreTest::default();
            let is_stopped = tokio::select! {
                biased;
                () = &mut shutdown => true,
                checked = shared.check(&store, &test) => checked.map(|()| false)?,
            };
            if is_stopped {
                progress.finish();
                return Ok(ExitStatus::of_run(Summary::default(), None));
            }
            // One that ends takes what is free, and has no share: the others would wait for it to take its part.
            let names = settings.integrations.iter().map(|one| one.name.clone());
            let names = names.filter(|_| settings.once.is_none());
            let logs = shared.join(store, test, names);
            admin.replica(logs.replica.clone());
            tracing::info!(
                replica = logs.replica.holder(),
                state = logs.store.location(),
                "this replica shares the positions with others"
            );
            Some(logs)
        }
        None => None,
    };
    let options = RunOptions {
        once: settings.once,
        clock: Arc::new(SystemClock),
        admin: Arc::new(admin),
        dry_run: dry_run
            .clone()
            .map(|dry_run| Arc::new(dry_run) as Arc<dyn Rehearsal>),
        shared_logs,
    };
    if options.once.is_some() {
        progress.expect_end();
    }
    let observer = progress.observer();
    let integrations = settings.integrations;
    let running = Running::start(integrations, &options, dead_letters, observer);
    let left = |name: &str| progress.forget(name);
    let ended = running
        .run(shutdown, || next_configuration(reload.clone()), left)
        .await;
    if let Some(logs) = &options.shared_logs {
        logs.leave().await;
    }
    progress.finish();
    let RunReport {
        summary,
        handed_back,
        failed,
        integrations: count,
    } = ended;
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(", ");
    let down = failed.len();
    let detail = match options.once {
        Some(_) => format!("{down} of {count} integrations have ended with an error: {names}"),
        None => format!("{down} of {count} integrations are down: {names}"),
    };
    let first = failed.into_iter().next();
    let error = first.map(|(_, first)| Error::new(first.kind(), detail).with_source(first));
    let status = ExitStatus::of_run(summary, error).after_stop(handed_back);
    Ok(match dry_run {
        None => status,
        // At its end it has read what there was until now.
        Some(dry_run) => {
            let through = options.once.map(|_| SystemClock.now());
            dry_run.ended(status, through, &progress)
        }
    })
}

/// Resolves when the program is to end.
type End = Pin<Box<dyn Future<Output = ()>>>;

/// The SIGHUPs, and what is read again at each.
type Reload = (Arc<Mutex<Hangups>>, ConfigSource);

/// The end of the program, and the SIGHUPs that ask for the file again. Without a file a SIGHUP is an end too.
fn signals_of(source: Option<ConfigSource>) -> Result<(End, Option<Reload>)> {
    let Some(source) = source else {
        return Ok((Box::pin(signals::shutdown()?), None));
    };
    let (shutdown, hangups) = signals::shutdown_and_hangups()?;
    // Held by one turn at a time.
    let hangups = Arc::new(Mutex::new(hangups));
    Ok((Box::pin(shutdown), Some((hangups, source))))
}

/// The integrations of the file as it is after a SIGHUP. One that is wrong is said, and the next SIGHUP waited for.
async fn next_configuration(reload: Option<Reload>) -> Vec<Planned> {
    let Some((hangups, source)) = reload else {
        return std::future::pending().await;
    };
    let mut hangups = hangups.lock().await;
    loop {
        hangups.next().await;
        tracing::info!("SIGHUP: the file of --config and its secrets are read again");
        let source = source.clone();
        let read = spawn_blocking(move || source.read(&Environment::of_the_process())).await;
        match read.map_err(reading_was_interrupted).flatten() {
            Ok(integrations) => {
                raise_limit_for(integrations.len());
                return Planned::read_all(integrations).await;
            }
            Err(error) => nothing_changed(&error),
        }
    }
}

fn reading_was_interrupted(error: tokio::task::JoinError) -> Error {
    let detail = "a fault of the program ended the reading of the file";
    Error::new(ErrorKind::UnexpectedResponse, detail).with_source(error)
}
