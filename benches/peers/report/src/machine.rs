//! Where the figures come from.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The machine and the versions.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Model and number of processors.
    pub(crate) cpu: String,
    pub(crate) rustc: String,
    /// Each with its version.
    pub(crate) crates: Vec<String>,
}

const CRATES: [&str; 10] = [
    "serde_json",
    "sonic-rs",
    "simd-json",
    "vrl",
    "flate2",
    "zlib-rs",
    "miniz_oxide",
    "libdeflater",
    "zstd",
    "criterion",
];

impl Machine {
    pub(crate) fn read(benches: &Path) -> Result<Self, String> {
        let lock = benches.join("peers/Cargo.lock");
        let lock = fs::read_to_string(lock).map_err(|error| format!("Cargo.lock: {error}"))?;
        let crates = CRATES.iter().filter_map(|name| {
            let version = version(&lock, name)?;
            Some(format!("{name} {version}"))
        });
        Ok(Self {
            cpu: cpu(),
            rustc: rustc()?,
            crates: crates.collect(),
        })
    }
}

fn cpu() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let arch = std::env::consts::ARCH;
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim())
    });
    match model {
        Some(model) => format!("{model}, {cores} cores, {arch}"),
        None => format!("{cores} cores, {arch}"),
    }
}

fn rustc() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let output = output.map_err(|error| format!("rustc --version: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .split(" (")
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned())
}

/// The version of a package in a lock file; the last one, if there are several.
fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let head = format!("name = \"{name}\"\nversion = \"");
    let at = lock.rfind(&head)? + head.len();
    lock[at..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_by_the_whole_name() {
        let lock = "[[package]]\nname = \"zstd-safe\"\nversion = \"7.0\"\n\n[[package]]\nname = \"zstd\"\nversion = \"0.1\"\n";
        assert_eq!(version(lock, "zstd"), Some("0.1"));
        assert_eq!(version(lock, "vrl"), None);
    }
}
