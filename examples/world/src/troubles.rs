//! Faults that wait for the exchange, the operation or the step that they are meant for.

use std::collections::BTreeMap;

use crate::plan::{DiskFault, NetFault, Plan, Seam, Trouble};

/// The faults of a plan that are not bound to a time, and how many exchanges there were at each seam.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    net: BTreeMap<(Seam, u64), NetFault>,
    disk: BTreeMap<u64, DiskFault>,
    crashes: BTreeMap<u64, bool>,
    exchanges: BTreeMap<Seam, u64>,
    operations: u64,
    steps: u64,
    /// The steps that are no turns.
    deeds: Vec<u64>,
}

impl Troubles {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut troubles = Self::default();
        for trouble in &plan.troubles {
            match *trouble {
                Trouble::Crash { step, power } => {
                    troubles.crashes.insert(step, power);
                }
                Trouble::Net(seam, number, fault) => {
                    troubles.net.insert((seam, number), fault);
                }
                Trouble::Disk(number, fault) => {
                    troubles.disk.insert(number, fault);
                }
                Trouble::At(..) => {}
            }
        }
        troubles
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

    /// One more step; `deed`: something outside the program may come of it.
    pub(crate) fn step(&mut self, deed: bool) -> u64 {
        self.steps += 1;
        if deed {
            self.deeds.push(self.steps);
        }
        self.steps
    }

    pub(crate) fn deeds(&self) -> &[u64] {
        &self.deeds
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
