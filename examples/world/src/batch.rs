//! Runs many worlds, on as many threads as there are cores. Their number has no influence on what is found.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::plan::Plan;
use crate::run::{Outcome, run};

/// Violations after which no more worlds are started.
const MAX_FAILURES: usize = 20;

/// A world with a violation.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The number of the world in its batch.
    pub number: u64,
    /// What the world was made of.
    pub plan: Plan,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of many worlds.
#[derive(Debug, Default)]
pub struct Batch {
    /// Worlds that ran.
    pub worlds: u64,
    /// Steps in all of them.
    pub steps: u64,
    /// Processes in all of them.
    pub processes: u64,
    /// Repeats in all of them.
    pub repeats: u64,
    /// Events dead-lettered as blocked in all of them.
    pub blocked: u64,
    /// The first worlds with a violation, by their number.
    pub failures: Vec<Failure>,
}

/// Runs `count` worlds. `first`: starts no more after the first violation.
pub fn run_batch(count: u64, first: bool, plan: impl Fn(u64) -> Plan + Sync) -> Batch {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let sum = Mutex::new(Batch::default());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let plan = plan(number);
                    let outcome = run(&plan, false);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.worlds += 1;
                    sum.steps += outcome.steps;
                    sum.processes += u64::from(outcome.processes);
                    sum.repeats += u64::from(outcome.repeats);
                    sum.blocked += outcome.blocked as u64;
                    if !outcome.violations.is_empty() {
                        stop.store(
                            first || sum.failures.len() >= MAX_FAILURES,
                            Ordering::Relaxed,
                        );
                        sum.failures.push(Failure {
                            number,
                            plan,
                            outcome,
                        });
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.failures.sort_by_key(|failure| failure.number);
    sum
}
