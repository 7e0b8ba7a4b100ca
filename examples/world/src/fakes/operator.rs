//! Who starts the programs, and starts them again.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use okta_coralogix_core::{Error, ErrorKind};
use tokio::time::sleep;

use crate::env::{Env, SECRET};
use crate::plan::{Fault, Incident, NetFault, Route, Seam};
use crate::process::Process;
use crate::program::{Ended, program};

/// How long it takes to start a program again.
const RESTART_DELAY: Duration = Duration::from_secs(2);

/// How long it takes until somebody has mended what ended a program.
const REPAIR_DELAY: Duration = Duration::from_secs(30);

/// Runs one program process after process, until the world is over.
pub(crate) async fn operate(env: Arc<Env>) {
    loop {
        let wait = run_process(&env).await;
        if !env.is_over() {
            sleep(wait).await;
        }
        if env.is_over() {
            return;
        }
    }
}

/// One process. Returns how long it takes until the next one begins.
async fn run_process(env: &Arc<Env>) -> Duration {
    let process = Process::begin(env);
    let settings = env.state().settings;
    let (_, committed) = env.read_checkpoint(None);
    env.oracle()
        .process_started(process.number(), settings, committed);
    env.say(|| {
        format!(
            "process {} begins with {settings:?}, {committed} events are committed",
            process.number()
        )
    });
    let running = program(process.clone(), settings, env.stop.times()).boxed();
    let ended = tokio::select! {
        biased;
        power = process.killed() => Err(power),
        ended = process.counted(running) => Ok(ended),
    };
    process.end();
    env.endpoint.close();
    env.disk().release_locks(process.number());
    if ended.as_ref().is_err_and(|power| *power) {
        env.say(|| "the machine goes down".to_owned());
        let mut rng = env.rng().fork();
        env.disk().power_cut(&mut rng);
    }
    let (_, committed) = env.read_checkpoint(None);
    env.check_dead_letters();
    env.oracle()
        .process_ended(process.number(), committed, &env.events);
    if !env.is_over() {
        env.oracle().process_was_restarted(process.number());
    }
    let Ok(ended) = ended else {
        return RESTART_DELAY;
    };
    env.say(|| format!("process {} ends: {ended:?}", process.number()));
    match ended {
        Ended::Done(summary) => {
            env.oracle()
                .check_summary(process.number(), &summary, &env.events);
            RESTART_DELAY
        }
        Ended::Failed(failed) => {
            env.oracle()
                .check_summary(process.number(), &failed.summary, &env.events);
            repair(env, &failed.error)
        }
        Ended::NotStarted(error) => repair(env, &error),
    }
}

/// Somebody reads the error, and does what it says.
fn repair(env: &Env, error: &Error) -> Duration {
    let said = format!("{error} {error:?}");
    if said.contains(SECRET) {
        env.oracle()
            .violation(format!("a secret stands in an error: {said}"));
    }
    env.mark_fault_for(REPAIR_DELAY);
    let plan = &env.plan;
    let disk = plan.faults.iter().any(|fault| {
        matches!(fault, Fault::Disk(..)) || matches!(fault, Fault::At(_, Incident::DiskFull(_)))
    });
    let odd = |seam| {
        plan.faults.iter().any(|fault| {
            matches!(fault, Fault::Net(of, _, NetFault::Html | NetFault::Status(_)) if *of == seam)
        })
    };
    let expected = match error.kind() {
        ErrorKind::Unauthorized => {
            let mut now = env.state();
            (now.key.1, now.token.1) = (now.key.0, now.token.0);
            (now.key.0, now.token.0) != (0, 0)
        }
        ErrorKind::Storage | ErrorKind::Config => disk,
        ErrorKind::WrongEndpoint | ErrorKind::Forbidden => odd(Seam::Ingress),
        // A second link that is refused, before one has worked.
        ErrorKind::Rejected => {
            let forgets = |fault: &&Fault| matches!(fault, Fault::At(_, Incident::ForgetCursors));
            plan.faults.iter().filter(forgets).count() > 1
        }
        // The queue's facts are asked for once.
        _ => error.is_temporary() && plan.route == Route::Sqs,
    };
    if !expected {
        env.oracle()
            .violation(format!("a program ends with {:?}: {error}", error.kind()));
    }
    REPAIR_DELAY
}
