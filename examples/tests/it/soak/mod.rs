//! Many events through the programs: memory and file handles stay flat after the first quarter.
//!
//! The short runs are among the tests. The long ones, of a million events, are run by name (CONTRIBUTING.md).

mod eventbridge_http;
mod pull;

use std::collections::HashSet;

use crate::limits::Sample;

/// Samples of a program's memory and handles.
#[derive(Debug, Default)]
struct Samples(Vec<Sample>);

/// Kilobytes by which memory may grow: the allocator's own reserve varies that much.
const SLACK: usize = 8 << 10;

/// File handles: sockets of both sides, files, those of the runtime.
const MAX_HANDLES: usize = 64;

impl Samples {
    fn take(&mut self, process: u32) {
        self.0.extend(Sample::of(process));
    }

    /// The peak memory and handles of the second and of the last quarter. The first is left out: caches and windows fill up.
    fn quarters(&self) -> [Sample; 2] {
        let quarter = self.0.len() / 4;
        assert!(quarter > 0, "too few samples: {self:?}");
        let peak = |samples: &[Sample]| Sample {
            resident: samples.iter().map(|one| one.resident).max().unwrap(),
            peak: samples.iter().map(|one| one.peak).max().unwrap(),
            handles: samples.iter().map(|one| one.handles).max().unwrap(),
        };
        [
            peak(&self.0[quarter..2 * quarter]),
            peak(&self.0[3 * quarter..]),
        ]
    }

    fn assert_flat(&self, what: &str) {
        let [second, last] = self.quarters();
        println!(
            "{what}: {} samples, second quarter {second:?}, last {last:?}",
            self.0.len()
        );
        assert!(
            last.resident <= second.resident + second.resident / 10 + SLACK,
            "memory grows: {second:?}, then {last:?}"
        );
        assert!(
            last.handles <= second.handles.max(MAX_HANDLES / 2) && last.handles <= MAX_HANDLES,
            "handles grow: {second:?}, then {last:?}"
        );
    }
}

/// The UUIDs that were generated, to compare with those that arrived.
#[derive(Debug, Default)]
struct Generated {
    uuids: HashSet<u128>,
}

impl Generated {
    fn add(&mut self, uuid: &str) {
        assert!(self.uuids.insert(number(uuid)), "generated twice: {uuid}");
    }

    /// All that were generated are among `arrived`, once each.
    fn assert_all_once<'a>(mut self, arrived: impl Iterator<Item = &'a str>) {
        for uuid in arrived {
            assert!(self.uuids.remove(&number(uuid)), "{uuid} came twice");
        }
        assert_eq!(self.uuids.len(), 0, "lost");
    }
}

fn number(uuid: &str) -> u128 {
    u128::from_str_radix(&uuid.replace('-', ""), 16).unwrap()
}
