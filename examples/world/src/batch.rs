//! Batch worlds, on as many threads as there are cores. What is found does not depend on their number.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::plan::Plan;
use crate::run::{Outcome, run};

/// A world in which something is wrong.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which of the worlds.
    pub number: u64,
    /// The world.
    pub plan: Plan,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of many worlds.
#[derive(Debug, Default)]
pub struct Batch {
    /// Worlds that ran.
    pub worlds: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Lives of programs in all of them.
    pub processes: u64,
    /// Repeats in all of them.
    pub repeats: u64,
    /// The first ones in which something was wrong, by their number.
    pub found: Vec<Failure>,
}

/// Runs `count` worlds. Begins no more once something was found, if `first` is all that is wanted.
pub fn run_batch(count: u64, first: bool, plan: impl Fn(u64) -> Plan + Sync) -> Batch {
    let next = AtomicU64::new(0);
    let enough = AtomicBool::new(false);
    let sum = Mutex::new(Batch::default());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
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
                    if !outcome.violations.is_empty() {
                        enough.store(first || sum.found.len() >= 20, Ordering::Relaxed);
                        sum.found.push(Failure {
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
    sum.found.sort_by_key(|found| found.number);
    sum
}
