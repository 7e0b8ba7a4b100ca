//! Everything that is shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::estimates::{Estimates, Ratio, json};

pub(crate) const OURS: &str = "okta-coralogix";
pub(crate) const NAIVE: &str = "serde_json::Value";
pub(crate) const FORMS: [&str; 2] = ["embedded", "escaped"];

/// What both workspaces' benches left behind.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) estimates: Estimates,
    /// Allocations per event, by group and peer.
    pub(crate) allocations: BTreeMap<String, BTreeMap<String, f64>>,
    /// Whether a peer refuses what is no JSON.
    pub(crate) refuses: BTreeMap<String, bool>,
    /// How many times smaller a body gets, by compressor.
    pub(crate) compression: BTreeMap<String, f64>,
}

impl Figures {
    pub(crate) fn read(benches: &Path) -> Result<Self, String> {
        let peers = target(&benches.join("peers/Cargo.toml"))?.join("criterion");
        let own = target(&benches.join("Cargo.toml"))?.join("criterion");
        let mut estimates = Estimates::default();
        estimates.read(&peers)?;
        if own != peers {
            estimates.read(&own)?;
        }
        let figures = Self {
            estimates,
            allocations: json(&peers.join("peers-allocations.json")).unwrap_or_default(),
            refuses: json(&peers.join("peers-refuses.json")).unwrap_or_default(),
            compression: json(&peers.join("peers-compression.json")).unwrap_or_default(),
        };
        if figures.peers("page", "embedded").is_empty() {
            let first = "cargo bench --manifest-path benches/peers/Cargo.toml";
            return Err(format!("there are no figures yet; run this first: {first}"));
        }
        Ok(figures)
    }

    /// The peers of a group with their speed, as a multiple of the naive one: the fastest first.
    pub(crate) fn peers(&self, what: &str, form: &str) -> Vec<(&str, Ratio)> {
        let group = format!("peers_{what}_{form}");
        let names = self.estimates.names(&group).into_iter();
        let mut peers: Vec<_> = names
            .filter_map(|name| Some((name, self.estimates.ratio(&group, NAIVE, name)?)))
            .collect();
        peers.sort_by(|a, b| b.1.median.total_cmp(&a.1.median));
        peers
    }

    /// How many times as fast ours is as the peer.
    pub(crate) fn ours_against(&self, peer: &str, what: &str, form: &str) -> Option<Ratio> {
        self.estimates
            .ratio(&format!("peers_{what}_{form}"), peer, OURS)
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    target_directory: PathBuf,
}

/// The target folder of a workspace, as cargo sees it.
fn target(manifest: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|_| {
        format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    Ok(metadata.target_directory)
}
