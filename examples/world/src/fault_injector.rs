//! Counts steps, exchanges and disk operations, and injects the faults that are planned for them.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::fault::{DiskFault, Fault, NetFault, Seam};
use crate::gateway::GatewayAnswer;
use crate::obstacle::{Content, Obstacle};
use crate::plan::Plan;

/// How long after a fault its consequences may last before the world counts as free of faults.
const RECOVERY_TIME: Duration = Duration::from_secs(60);

/// How long a refused credential takes on top: until the next poll, and its rest.
const REFUSAL_TIME: Duration = Duration::from_secs(120);

/// How long an entry that has failed alone may rest.
const SUSPECT_REST: Duration = Duration::from_secs(300);

/// What was counted in a world: each of it is a place for a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Steps.
    pub steps: u64,
    /// Those of them that are actions: they may have an effect outside the program.
    pub actions: Vec<u64>,
    /// Exchanges at each seam.
    pub exchanges: BTreeMap<Seam, u64>,
    /// Operations on the disk.
    pub operations: u64,
}

/// The faults that are still to come, what was counted, and when the last fault was.
#[derive(Debug)]
pub(crate) struct FaultInjector {
    rng: Rng,
    max_latency: u64,
    net: BTreeMap<(Seam, u64), NetFault>,
    disk: BTreeMap<u64, DiskFault>,
    crashes: BTreeMap<u64, bool>,
    outages: BTreeMap<Seam, Instant>,
    gateways: BTreeMap<Seam, (GatewayAnswer, Instant)>,
    refusals: BTreeMap<Seam, (u16, Instant)>,
    obstacles: Vec<(Obstacle, Instant)>,
    disk_full_until: Instant,
    no_descriptors_until: Instant,
    activity: Activity,
    fault_free_since: Instant,
}

impl FaultInjector {
    pub(crate) fn new(plan: &Plan) -> Self {
        let now = Instant::now();
        let mut faults = Self {
            rng: Rng::with_seed(plan.seed),
            max_latency: (plan.max_latency.as_millis() as u64).max(1),
            net: BTreeMap::new(),
            disk: BTreeMap::new(),
            crashes: BTreeMap::new(),
            outages: BTreeMap::new(),
            gateways: BTreeMap::new(),
            refusals: BTreeMap::new(),
            obstacles: Vec::new(),
            disk_full_until: now,
            no_descriptors_until: now,
            activity: Activity::default(),
            fault_free_since: now,
        };
        for fault in &plan.faults {
            match *fault {
                Fault::Crash { step, power } => {
                    faults.crashes.insert(step, power);
                }
                Fault::Net(seam, number, fault) => {
                    faults.net.insert((seam, number), fault);
                }
                Fault::Disk(number, fault) => {
                    faults.disk.insert(number, fault);
                }
                Fault::At(..) => {}
            }
        }
        faults
    }

    /// Counts a step and returns its number. An action may have an effect outside the program.
    pub(crate) fn next_step(&mut self, action: bool) -> u64 {
        self.activity.steps += 1;
        if action {
            self.activity.actions.push(self.activity.steps);
        }
        self.activity.steps
    }

    /// Whether the process is killed at a step, and if so whether the power goes.
    pub(crate) fn crash(&mut self, step: u64) -> Option<bool> {
        let crash = self.crashes.remove(&step);
        if crash.is_some() {
            self.mark_fault(Duration::ZERO);
        }
        crash
    }

    /// Counts an exchange and returns its fault.
    pub(crate) fn net_fault(&mut self, seam: Seam) -> Option<NetFault> {
        let number = self.activity.exchanges.entry(seam).or_default();
        *number += 1;
        let planned = self.net.remove(&(seam, *number));
        match planned {
            None => {}
            Some(NetFault::Delay(time) | NetFault::Late(time) | NetFault::Slow(time)) => {
                self.mark_fault(time);
            }
            Some(_) => self.mark_fault(RECOVERY_TIME),
        }
        let now = Instant::now();
        let outage = self.outages.get(&seam);
        let outage = outage.is_some_and(|until| now < *until);
        let gateway = self.gateways.get(&seam).filter(|(_, until)| now < *until);
        let gateway = gateway.map(|(answer, _)| NetFault::Gateway(*answer));
        planned.or(outage.then_some(NetFault::Refused)).or(gateway)
    }

    /// True if an obstacle stands on the way to the ingress now.
    pub(crate) fn has_obstacle(&mut self) -> bool {
        let now = Instant::now();
        self.obstacles.retain(|(_, until)| now < *until);
        !self.obstacles.is_empty()
    }

    /// What an obstacle does to a request to the ingress.
    pub(crate) fn obstacle(&mut self, content: &Content) -> Option<NetFault> {
        let dice = self.rng.u8(..100);
        let mut faults = self.obstacles.iter();
        faults.find_map(|(obstacle, _)| obstacle.fault(content, dice))
    }

    /// Faults that are planned and have not come yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.net.len() + self.disk.len() + self.crashes.len()
    }

    /// The status with which the service itself refuses every credential now.
    pub(crate) fn refusal(&self, seam: Seam) -> Option<u16> {
        let (status, until) = self.refusals.get(&seam)?;
        (Instant::now() < *until).then_some(*status)
    }

    /// Counts a disk operation and returns its fault. `opens`: it opens a file.
    pub(crate) fn disk_fault(&mut self, writes: bool, opens: bool) -> Option<DiskFault> {
        self.activity.operations += 1;
        let planned = self.disk.remove(&self.activity.operations);
        if planned.is_some() {
            self.mark_fault(RECOVERY_TIME);
        }
        let now = Instant::now();
        let full = writes && now < self.disk_full_until;
        let no_descriptor = opens && now < self.no_descriptors_until;
        planned
            .or(full.then_some(DiskFault::Full))
            .or(no_descriptor.then_some(DiskFault::NoDescriptor))
    }

    /// The latency of an exchange in one direction.
    pub(crate) fn latency(&mut self) -> Duration {
        Duration::from_millis(self.rng.u64(1..=self.max_latency))
    }

    /// The random numbers that decide what a power cut leaves.
    pub(crate) fn power_cut_rng(&mut self) -> Rng {
        self.rng.fork()
    }

    pub(crate) fn begin_outage(&mut self, seam: Seam, time: Duration) {
        self.outages.insert(seam, Instant::now() + time);
        self.mark_fault(time + RECOVERY_TIME);
    }

    pub(crate) fn begin_gateway(&mut self, seam: Seam, answer: GatewayAnswer, time: Duration) {
        self.gateways.insert(seam, (answer, Instant::now() + time));
        // Between requests that are answered oddly although checks are not, the program rests for twice as long each time.
        let rest = match answer.spares_checks {
            true => time + RECOVERY_TIME,
            false => Duration::ZERO,
        };
        self.mark_fault(time + rest + RECOVERY_TIME);
    }

    /// `forbidden`: so many events hold the word that an obstacle may look for.
    pub(crate) fn begin_obstacle(&mut self, obstacle: Obstacle, time: Duration, forbidden: usize) {
        self.obstacles.push((obstacle, Instant::now() + time));
        let ends = time + SUSPECT_REST;
        let held_up = obstacle.holds_up_to(forbidden);
        self.mark_fault(held_up.map_or(ends, |held_up| held_up.min(ends)) + RECOVERY_TIME);
    }

    pub(crate) fn begin_refusal(&mut self, seam: Seam, status: u16, time: Duration) {
        self.refusals.insert(seam, (status, Instant::now() + time));
        self.mark_fault(time + REFUSAL_TIME + RECOVERY_TIME);
    }

    pub(crate) fn use_up_descriptors(&mut self, time: Duration) {
        self.no_descriptors_until = Instant::now() + time;
        self.mark_fault(time + RECOVERY_TIME);
    }

    pub(crate) fn fill_disk(&mut self, time: Duration) {
        self.disk_full_until = Instant::now() + time;
        self.mark_fault(time + RECOVERY_TIME);
    }

    /// An incident has begun.
    pub(crate) fn mark_incident(&mut self) {
        self.mark_fault(RECOVERY_TIME);
    }

    /// A credential is not accepted any more.
    pub(crate) fn mark_rotation(&mut self) {
        self.mark_fault(REFUSAL_TIME + RECOVERY_TIME);
    }

    /// What a program has reported is repaired this long from now.
    pub(crate) fn mark_repair(&mut self, delay: Duration) {
        self.mark_fault(delay + RECOVERY_TIME);
    }

    /// A fault lasts for this long from now.
    pub(crate) fn mark_fault(&mut self, time: Duration) {
        self.fault_free_since = self.fault_free_since.max(Instant::now() + time);
    }

    /// When the last fault ended, or will end.
    pub(crate) fn fault_free_since(&self) -> Instant {
        self.fault_free_since
    }

    /// What was counted so far.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }
}
