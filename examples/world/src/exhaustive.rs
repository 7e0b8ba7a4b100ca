//! A small scenario, in which everything is tried.

use std::time::Duration;

use crate::batch::{Batch, run_batch};
use crate::plan::{
    Arrival, DiskFault, EventKind, Fault, NetFault, Plan, QueueKind, Route, Seam, Settings,
};
use crate::run::{Busy, run};

const SECOND: Duration = Duration::from_secs(1);

/// What may happen to an exchange.
const NET: [NetFault; 11] = [
    NetFault::Delay(Duration::from_secs(20)),
    NetFault::Refused,
    NetFault::ResetBefore,
    NetFault::ResetAfter,
    NetFault::HalfBody,
    NetFault::Stalled,
    NetFault::Duplicated,
    NetFault::Late(SECOND),
    NetFault::Status(500),
    NetFault::Status(429),
    NetFault::Html,
];

/// What may happen to an operation on the disk.
const DISK: [DiskFault; 5] = [
    DiskFault::Full,
    DiskFault::ReadOnly,
    DiskFault::Fails,
    DiskFault::FailsAfter,
    DiskFault::Slow(Duration::from_secs(20)),
];

/// Three pages of four events, two requests each; two of the events belong into the dead letters.
#[must_use]
pub fn scenario(route: Route) -> Plan {
    let mut kinds = vec![EventKind::Fresh; 12];
    kinds[5] = EventKind::NoTime;
    kinds[10] = EventKind::Noise;
    Plan {
        seed: 7,
        route,
        queue: QueueKind::default(),
        programs: 1,
        settings: Settings {
            filter: true,
            ..Settings::default()
        },
        latency: Duration::from_millis(10),
        arrivals: kinds
            .into_iter()
            .map(|kind| Arrival {
                at: Duration::ZERO,
                kind,
            })
            .collect(),
        faults: Vec::new(),
    }
}

/// The same with a FIFO queue.
#[must_use]
pub fn fifo() -> Plan {
    let queue = QueueKind {
        fifo: true,
        ..QueueKind::default()
    };
    Plan {
        queue,
        ..scenario(Route::Sqs)
    }
}

/// Every single fault that can meet the scenario.
#[must_use]
pub fn faults(busy: &Busy) -> Vec<Fault> {
    let mut faults = Vec::new();
    for &(seam, count) in &busy.exchanges {
        for number in 1..=count {
            faults.extend(NET.map(|fault| Fault::Net(seam, number, fault)));
        }
    }
    for number in 1..=busy.operations {
        faults.extend(DISK.map(|fault| Fault::Disk(number, fault)));
    }
    faults
}

/// How much there was to try, and what came of it.
#[derive(Debug)]
pub struct Coverage {
    /// Steps of the scenario, without any fault.
    pub steps: u64,
    /// Those that are actions: something outside the program may come of them.
    pub actions: usize,
    /// Single faults.
    pub faults: usize,
    /// All that ran.
    pub batch: Batch,
}

/// Kills the program at every step, and takes the power away at every step; and tries each single fault, without any crash.
#[must_use]
pub fn single_faults(scenario: &Plan) -> Coverage {
    tried(scenario, false)
}

/// Kills the program at every step, and takes the power away at every step. With each single fault in the scenario it does one or the
/// other at every action. (Between two actions nothing changes outside the program, so that it is the same which turn is its last.)
#[must_use]
pub fn faults_with_crashes(scenario: &Plan) -> Coverage {
    tried(scenario, true)
}

fn tried(clean: &Plan, together: bool) -> Coverage {
    let busy = run(clean, false).busy;
    let faults = faults(&busy);
    let mut plans = Vec::new();
    for power in [false, true] {
        for step in 1..=busy.steps {
            plans.push(with(clean, [Fault::Crash { step, power }]));
        }
    }
    let worlds: Vec<_> = faults.iter().map(|fault| with(clean, [*fault])).collect();
    let alone: Vec<_> = worlds
        .iter()
        .map(|plan| run(plan, false).busy.actions)
        .collect();
    for (number, (fault, actions)) in faults.iter().zip(&alone).enumerate() {
        plans.push(with(clean, [*fault]));
        for (index, &step) in actions.iter().enumerate().filter(|_| together) {
            let power = (index + number).is_multiple_of(2);
            plans.push(with(clean, [*fault, Fault::Crash { step, power }]));
        }
    }
    let batch = run_batch(plans.len() as u64, false, |number| {
        plans[number as usize].clone()
    });
    Coverage {
        steps: busy.steps,
        actions: busy.actions.len(),
        faults: faults.len(),
        batch,
    }
}

fn with<const N: usize>(plan: &Plan, faults: [Fault; N]) -> Plan {
    Plan {
        faults: faults.to_vec(),
        ..plan.clone()
    }
}

/// The seams that a route passes.
#[must_use]
pub fn seams(route: Route) -> &'static [Seam] {
    match route {
        Route::Pull => &[Seam::Okta, Seam::Ingress],
        Route::Http => &[Seam::Push, Seam::Ingress],
        Route::Sqs => &[Seam::Queue, Seam::Ingress],
    }
}
