//! Faults that wait for the exchange, the operation or the step that they are meant for.

use std::collections::BTreeMap;

use crate::plan::{DiskFault, Fault, NetFault, Plan, Seam};

/// The faults of a plan that are not bound to a time, and how many exchanges there were at each seam.
#[derive(Debug, Default)]
pub(crate) struct FaultInjector {
    net: BTreeMap<(Seam, u64), NetFault>,
    disk: BTreeMap<u64, DiskFault>,
    crashes: BTreeMap<u64, bool>,
    exchanges: BTreeMap<Seam, u64>,
    operations: u64,
    steps: u64,
    /// The steps that are no turns.
    actions: Vec<u64>,
}

impl FaultInjector {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut faults = Self::default();
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

    /// The fault of one more exchange.
    pub(crate) fn exchange(&mut self, seam: Seam) -> Option<NetFault> {
        let number = self.exchanges.entry(seam).or_default();
        *number += 1;
        self.net.remove(&(seam, *number))
    }

    /// The fault of one more operation.
    pub(crate) fn operation(&mut self) -> Option<DiskFault> {
        self.operations += 1;
        self.disk.remove(&self.operations)
    }

    /// One more step; `action`: something outside the program may come of it.
    pub(crate) fn step(&mut self, action: bool) -> u64 {
        self.steps += 1;
        if action {
            self.actions.push(self.steps);
        }
        self.steps
    }

    pub(crate) fn actions(&self) -> &[u64] {
        &self.actions
    }

    /// Whether the program dies at a step, and the machine with it.
    pub(crate) fn crash(&mut self, step: u64) -> Option<bool> {
        self.crashes.remove(&step)
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations
    }

    pub(crate) fn exchanges(&self, seam: Seam) -> u64 {
        self.exchanges.get(&seam).copied().unwrap_or(0)
    }
}
