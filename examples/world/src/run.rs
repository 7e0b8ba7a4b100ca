//! Runs one world, from its plan to its outcome.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::checks::{check_completion, check_quiet, unsettled};
use crate::env::Env;
use crate::fakes::operator::operate;
use crate::fault_injector::Activity;
use crate::idle_gate::IdleGate;
use crate::log_capture::LogCapture;
use crate::plan::{Plan, Route};
use crate::schedule;

/// How long a world without further faults may take until all events are settled. The longest waits in it: on the pull route 2 minutes
/// that a `Retry-After` asks for, and 30 s of backoff; EventBridge's own waits grow to 5 minutes, and each attempt may fall between
/// two processes; a message that has come back several times stays hidden in the queue for up to 15 minutes.
#[must_use]
pub fn liveness_timeout(route: Route) -> Duration {
    Duration::from_secs(match route {
        Route::Pull => 300,
        Route::Http => 900,
        Route::Sqs => 1200,
    })
}

/// How often the run looks whether all is settled.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How long a program may take to end at the end of the world.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(120);

/// What came of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What must not happen and has; empty, if all is well.
    pub violations: Vec<String>,
    /// What happened, in order, if it was traced.
    pub trace: Vec<String>,
    /// Steps of all processes.
    pub steps: u64,
    /// What was counted until all events were settled.
    pub activity: Activity,
    /// Arrivals beyond the first of each event.
    pub repeats: u32,
    /// Events that were dead-lettered as blocked.
    pub blocked: usize,
    /// Processes.
    pub processes: u32,
    /// The simulated duration of the world.
    pub elapsed: Duration,
}

/// Runs a world. `traced`: its trace is kept.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
pub fn run(plan: &Plan, traced: bool) -> Outcome {
    let gate = Arc::new(IdleGate::new());
    let parks = Arc::clone(&gate);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // What is read on another thread is read in the order in which it was asked for.
        .max_blocking_threads(1)
        .on_thread_park(move || parks.idle())
        .build()
        .expect("a runtime without a driver asks nothing of the system");
    let outcome = runtime.block_on(simulate(plan, Arc::clone(&gate), traced));
    gate.open();
    outcome
}

async fn simulate(plan: &Plan, gate: Arc<IdleGate>, traced: bool) -> Outcome {
    let env = Env::new(plan, gate, traced);
    let _log_capture = tracing::subscriber::set_default(LogCapture(Arc::clone(&env)));
    tokio::spawn(schedule::store_events(Arc::clone(&env)));
    tokio::spawn(schedule::trigger_incidents(Arc::clone(&env)));
    let programs: Vec<_> = (0..plan.programs.max(1))
        .map(|_| tokio::spawn(operate(Arc::clone(&env))))
        .collect();
    let caught_up = catches_up(&env).await;
    let activity = env.faults().activity().clone();
    if caught_up {
        check_quiet(&env).await;
    }
    env.end();
    for program in programs {
        match timeout(SHUTDOWN_TIMEOUT, program).await {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => env.violation(format!("a program panics: {panic}")),
            Err(_) => env.violation("a program does not end when it is told to"),
        }
    }
    if caught_up {
        check_completion(&env);
    }
    let oracle = env.oracle();
    Outcome {
        violations: oracle.violations.clone(),
        trace: env.trace.take(),
        steps: env.faults().activity().steps,
        activity,
        repeats: oracle.repeats(),
        blocked: oracle.blocked_count(),
        processes: env.state().processes,
        elapsed: env.trace.elapsed(),
    }
}

/// Waits until all events are settled; false if that takes too long, or something is wrong before.
async fn catches_up(env: &Arc<Env>) -> bool {
    let last = schedule::last(env);
    let timeout = liveness_timeout(env.plan.route);
    loop {
        sleep(CHECK_INTERVAL).await;
        if !env.oracle().violations.is_empty() {
            return false;
        }
        if env.trace.elapsed() < last {
            continue;
        }
        let unsettled = unsettled(env);
        let fault_free_since = env.faults().fault_free_since();
        if unsettled.is_empty() && Instant::now() >= fault_free_since {
            return true;
        }
        if Instant::now() > fault_free_since + timeout {
            let unsettled = unsettled.join("; ");
            env.violation(format!(
                "{timeout:?} after the last fault there is still: {unsettled}"
            ));
            return false;
        }
    }
}
