//! A small scenario, in which every fault is tried at every step.

use std::time::Duration;

use crate::batch::{Batch, run_batch};
use crate::fault::{DiskFault, Fault, NetFault, Seam};
use crate::fault_injector::Activity;
use crate::gateway::{GatewayAnswer, GatewayBody, GatewayHeader};
use crate::plan::{Arrival, EventKind, Plan, QueueKind, Route, Settings};
use crate::run::run;

/// The faults of an exchange.
const NET: [NetFault; 10] = [
    NetFault::Delay(Duration::from_secs(20)),
    NetFault::Refused,
    NetFault::ResetBefore,
    NetFault::ResetAfter,
    NetFault::HalfBody,
    NetFault::Stalled,
    NetFault::Duplicated,
    NetFault::Late(Duration::from_secs(1)),
    NetFault::Status(500),
    NetFault::Status(429),
];

/// The answers of a gateway in the place of Okta or the ingress.
const GATEWAY: [GatewayAnswer; 8] = [
    GatewayAnswer::SIGN_IN_PAGE,
    GatewayAnswer::SIGN_IN_PAGE.passed_on(),
    GatewayAnswer::new(403, GatewayBody::Xhtml).with(GatewayHeader::Date(-2 * 24 * 3600)),
    GatewayAnswer::new(401, GatewayBody::Empty),
    GatewayAnswer::new(302, GatewayBody::Empty),
    GatewayAnswer::new(203, GatewayBody::Json).passed_on(),
    GatewayAnswer::new(402, GatewayBody::Json),
    GatewayAnswer::new(429, GatewayBody::Html).with(GatewayHeader::RetryAfter(0)),
];

/// The faults of an operation on the disk.
const DISK: [DiskFault; 6] = [
    DiskFault::Full,
    DiskFault::ReadOnly,
    DiskFault::Fails,
    DiskFault::FailsAfter,
    DiskFault::Slow(Duration::from_secs(20)),
    DiskFault::NoDescriptor,
];

/// Three pages of four events, in two requests each. One event ends in the dead letters, one is filtered out.
#[must_use]
pub fn scenario(route: Route) -> Plan {
    let mut kinds = [EventKind::Fresh; 12];
    kinds[5] = EventKind::NoTime;
    kinds[10] = EventKind::Noise;
    let at = Duration::ZERO;
    Plan {
        seed: 7,
        route,
        queue: QueueKind::default(),
        programs: 1,
        settings: Settings {
            filter: true,
            ..Settings::default()
        },
        max_latency: Duration::from_millis(10),
        arrivals: kinds.map(|kind| Arrival { at, kind }).to_vec(),
        faults: Vec::new(),
    }
}

/// The same with a FIFO queue.
#[must_use]
pub fn fifo() -> Plan {
    let mut plan = scenario(Route::Sqs);
    plan.queue.fifo = true;
    plan
}

/// What was tried, and what came of it.
#[derive(Debug)]
pub struct Coverage {
    /// Steps of the scenario without a fault.
    pub steps: u64,
    /// Those of them that are actions.
    pub actions: usize,
    /// Single faults.
    pub faults: usize,
    /// The worlds that ran.
    pub batch: Batch,
}

/// Kills the process at every step, cuts the power at every step, and tries each single fault without a crash.
#[must_use]
pub fn single_faults(scenario: &Plan) -> Coverage {
    try_all(scenario, false)
}

/// The same, and with each single fault a kill or a power cut at every action. (Nothing outside the program changes between two
/// actions, so that it does not matter at which of the polls between them the process ends.)
#[must_use]
pub fn faults_with_crashes(scenario: &Plan) -> Coverage {
    try_all(scenario, true)
}

fn try_all(scenario: &Plan, with_crashes: bool) -> Coverage {
    let activity = run(scenario, false).activity;
    let mut plans = Vec::new();
    for power in [false, true] {
        for step in 1..=activity.steps {
            plans.push(with(scenario, [Fault::Crash { step, power }]));
        }
    }
    let faults = faults(&activity);
    for (number, &fault) in faults.iter().enumerate() {
        let alone = with(scenario, [fault]);
        plans.push(alone.clone());
        if with_crashes {
            let actions = run(&alone, false).activity.actions;
            plans.extend(actions.iter().enumerate().map(|(place, &step)| {
                let power = (place + number).is_multiple_of(2);
                with(scenario, [fault, Fault::Crash { step, power }])
            }));
        }
    }
    let batch = run_batch(plans.len() as u64, false, |number| {
        plans[number as usize].clone()
    });
    Coverage {
        steps: activity.steps,
        actions: activity.actions.len(),
        faults: faults.len(),
        batch,
    }
}

/// Every single fault of an exchange or an operation.
fn faults(activity: &Activity) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (&seam, &count) in &activity.exchanges {
        for number in 1..=count {
            faults.extend(NET.map(|fault| Fault::Net(seam, number, fault)));
            if matches!(seam, Seam::Okta | Seam::Ingress) {
                let answers = GATEWAY.map(NetFault::Gateway);
                faults.extend(answers.map(|fault| Fault::Net(seam, number, fault)));
            }
        }
    }
    for number in 1..=activity.operations {
        faults.extend(DISK.map(|fault| Fault::Disk(number, fault)));
    }
    faults
}

fn with<const N: usize>(plan: &Plan, faults: [Fault; N]) -> Plan {
    Plan {
        faults: faults.to_vec(),
        ..plan.clone()
    }
}
