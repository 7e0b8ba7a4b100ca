//! A small scenario, in which everything is tried.

use std::time::Duration;

use crate::many::{Many, many};
use crate::plan::{
    Arrival, DiskFault, Kind, NetFault, Plan, QueueKind, Route, Seam, Settings, Trouble,
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
    NetFault::Twice,
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
    let mut kinds = vec![Kind::Fresh; 12];
    kinds[5] = Kind::Timeless;
    kinds[10] = Kind::Noise;
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
        troubles: Vec::new(),
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
pub fn faults(busy: &Busy) -> Vec<Trouble> {
    let mut faults = Vec::new();
    for &(seam, count) in &busy.exchanges {
        for number in 1..=count {
            faults.extend(NET.map(|fault| Trouble::Net(seam, number, fault)));
        }
    }
    for number in 1..=busy.operations {
        faults.extend(DISK.map(|fault| Trouble::Disk(number, fault)));
    }
    faults
}

/// How much there was to try, and what came of it.
#[derive(Debug)]
pub struct Tried {
    /// Steps of the scenario, without any fault.
    pub steps: u64,
    /// Those that are deeds: something outside the program may come of them.
    pub deeds: usize,
    /// Single faults.
    pub faults: usize,
    /// All that ran.
    pub many: Many,
}

/// Kills the program at every step, and takes the power away at every step; and tries each single fault, without any crash.
#[must_use]
pub fn one_by_one(scenario: &Plan) -> Tried {
    tried(scenario, false)
}

/// Kills the program at every step, and takes the power away at every step. With each single fault in the scenario it does one or the
/// other at every deed. (Between two deeds nothing changes outside the program, so that it is the same which turn is its last.)
#[must_use]
pub fn everything(scenario: &Plan) -> Tried {
    tried(scenario, true)
}

fn tried(clean: &Plan, together: bool) -> Tried {
    let busy = run(clean, false).busy;
    let faults = faults(&busy);
    let mut plans = Vec::new();
    for power in [false, true] {
        for step in 1..=busy.steps {
            plans.push(with(clean, [Trouble::Crash { step, power }]));
        }
    }
    let worlds: Vec<_> = faults.iter().map(|fault| with(clean, [*fault])).collect();
    let alone: Vec<_> = worlds
        .iter()
        .map(|plan| run(plan, false).busy.deeds)
        .collect();
    for (number, (fault, deeds)) in faults.iter().zip(&alone).enumerate() {
        plans.push(with(clean, [*fault]));
        for (place, &step) in deeds.iter().enumerate().filter(|_| together) {
            let power = (place + number).is_multiple_of(2);
            plans.push(with(clean, [*fault, Trouble::Crash { step, power }]));
        }
    }
    let many = many(plans.len() as u64, false, |number| {
        plans[number as usize].clone()
    });
    Tried {
        steps: busy.steps,
        deeds: busy.deeds.len(),
        faults: faults.len(),
        many,
    }
}

fn with<const N: usize>(plan: &Plan, troubles: [Trouble; N]) -> Plan {
    Plan {
        troubles: troubles.to_vec(),
        ..plan.clone()
    }
}

/// The seams that a route passes.
#[must_use]
pub fn seams(route: Route) -> &'static [Seam] {
    match route {
        Route::Pull => &[Seam::Okta, Seam::Ingress],
        Route::Http => &[Seam::Door, Seam::Ingress],
        Route::Sqs => &[Seam::Queue, Seam::Ingress],
    }
}
