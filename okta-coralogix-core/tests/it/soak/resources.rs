//! What this process takes of the system. Linux; elsewhere nothing is measured.

use std::fs;
use std::sync::{Arc, Mutex};

/// Samples of this process. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(Arc<Mutex<Vec<Sample>>>);

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Kilobytes of memory (`VmRSS`).
    resident: usize,
    /// Open files.
    handles: usize,
}

/// How much more memory may be held at the end than before, in kilobytes: what the allocator keeps differs by so much.
const SLACK: usize = 4 << 10;

impl Sample {
    fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(Self {
            resident: line.split_ascii_whitespace().nth(1)?.parse().ok()?,
            handles: fs::read_dir("/proc/self/fd").ok()?.count(),
        })
    }
}

impl Samples {
    pub(super) fn take(&self) {
        let mut samples = self.0.lock().expect("nobody panicked");
        samples.extend(Sample::now());
    }

    /// The last quarter holds no more than the second. In the first one windows and buffers fill up.
    pub(super) fn assert_flat(&self) {
        let samples = self.0.lock().expect("nobody panicked");
        if samples.is_empty() {
            println!("there is no /proc here: memory and handles were not measured");
            return;
        }
        let quarter = samples.len() / 4;
        let most = |samples: &[Sample]| {
            let resident = samples.iter().map(|one| one.resident).max();
            let handles = samples.iter().map(|one| one.handles).max();
            (resident.unwrap_or(0), handles.unwrap_or(0))
        };
        let second = most(&samples[quarter..2 * quarter]);
        let last = most(&samples[3 * quarter..]);
        println!(
            "{} samples of memory in KB and handles: at most {second:?} in the second quarter, {last:?} in the last",
            samples.len()
        );
        assert!(last.0 <= second.0 + second.0 / 10 + SLACK, "memory grows");
        assert!(last.1 <= second.1, "handles grow");
    }
}
