//! The operator, who starts the programs, and starts them again.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt;
use okta_coralogix_core::{Clock, Error, ErrorKind};
use tokio::time::sleep;

use super::clock::since;
use super::credentials::{SECRET, authorization};
use crate::checks::{check_dead_letters, read_checkpoint};
use crate::env::Env;
use crate::fault::{DiskFault, Fault, Incident, Seam};
use crate::plan::Route;
use crate::process::Process;
use crate::program::{Exit, program};

/// How long it takes to restart a program.
const RESTART_DELAY: Duration = Duration::from_secs(2);

/// How long it takes to repair what a program has reported, and to restart it.
const REPAIR_DELAY: Duration = Duration::from_secs(30);

/// Runs one program, process after process, until the world is over.
pub(crate) async fn operate(env: Arc<Env>) {
    loop {
        let delay = run_process(&env).await;
        if !env.is_over() {
            sleep(delay).await;
        }
        if env.is_over() {
            return;
        }
    }
}

/// Runs one process. Returns the delay until the next one.
async fn run_process(env: &Arc<Env>) -> Duration {
    let process = Process::start(env);
    let number = process.number();
    let settings = env.state().settings;
    let committed = read_checkpoint(env);
    env.oracle().process_started(number, settings, committed);
    env.trace(|| {
        format!("process {number} starts with {settings:?}, {committed} events are committed")
    });
    let sigterms = env.sigterm.count();
    let running = program(process.clone(), settings, sigterms).boxed();
    let ended = tokio::select! {
        biased;
        power = process.killed() => Err(power),
        exit = process.count_polls(running) => Ok(exit),
    };
    process.end();
    env.endpoint.close();
    env.disk().release_locks(number);
    if ended.as_ref().is_err_and(|power| *power) {
        env.trace(|| "the power goes".to_owned());
        let mut rng = env.faults().power_cut_rng();
        env.disk().power_cut(&mut rng);
    }
    read_checkpoint(env);
    check_dead_letters(env);
    env.oracle().process_ended(number);
    if !env.is_over() {
        env.oracle().process_was_restarted(number);
    }
    let Ok(exit) = ended else {
        return RESTART_DELAY;
    };
    env.trace(|| format!("process {number} ends: {exit:?}"));
    match exit {
        Exit::Done(summary) => {
            env.oracle().check_summary(number, &summary);
            RESTART_DELAY
        }
        Exit::Failed(failed) => {
            env.oracle().check_summary(number, &failed.summary);
            let kind = failed.error.kind();
            // What is to be saved at the end is tried for a few seconds only.
            let was_stopped = env.sigterm.count() > sigterms;
            if kind == ErrorKind::Storage && !disk_breaks(env) && !was_stopped {
                env.violation("a program ends for want of a descriptor");
            }
            if matches!(kind, ErrorKind::Unauthorized | ErrorKind::Forbidden) && !disk_fails(env) {
                env.oracle().check_drained(number, &failed.summary);
            }
            if kind == ErrorKind::Unauthorized {
                check_read_anew(env, number);
            }
            let justified = env.oracle().remotes_justify(number, kind, true);
            repair(env, &failed.error, justified)
        }
        Exit::NotStarted(error) => {
            let justified = env.oracle().remotes_justify(number, error.kind(), false);
            repair(env, &error, justified)
        }
    }
}

/// A process whose credential is refused has tried the one that its file holds.
fn check_read_anew(env: &Env, process: u32) {
    let [key, token] = {
        let state = env.state();
        [state.ingress_key, state.api_token]
    };
    for (seam, rotation) in [(Seam::Ingress, key), (Seam::Okta, token)] {
        if let Some(written) = rotation.written {
            let held = authorization(seam, rotation.configured);
            env.oracle()
                .check_read_anew(process, seam, held.as_bytes(), written);
        }
    }
}

/// True if the plan has a fault of the disk.
fn disk_fails(env: &Env) -> bool {
    let wants_descriptor = |fault: &Fault| {
        matches!(
            fault,
            Fault::Disk(_, DiskFault::NoDescriptor) | Fault::At(_, Incident::NoDescriptors(_))
        )
    };
    disk_breaks(env) || env.plan.faults.iter().any(wants_descriptor)
}

/// True if the plan has a fault of the disk that does not pass by itself.
fn disk_breaks(env: &Env) -> bool {
    let breaks = |fault: &Fault| match fault {
        Fault::Disk(_, fault) => *fault != DiskFault::NoDescriptor,
        Fault::At(_, incident) => matches!(incident, Incident::DiskFull(_)),
        _ => false,
    };
    env.plan.faults.iter().any(breaks)
}

/// The operator reads the error and does what it says. An error without a cause in the plan is a violation. `justified`: the remotes
/// have given a cause.
fn repair(env: &Env, error: &Error, justified: bool) -> Duration {
    let message = format!("{error} {error:?}");
    if message.contains(SECRET) {
        env.violation(format!("an error contains a secret: {message}"));
    }
    env.faults().mark_repair(REPAIR_DELAY);
    let planned =
        |cause: fn(&Fault) -> bool| env.plan.faults.iter().filter(|fault| cause(fault)).count();
    let expected = match error.kind() {
        ErrorKind::Unauthorized => {
            env.state().write_credentials();
            justified
        }
        // The start of the programs has not come yet by the clock of the host, which the operator sets.
        ErrorKind::Config if error.detail().contains("set the clock") => {
            let is_behind = env.clocks.host.now() < since();
            env.clocks.host.set_offset(TimeDelta::zero());
            is_behind
        }
        ErrorKind::Storage | ErrorKind::Config => disk_fails(env),
        ErrorKind::WrongEndpoint | ErrorKind::Forbidden => justified,
        // A second link is refused before one has worked.
        ErrorKind::Rejected => {
            planned(|fault| matches!(fault, Fault::At(_, Incident::ForgetCursors))) > 1
        }
        // The queue's attributes are asked for once.
        _ => error.is_temporary() && env.plan.route == Route::Sqs,
    };
    if !expected {
        env.violation(format!("a program ends with {:?}: {error}", error.kind()));
    }
    REPAIR_DELAY
}
