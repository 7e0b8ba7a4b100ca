//! Many events through the programs: what they take of memory and file handles stays as it is after the first quarter.
//!
//! The short runs are among the tests. The long ones, of a million events, are asked for by name (CONTRIBUTING.md).

mod eventbridge_http;
mod pull;

use std::collections::HashSet;

use crate::limits::Sample;

/// What a program took, from time to time.
#[derive(Debug, Default)]
struct Samples(Vec<Sample>);

/// How much more memory may be held at the end than before, in kilobytes: what the allocator keeps differs by so much.
const SLACK: usize = 8 << 10;

/// The most file handles: sockets of both sides, files, what the runtime has.
const HANDLES: usize = 64;

impl Samples {
    fn take(&mut self, process: u32) {
        self.0.extend(Sample::of(process));
    }

    /// The most memory and handles of the second and of the last quarter. The first is left out: caches and windows fill up.
    fn quarters(&self) -> [Sample; 2] {
        let quarter = self.0.len() / 4;
        assert!(quarter > 0, "too few samples: {self:?}");
        let most = |samples: &[Sample]| Sample {
            resident: samples.iter().map(|one| one.resident).max().unwrap(),
            most: samples.iter().map(|one| one.most).max().unwrap(),
            handles: samples.iter().map(|one| one.handles).max().unwrap(),
        };
        [
            most(&self.0[quarter..2 * quarter]),
            most(&self.0[3 * quarter..]),
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
            last.handles <= second.handles.max(HANDLES / 2) && last.handles <= HANDLES,
            "handles grow: {second:?}, then {last:?}"
        );
    }
}

/// The uuids that arrived, against those that were made; nothing else of them is kept.
#[derive(Debug, Default)]
struct Account {
    made: HashSet<u128>,
}

impl Account {
    fn make(&mut self, uuid: &str) {
        assert!(self.made.insert(number(uuid)), "made twice: {uuid}");
    }

    /// All that were made are among `arrived`, once each.
    fn assert_all_once<'a>(mut self, arrived: impl Iterator<Item = &'a str>) {
        for uuid in arrived {
            assert!(self.made.remove(&number(uuid)), "{uuid} came twice");
        }
        assert_eq!(self.made.len(), 0, "lost");
    }
}

fn number(uuid: &str) -> u128 {
    u128::from_str_radix(&uuid.replace('-', ""), 16).unwrap()
}
