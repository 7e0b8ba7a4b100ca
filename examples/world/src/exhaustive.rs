//! A small scenario, in which every fault is tried at every step.

use std::time::Duration;

use crate::batch::{Batch, run_batch};
use crate::fault::{DiskFault, Fault, Framing, Incident, NetFault, Seam};
use crate::fault_injector::Activity;
use crate::gateway::{GatewayAnswer, GatewayBody, GatewayHeader};
use crate::obstacle::{FailureMode, Obstacle, Trigger};
use crate::plan::{Arrival, EventKind, Plan, QueueKind, Route, Settings};
use crate::run::run;

/// The faults of an exchange.
const NET: [NetFault; 11] = [
    NetFault::Delay(Duration::from_secs(20)),
    NetFault::Refused,
    NetFault::ResetBefore,
    NetFault::ResetAfter,
    NetFault::HalfBody,
    NetFault::Stalled,
    NetFault::Silence,
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

/// How a page of Okta may be cut off.
const CUTS: [NetFault; 5] = [
    NetFault::Cut(Framing::Whole),
    NetFault::Cut(Framing::Recounted),
    NetFault::Cut(Framing::Identity),
    NetFault::Cut(Framing::ChunkedBefore),
    NetFault::Cut(Framing::Silent),
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
        events_per_body: 1,
        settings: Settings {
            filter: true,
            ..Settings::default()
        },
        max_latency: Duration::from_millis(10),
        arrivals: kinds.map(|kind| Arrival { at, kind }).to_vec(),
        faults: Vec::new(),
    }
}

/// The scenario with an obstacle on the way to the ingress for all of its time. One event holds the forbidden word; the push routes have
/// several events in a body.
#[must_use]
pub fn blocked(route: Route, obstacle: Obstacle) -> Plan {
    let mut plan = scenario(route);
    plan.arrivals[2].kind = EventKind::Forbidden;
    plan.events_per_body = 3;
    let time = Duration::from_secs(6 * 3600);
    plan.faults = vec![Fault::At(
        Duration::ZERO,
        Incident::Obstacle(obstacle, time),
    )];
    plan
}

/// Every obstacle that fails requests by their content or their size, in every way.
#[must_use]
pub fn obstacles() -> Vec<Obstacle> {
    let triggers = [Trigger::Word, Trigger::Bytes(1_800)];
    let failures = FailureMode::ALL.into_iter();
    failures
        .flat_map(|failure| triggers.map(|trigger| Obstacle { trigger, failure }))
        .collect()
}

/// The same with a FIFO queue.
#[must_use]
pub fn fifo() -> Plan {
    let mut plan = scenario(Route::Sqs);
    plan.queue.fifo = true;
    plan
}

/// What was tried, and what came of it.
#[derive(Debug, Default)]
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

/// Kills the process and cuts the power at every action of these scenarios.
#[must_use]
pub fn crashes(scenarios: &[Plan]) -> Coverage {
    let mut coverage = Coverage::default();
    let mut plans = Vec::new();
    for scenario in scenarios {
        let activity = run(scenario, false).activity;
        coverage.steps += activity.steps;
        coverage.actions += activity.actions.len();
        for power in [false, true] {
            let actions = activity.actions.iter();
            plans.extend(actions.map(|&step| with(scenario, [Fault::Crash { step, power }])));
        }
    }
    coverage.batch = run_all(&plans);
    coverage
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
    Coverage {
        steps: activity.steps,
        actions: activity.actions.len(),
        faults: faults.len(),
        batch: run_all(&plans),
    }
}

fn run_all(plans: &[Plan]) -> Batch {
    run_batch(plans.len() as u64, false, |number| {
        plans[number as usize].clone()
    })
}

/// Every single fault of an exchange or an operation.
fn faults(activity: &Activity) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (&seam, &count) in &activity.exchanges {
        for number in 1..=count {
            faults.extend(NET.map(|fault| Fault::Net(seam, number, fault)));
            match seam {
                Seam::Okta => faults.extend(CUTS.map(|fault| Fault::Net(seam, number, fault))),
                Seam::Push => faults.push(Fault::Net(seam, number, NetFault::HalfRequest)),
                Seam::Ingress | Seam::Queue => {}
            }
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
    let mut plan = plan.clone();
    plan.faults.extend(faults);
    plan
}
