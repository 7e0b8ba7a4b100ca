//! What criterion left behind: a folder per bench, with its name and its estimates.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Nanoseconds per byte or per element, by group, bench and round.
#[derive(Debug, Default)]
pub(crate) struct Estimates(BTreeMap<String, BTreeMap<String, BTreeMap<u32, f64>>>);

/// `new/benchmark.json`.
#[derive(Debug, Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<BTreeMap<String, u64>>,
}

/// `new/estimates.json`.
#[derive(Debug, Deserialize)]
struct Estimate {
    median: Point,
}

#[derive(Debug, Deserialize)]
struct Point {
    point_estimate: f64,
}

impl Estimates {
    /// Everything below `folder`; nothing if it is not there.
    pub(crate) fn read(&mut self, folder: &Path) -> Result<(), String> {
        let Ok(children) = fs::read_dir(folder) else {
            return Ok(());
        };
        for child in children {
            let child = child.map_err(|error| error.to_string())?.path();
            if !child.is_dir() {
                continue;
            }
            if child.file_name().is_some_and(|name| name == "new") {
                self.take(
                    &json(&child.join("benchmark.json"))?,
                    &json(&child.join("estimates.json"))?,
                );
            } else {
                self.read(&child)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, benchmark: &Benchmark, estimate: &Estimate) {
        let per = benchmark
            .throughput
            .as_ref()
            .and_then(|by| by.values().next());
        let time = estimate.median.point_estimate / *per.unwrap_or(&1) as f64;
        // A bench without rounds has one.
        let round = benchmark
            .value_str
            .as_deref()
            .and_then(|round| round.parse().ok());
        let name = benchmark.function_id.clone().unwrap_or_default();
        let group = self.0.entry(benchmark.group_id.clone()).or_default();
        group
            .entry(name)
            .or_default()
            .insert(round.unwrap_or(1), time);
    }

    /// The benches of a group.
    pub(crate) fn names(&self, group: &str) -> Vec<&str> {
        let group = self.0.get(group);
        group
            .into_iter()
            .flatten()
            .map(|(name, _)| &**name)
            .collect()
    }

    /// How many times as long `slow` takes as `fast`, per element or byte: compared within each round.
    pub(crate) fn ratio(&self, group: &str, slow: &str, fast: &str) -> Option<Ratio> {
        self.ratio_between((group, slow), (group, fast))
    }

    /// The same for benches of two groups.
    pub(crate) fn ratio_between(&self, slow: (&str, &str), fast: (&str, &str)) -> Option<Ratio> {
        let slow = self.0.get(slow.0)?.get(slow.1)?;
        let fast = self.0.get(fast.0)?.get(fast.1)?;
        let ratios = slow
            .iter()
            .filter_map(|(round, slow)| Some(slow / fast.get(round)?));
        Ratio::of(ratios.collect())
    }
}

/// The middle of the rounds, and the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Ratio {
    fn of(mut rounds: Vec<f64>) -> Option<Self> {
        rounds.sort_by(f64::total_cmp);
        let middle = rounds.len() / 2;
        let median = if rounds.len() % 2 == 1 {
            *rounds.get(middle)?
        } else {
            (rounds.get(middle.checked_sub(1)?)? + rounds.get(middle)?) / 2.0
        };
        Some(Self {
            median,
            least: *rounds.first()?,
            most: *rounds.last()?,
        })
    }
}

/// A file of criterion, or of the benches.
pub(crate) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(estimates: &mut Estimates, name: &str, round: &str, time: f64) {
        let benchmark = Benchmark {
            group_id: "g".into(),
            function_id: Some(name.into()),
            value_str: Some(round.into()),
            throughput: Some(BTreeMap::from([("Elements".into(), 10)])),
        };
        let median = Point {
            point_estimate: time,
        };
        estimates.take(&benchmark, &Estimate { median });
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut estimates = Estimates::default();
        for (round, slow, fast) in [("1", 40.0, 10.0), ("2", 90.0, 30.0), ("3", 50.0, 10.0)] {
            taken(&mut estimates, "slow", round, slow);
            taken(&mut estimates, "fast", round, fast);
        }
        let ratio = estimates.ratio("g", "slow", "fast").unwrap();
        assert_eq!((ratio.least, ratio.median, ratio.most), (3.0, 4.0, 5.0));
        assert_eq!(estimates.ratio("g", "slow", "none"), None);
    }
}
