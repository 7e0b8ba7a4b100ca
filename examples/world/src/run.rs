//! One world, from its plan to its verdict.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::checks::contains;
use crate::env::{Env, SECRET};
use crate::fakes::operator::operate;
use crate::log_capture::LogCapture;
use crate::plan::{Fault, Incident, Plan, Route, Seam};
use crate::schedule;

/// How long a calm world may take until everything has come to its end. The longest waits that may lie in it: on the pull route 2 minutes
/// that a far side asks for, and 30 s of backoff; EventBridge's own waits grow to 5 minutes, and each attempt may find the program
/// between two processes; a message of the queue that came back again and again stays hidden for up to 15 minutes.
#[must_use]
pub fn liveness_timeout(route: Route) -> Duration {
    Duration::from_secs(match route {
        Route::Pull => 300,
        Route::Http => 900,
        Route::Sqs => 1200,
    })
}

/// How long the world is watched once all is done.
const QUIET: Duration = Duration::from_secs(120);

/// How often the world is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What came of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What must not be; nothing, if all is well.
    pub violations: Vec<String>,
    /// What happened, in order, if it was to be told.
    pub trace: Vec<String>,
    /// Steps that the programs took.
    pub steps: u64,
    /// Steps and exchanges until everything had come to its end.
    pub busy: Busy,
    /// Arrivals beyond the first of each event.
    pub repeats: u32,
    /// Lives of programs.
    pub processes: u32,
    /// How long the world lasted.
    pub lasted: Duration,
}

/// How much was done until everything had come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// Steps.
    pub steps: u64,
    /// Those of them from which something outside the program may come.
    pub actions: Vec<u64>,
    /// Exchanges at each seam.
    pub exchanges: Vec<(Seam, u64)>,
    /// Operations on the disk.
    pub operations: u64,
}

impl Busy {
    fn until_now(env: &Env) -> Self {
        let faults = env.faults();
        let seams = [Seam::Okta, Seam::Ingress, Seam::Push, Seam::Queue];
        Self {
            steps: faults.steps(),
            actions: faults.actions().to_vec(),
            exchanges: seams.map(|seam| (seam, faults.exchanges(seam))).to_vec(),
            operations: faults.operations(),
        }
    }
}

/// Runs a world. With `told` its trace is written down.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
pub fn run(plan: &Plan, told: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without a driver asks nothing of the system");
    runtime.block_on(play(plan, told))
}

async fn play(plan: &Plan, told: bool) -> Outcome {
    let env = Env::new(plan, told);
    let _hearing = tracing::subscriber::set_default(LogCapture(Arc::clone(&env)));
    tokio::spawn(schedule::events(Arc::clone(&env)));
    tokio::spawn(schedule::incidents(Arc::clone(&env)));
    let programs: Vec<_> = (0..plan.programs.max(1))
        .map(|_| tokio::spawn(operate(Arc::clone(&env))))
        .collect();
    let caught_up = catches_up(&env).await;
    let busy = Busy::until_now(&env);
    if caught_up {
        stays_quiet(&env).await;
    }
    env.end();
    for program in programs {
        let ended = timeout(Duration::from_secs(120), program).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => env.oracle().violation(format!("a program panics: {panic}")),
            Err(_) => env
                .oracle()
                .violation("a program does not end when it is told to".to_owned()),
        }
    }
    if caught_up {
        is_complete(&env);
    }
    let (violations, repeats) = {
        let oracle = env.oracle();
        (oracle.violations().to_vec(), oracle.repeats())
    };
    Outcome {
        violations,
        trace: env.trace().take(),
        steps: env.faults().steps(),
        busy,
        repeats,
        processes: env.next_process(),
        lasted: env.elapsed(),
    }
}

/// Waits until all is done; false if that takes too long, or something is wrong before.
async fn catches_up(env: &Arc<Env>) -> bool {
    let last = schedule::last(env);
    let patience = liveness_timeout(env.plan.route);
    loop {
        sleep(LOOK).await;
        if !env.oracle().violations().is_empty() {
            return false;
        }
        if env.elapsed() < last {
            continue;
        }
        let missing = missing(env);
        if missing.is_empty() && Instant::now() >= env.state().fault_free_since {
            return true;
        }
        if Instant::now() > env.state().fault_free_since + patience {
            let missing = missing.join("; ");
            let what = format!("after {patience:?} of calm there is still: {missing}");
            env.oracle().violation(what);
            return false;
        }
    }
}

/// What has not come to its end.
fn missing(env: &Env) -> Vec<String> {
    let mut missing = Vec::new();
    let count = env.events.len();
    match env.plan.route {
        Route::Pull => {
            let position = env.position();
            if position < count {
                missing.push(format!("the position is {position} of {count}"));
            }
        }
        Route::Http => {
            let pushed = env.state().pushed;
            if pushed < count {
                missing.push(format!("EventBridge is done with {pushed} of {count}"));
            }
        }
        Route::Sqs => {
            let depth = env.queue.depth_now();
            if !depth.is_empty() {
                missing.push(format!("the queue holds {depth:?}"));
            }
        }
    }
    let letters = env.durable_letters();
    env.check_queue_dead_letters();
    let oracle = env.oracle();
    let unsettled = (0..count).filter_map(|index| {
        oracle
            .is_settled(index, &env.events, &letters, env.time())
            .err()
    });
    missing.extend(unsettled);
    missing
}

/// A quiet org is polled at its interval and no more, and nothing is sent any more.
async fn stays_quiet(env: &Arc<Env>) {
    let count = |seam| env.faults().exchanges(seam);
    let (okta, requests) = (count(Seam::Okta), env.oracle().requests().len());
    sleep(QUIET).await;
    let polls = count(Seam::Okta) - okta;
    // A fault may have waited for one of them.
    let most = QUIET.as_secs() / 30 + 2 + env.plan.faults.len() as u64;
    let sent = env.oracle().requests().len() - requests;
    let mut oracle = env.oracle();
    if polls > most {
        oracle.violation(format!(
            "{polls} requests to a quiet org in {QUIET:?}, {most} would do"
        ));
    }
    if env.plan.route == Route::Pull
        && polls + (env.plan.faults.len() as u64) < QUIET.as_secs() / 30 - 1
    {
        oracle.violation(format!("only {polls} requests to a quiet org in {QUIET:?}"));
    }
    if sent > 0 {
        oracle.violation(format!(
            "{sent} requests to the ingress, and nothing has happened"
        ));
    }
}

/// Looks at everything once more, when all programs have ended.
fn is_complete(env: &Env) {
    env.check_checkpoint();
    env.check_dead_letters();
    env.check_queue_dead_letters();
    let letters = env.durable_letters();
    for (index, event) in env.events.iter().enumerate() {
        let settled = env
            .oracle()
            .is_settled(index, &env.events, &letters, env.time());
        if let Err(what) = settled {
            env.oracle().violation(format!("in the end {what}"));
        }
        let arrivals = env.oracle().arrivals[index];
        if crate::oracle::needs_dead_letter(event.kind) && arrivals > 0 {
            env.oracle()
                .violation(format!("event {index} ({:?}) has arrived", event.kind));
        }
    }
    if !queue_fails(&env.plan) {
        env.oracle().check_repeats(&env.events);
    }
    let ledger = env.ingress.ledger();
    let counted: u32 = env.oracle().arrivals.iter().sum();
    if ledger.entries().len() != counted as usize {
        let what = format!(
            "the ledger has {} entries, {counted} were counted",
            ledger.entries().len()
        );
        env.oracle().violation(what);
    }
    if ledger.bad_shape() > 0 {
        env.oracle()
            .violation("a request was not as documented".to_owned());
    }
    let disk = env.disk();
    let told = disk
        .names()
        .filter(|path| disk.read(path).is_some_and(|bytes| contains(bytes, SECRET)));
    let told: Vec<_> = told.map(|path| path.display().to_string()).collect();
    drop(disk);
    for path in told {
        env.oracle().violation(format!("a secret stands in {path}"));
    }
}

/// True if a program may have to wait so long for the queue that its messages are given to another one.
fn queue_fails(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| {
        let incident = match fault {
            Fault::Net(Seam::Queue, ..) => return true,
            Fault::At(_, incident) => incident,
            _ => return false,
        };
        matches!(
            incident,
            Incident::ShowAll | Incident::Outage(Seam::Queue, _)
        )
    })
}
